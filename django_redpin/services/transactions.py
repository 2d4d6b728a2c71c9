"""Transactions: none open while Redpin is called, none lost to a deadlock."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet

from ..exceptions import OpenTransactionError

_P = ParamSpec("_P")
_T = TypeVar("_T")

_TRIES: Final = 4

# The database rolled the whole transaction back because of somebody else's: deadlock, serialization
# failure, a lock that was not given in time. PostgreSQL's SQLSTATEs and MariaDB's numbers.
_SQLSTATES: Final = frozenset({"40001", "40P01", "55P03"})
_ERRNOS: Final = frozenset({1020, 1205, 1213})
_SQLITE_BUSY: Final = ("database is locked", "database table is locked")


def require_no_transaction(verb: str) -> None:
    """Raise `OpenTransactionError`, which names `verb`, inside an open transaction.

    With autocommit off there always is one, as the next statement begins it.
    """
    if not connection.in_atomic_block:
        if not connection.get_autocommit():
            raise OpenTransactionError(verb)
        return
    try:
        # Django refuses a durable block inside another one, except a test case's own.
        with transaction.atomic(durable=True):
            pass
    except RuntimeError:
        raise OpenTransactionError(verb) from None


def retried(work: Callable[_P, _T]) -> Callable[_P, _T]:
    """Decorate a function that is one transaction, or one statement: a deadlock's loser repeats it.

    Databases with row locks may choose any transaction as a deadlock's victim; what it did is then
    undone and has to be done again. Three times at most, after a pause of some milliseconds.
    Inside a transaction of the caller's the error is raised as it is: all of that is undone too.
    """

    @wraps(work)
    def repeat(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        for attempt in range(1, _TRIES):
            try:
                return work(*args, **kwargs)
            except OperationalError as error:
                if connection.in_atomic_block or not _is_conflict(error):
                    raise
            time.sleep(attempt * secrets.randbelow(50) / 1000)
        return work(*args, **kwargs)

    return repeat


@retried
def update(rows: QuerySet[Any], **changes: Any) -> int:
    """Update the rows by one statement of its own, and return how many there were."""
    return rows.update(**changes)


def _is_conflict(error: OperationalError) -> bool:
    cause = error.__cause__
    sqlstate = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)  # psycopg 3, 2
    code = error.args[0] if error.args else None  # mysqlclient, sqlite3
    return sqlstate in _SQLSTATES or code in _ERRNOS or code in _SQLITE_BUSY
