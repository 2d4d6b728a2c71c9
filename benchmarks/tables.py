"""Be connected to a data set instead of the run's own database, or to several by turns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from . import data_set
from .databases import POSTGRES

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper


class Table:
    """A database with so many sessions."""

    def __init__(self, rows: int, connection: BaseDatabaseWrapper) -> None:
        self.rows = rows
        self.connection = connection

    def use(self) -> None:
        """Have all that follows in this thread go to it."""
        from django.db import connections

        connections["default"] = self.connection


@contextmanager
def of(*sizes: int) -> Iterator[list[Table]]:
    """Return, as a context, a table of each size; those that are not there yet are built.

    Afterwards all goes to the run's own database again.
    """
    from django.db import connections

    own = connections["default"]
    tables = [Table(rows, _connection(data_set.build(POSTGRES, rows))) for rows in sizes]
    try:
        yield tables
    finally:
        connections["default"] = own
        for table in tables:
            with closing(table.connection):
                pass


def _connection(url: str) -> BaseDatabaseWrapper:
    import environ
    from django.conf import settings
    from django.db.utils import ConnectionHandler

    given = {**settings.DATABASES["default"], **environ.Env.db_url_config(url)}
    # Else each request would begin with a new connection, which would drown everything.
    return ConnectionHandler({"default": {**given, "OPTIONS": {}, "CONN_MAX_AGE": None}})["default"]
