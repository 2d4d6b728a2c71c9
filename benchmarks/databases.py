"""Databases that a run makes, and drops again: their names begin with `bench_`."""

from __future__ import annotations

import os
import statistics
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from .options import Database, Plan
from .rounds import Race, Way, fair_race

POSTGRES: Final = os.environ.get("POSTGRES_URL", "postgres://postgres@127.0.0.1:5432")
MARIADB: Final = os.environ.get("MARIADB_URL", "mysql://root@127.0.0.1:3306")


def fresh(database: Database) -> AbstractContextManager[str]:
    """Return, as a context, the URL of a new database without tables, which is dropped after it."""
    return _FRESH[database]()


def version() -> str:
    """Return what the connected database calls itself."""
    from django.db import connection

    question = "sqlite_version()" if connection.vendor == "sqlite" else "version()"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {question}")
        return f"{connection.display_name} {cursor.fetchone()[0]}"


def durability() -> dict[str, str]:
    """Return the settings that decide when the connected database takes a commit for done."""
    from django.db import connection

    found = {}
    with connection.cursor() as cursor:
        for name in _DURABILITY[connection.vendor]:
            cursor.execute(_ASKED[connection.vendor].format(name=name))
            found[name] = str(cursor.fetchone()[-1])
    return found


def log_bytes(work: Callable[[], object], calls: int = 20) -> int | None:
    """Return how much a call of this has PostgreSQL write to its log; None elsewhere.

    The median of some calls: the server counts what anybody writes.
    """
    from django.db import connection

    if connection.vendor != "postgresql":
        return None
    at = [_log_position()]
    for _ in range(calls):
        work()
        at.append(_log_position())
    return int(statistics.median(after - before for before, after in pairwise(at)))


def _log_position() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")
        return int(cursor.fetchone()[0])


@contextmanager
def not_durable() -> Iterator[bool]:
    """Let commits of this connection wait for no disk, and tell whether they do.

    MariaDB knows of it for the whole server alone, where others may rely on it.
    """
    from django.db import connection

    sets = _NOT_DURABLE.get(connection.vendor)
    if sets is None:
        yield False
        return
    off, on = sets
    with connection.cursor() as cursor:
        cursor.execute(off)
    try:
        yield True
    finally:
        with connection.cursor() as cursor:
            cursor.execute(on)


def race_not_durable(ways: Sequence[Way], plan: Plan) -> Race | None:
    """Race these once more like that; return None where the database can't be told."""
    with not_durable() as is_told:
        return fair_race(ways, plan) if is_told else None


_DURABILITY: Final = {
    "postgresql": ("fsync", "synchronous_commit", "full_page_writes"),
    "sqlite": ("journal_mode", "synchronous"),
    "mysql": ("innodb_flush_log_at_trx_commit", "sync_binlog"),
}
_ASKED: Final = {
    "postgresql": "SHOW {name}",
    "sqlite": "PRAGMA {name}",
    "mysql": "SHOW VARIABLES LIKE '{name}'",
}
_NOT_DURABLE: Final = {
    "postgresql": ("SET synchronous_commit = off", "RESET synchronous_commit"),
    "sqlite": ("PRAGMA synchronous = OFF", "PRAGMA synchronous = FULL"),
}


def _name() -> str:
    return f"bench_{uuid.uuid4().hex[:12]}"


@contextmanager
def _postgresql() -> Iterator[str]:
    import psycopg

    name, server = _name(), f"{POSTGRES}/postgres"
    with closing(psycopg.connect(server, autocommit=True)) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    try:
        yield f"{POSTGRES}/{name}"
    finally:
        with closing(psycopg.connect(server, autocommit=True)) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@contextmanager
def _mariadb() -> Iterator[str]:
    name = _name()
    _on_mariadb(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    try:
        yield f"{MARIADB}/{name}"
    finally:
        _on_mariadb(f"DROP DATABASE {name}")


def _on_mariadb(statement: str) -> None:
    import MySQLdb

    server = urlsplit(MARIADB)
    host, port = server.hostname or "127.0.0.1", server.port or 3306
    with closing(
        MySQLdb.connect(
            host=host, port=port, user=server.username or "root", passwd=server.password or ""
        )
    ) as connection:
        connection.cursor().execute(statement)


@contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="bench_") as folder:
        yield f"sqlite:///{Path(folder) / 'db.sqlite3'}"


_FRESH: Final[dict[Database, Callable[[], AbstractContextManager[str]]]] = {
    "postgresql": _postgresql,
    "sqlite": _sqlite,
    "mariadb": _mariadb,
}


def swept_up() -> None:
    """Have PostgreSQL do by now what it would do after many rows, in the middle of a race."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
            cursor.execute("CHECKPOINT")
