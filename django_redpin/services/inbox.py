"""Put what was posted into the inbox: an event that is new is a row, a copy counts in that row.

PostgreSQL, SQLite and MariaDB do either by one statement, which tells what it did. Elsewhere, such
as on MySQL, it is an INSERT, and an UPDATE where that meets the unique key. What a copy changes in
the row stands once, for both; the columns are the model's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final, TypeAlias, TypeVar

from django.db import IntegrityError, connections, router, transaction
from django.db.models import BinaryField, Case, F, Field, Q, Value, When
from django.db.models.expressions import Combinable, RawSQL
from django.db.models.sql import UpdateQuery
from django.utils import timezone

from ..exceptions import OpenTransactionError
from ..models import WebhookEvent
from .columns import field_of, is_given, is_heard
from .transactions import retried, update

_T = TypeVar("_T")

_Column: TypeAlias = "Field[Any, Any]"


@dataclass(frozen=True, slots=True)
class _Words:
    """How a database words an upsert: what a copy changes, what it brings, and where bytes go."""

    changes: str = "ON CONFLICT ({key}) DO UPDATE SET {changes}"
    posted: str = "EXCLUDED.{column}"
    bytes: str = "%s"


# Where these are, and RETURNING: SQLite has it since 3.35, of MySQL's kind MariaDB alone.
_UPSERTS: Final = {
    "postgresql": _Words(),
    "sqlite": _Words(),
    "mysql": _Words("ON DUPLICATE KEY UPDATE {changes}", "VALUES({column})", "_binary %s"),
}
# What is told of the row. An event that is new has no duplicate yet, and a copy is one.
_TOLD: Final = ("id", "duplicates", "next_attempt_at")


@dataclass(frozen=True, slots=True)
class Kept:
    """The event's row, whether it was stored just now, and whether work is left to do with it."""

    pk: int
    is_new: bool
    is_due: bool


def keep(claims: Mapping[str, Any]) -> Kept:
    """Store an event, or count a copy of one that is there. It is committed on return.

    `claims` are the values of its columns, but for those that begin alike for all. The unique key
    decides, so that many copies at once make one row. A copy of an event that is not done yet
    makes it due again; a copy of one that is done is only counted. Raises `OpenTransactionError`
    inside a transaction of somebody else's; nothing is stored then.
    """
    now = timezone.now()
    values = {**claims, "next_attempt_at": now, "received_at": now}
    using = router.db_for_write(WebhookEvent)
    return _by_upsert(using, values) if _has_upsert(using) else _by_insert(using, values)


def _has_upsert(using: str) -> bool:
    """Tell whether one statement will do, and no receiver of a project's waits for a save."""
    connection = connections[using]
    return (
        connection.vendor in _UPSERTS
        and connection.features.can_return_rows_from_bulk_insert
        and not is_heard(WebhookEvent)
    )


def _column(name: str) -> _Column:
    return field_of(WebhookEvent, name)


def _changes(posted: Callable[[str], Combinable]) -> dict[str, Combinable]:
    """Return what a copy changes in the row; `posted` gives what it brings for a column."""
    # What Redpin has contradicted often enough costs no further call, however often it is posted.
    is_given_up = Q(outcome=WebhookEvent.Outcome.CONTRADICTED, next_attempt_at__isnull=True)
    is_undone = Q(processed_at__isnull=True) & ~is_given_up
    is_over = is_undone & Q(next_attempt_at=None)
    # One that is due by now stays where it is in the queue, and its index as it is.
    is_early = Q(next_attempt_at=None) | Q(next_attempt_at__gt=posted("next_attempt_at"))
    now = posted("next_attempt_at")
    due = Case(When(is_undone & is_early, then=now), default=F("next_attempt_at"))
    # One that was given up long ago has lost its body; the copy brings it again.
    whole = Case(When(is_undone & Q(body=b""), then=posted("body")), default=F("body"))
    none = Value(0, output_field=_column("attempts"))
    anew = Case(When(is_over, then=none), default=F("attempts"))
    copies = F("duplicates") + 1
    # MariaDB sets one column after the other, so what decides on `next_attempt_at` comes before it.
    return {"attempts": anew, "body": whole, "next_attempt_at": due, "duplicates": copies}


def _committed(using: str, work: Callable[[], _T]) -> _T:
    """Do what is one statement, committed on return.

    With autocommit, it commits itself. Else a savepoint keeps what the database refuses from
    undoing more than that.
    """
    if connections[using].get_autocommit():
        return work()
    with ExitStack() as stack:
        try:
            # Django refuses a durable block inside another one, except a test case's own.
            stack.enter_context(transaction.atomic(using, durable=True))
        except RuntimeError:
            raise OpenTransactionError("record_event") from None
        done = work()
    _commit(using)
    return done


def _commit(using: str) -> None:
    """Commit where Django never does by itself: with AUTOCOMMIT off in `DATABASES`."""
    connection = connections[using]
    if not connection.get_autocommit() and not connection.in_atomic_block:
        transaction.commit(using)


# --- By one statement -----------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Upsert:
    """The statement, and the columns whose values are its parameters; all else stands in it."""

    sql: str
    columns: tuple[_Column, ...]


@retried
def _by_upsert(using: str, values: Mapping[str, Any]) -> Kept:
    return _committed(using, partial(_upserted, using, values))


def _upserted(using: str, values: Mapping[str, Any]) -> Kept:
    connection = connections[using]
    with connection.cursor() as cursor:
        upsert = _upsert(using, tuple(values))
        parameters = [
            column.get_db_prep_save(values[column.attname], connection) for column in upsert.columns
        ]
        cursor.execute(upsert.sql, parameters)
        # To the end: SQLite commits there, and that may fail.
        ((pk, duplicates, next_attempt_at),) = cursor.fetchall()
    return Kept(pk, is_new=duplicates == 0, is_due=next_attempt_at is not None)


@cache
def _upsert(using: str, names: tuple[str, ...]) -> _Upsert:
    """Return the statement for values of these columns, in the words of this database.

    It is made of the model, and of what the ORM makes of `_changes`.
    """
    connection, meta = connections[using], WebhookEvent._meta
    words = _UPSERTS[connection.vendor]
    quoted = connection.ops.quote_name

    def literal(value: object) -> str:
        written: object = connection.schema_editor().quote_value(value)
        return written.decode() if isinstance(written, bytes) else str(written)

    def listed(columns: Iterable[_Column]) -> str:
        return ", ".join(quoted(str(column.column)) for column in columns)

    def posted(name: str) -> Combinable:
        sql = words.posted.format(column=listed([_column(name)]))
        return RawSQL(sql, (), output_field=_column(name))  # noqa: S611  Of names alone.

    filled = tuple(map(_column, names))
    rest = [column for column in meta.local_concrete_fields if column not in filled]
    begun = {
        column: literal(column.get_db_prep_save(column.get_default(), connection))
        for column in rest
        if not (is_given(column) or column.get_default() is None)
    }
    query: Any = WebhookEvent._base_manager.all().query.chain(UpdateQuery)
    query.add_update_values(_changes(posted))
    changes, parameters = query.get_compiler(using).as_sql()
    changes = changes.partition(" SET ")[2] % tuple(map(literal, parameters))
    (unique,) = meta.total_unique_constraints
    key = listed(map(_column, unique.fields))
    marks = [words.bytes if isinstance(column, BinaryField) else "%s" for column in filled]
    return _Upsert(
        f"INSERT INTO {quoted(meta.db_table)} ({listed([*filled, *begun])})"  # noqa: S608
        f" VALUES ({', '.join([*marks, *begun.values()])})"
        f" {words.changes.format(key=key, changes=changes)}"
        f" RETURNING {listed(map(_column, _TOLD))}",
        filled,
    )


# --- By an INSERT, and else an UPDATE -------------------------------------------------------------
def _by_insert(using: str, values: Mapping[str, Any]) -> Kept:
    event = WebhookEvent(**values)
    try:
        _insert(using, event)
    except IntegrityError:
        return _repeated(using, values)
    return Kept(event.pk, is_new=True, is_due=True)


@retried
def _insert(using: str, event: WebhookEvent) -> None:
    _committed(using, partial(event.save, force_insert=True, using=using))


def _repeated(using: str, values: Mapping[str, Any]) -> Kept:
    rows = WebhookEvent.objects.using(using).filter(account=values["account"], key=values["key"])
    # One statement: the fewer locks a copy takes, the fewer deadlocks there are.
    update(rows, **_changes(lambda name: Value(values[name], output_field=_column(name))))
    _commit(using)
    pk, next_attempt_at = rows.values_list("pk", "next_attempt_at").get()
    return Kept(pk, is_new=False, is_due=next_attempt_at is not None)
