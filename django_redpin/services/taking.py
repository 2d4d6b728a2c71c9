"""Claim a row, and read it with those that it is about: by one statement, where one can.

PostgreSQL's WITH may hold a write, whose row is then joined with others. Elsewhere it takes two or
three.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from django.db import connection
from django.db.models import Field, Model
from django.db.models.sql import UpdateQuery

from ..models import PaymentSession, SessionRecipient, StatusTransition, WebhookEvent
from .leases import Leased, claim, claiming
from .transactions import retried


@dataclass(frozen=True, slots=True)
class _Join:
    """The row of another table whose columns are the same as these of the row that is taken."""

    model: type[Model]
    columns: tuple[tuple[str, str], ...]


_OF_EVENT: Final = (
    _Join(
        PaymentSession,
        (("account", "account"), ("client_reference_id", "client_reference_id")),
    ),
)
_OF_TRANSITION: Final = (
    _Join(PaymentSession, (("id", "session_id"),)),
    _Join(SessionRecipient, (("id", "share_id"),)),
    _Join(WebhookEvent, (("id", "event_id"),)),
)


def take_event(pk: int) -> tuple[WebhookEvent, PaymentSession | None] | None:
    """Claim the event with this primary key; return it, and the session whose URL it came to.

    Returns None where it is done, not due, or in another worker's hands (`leases.claim`).
    """
    if connection.vendor == "postgresql":
        found: tuple[WebhookEvent, PaymentSession | None] | None
        found = _taken(WebhookEvent, pk, _OF_EVENT)
        return found
    if not claim(WebhookEvent, pk):
        return None
    event = WebhookEvent.objects.get(pk=pk)
    sessions = PaymentSession.objects.filter(
        account=event.account, client_reference_id=event.client_reference_id
    )
    return event, sessions.first() if event.client_reference_id else None


def take_transition(pk: int) -> StatusTransition | None:
    """Claim the transition with this primary key; return it with its session, share and event.

    Returns None as `take_event` does.
    """
    if connection.vendor == "postgresql":
        taken = _taken(StatusTransition, pk, _OF_TRANSITION)
        if taken is None:
            return None
        transition: StatusTransition = taken[0]
        _, transition.session, transition.share, transition.event = taken
        return transition
    if not claim(StatusTransition, pk):
        return None
    return StatusTransition.objects.select_related("session", "share", "event").get(pk=pk)


@retried
def _taken(model: Leased, pk: int, joins: tuple[_Join, ...]) -> Any:
    """Return the row and the one of each join, or None for it; None where it can't be claimed."""
    rows, changes = claiming(model, pk)
    query: UpdateQuery = rows.query.chain(UpdateQuery)  # type: ignore[assignment]
    query.add_update_values(changes)
    update, arguments = query.get_compiler(connection.alias).as_sql()
    with connection.cursor() as cursor:
        cursor.execute(f"WITH taken AS ({update} RETURNING *) {_joined(model, joins)}", arguments)
        values = cursor.fetchone()
    if values is None:
        return None
    found = iter(values)
    return tuple(_row(each, found) for each in (model, *(join.model for join in joins)))


@cache
def _joined(model: type[Model], joins: tuple[_Join, ...]) -> str:
    columns, tables = _listed("taken", model), []
    for place, join in enumerate(joins):
        name = f"joined_{place}"
        same = " AND ".join(f"{name}.{theirs} = taken.{ours}" for theirs, ours in join.columns)
        columns += _listed(name, join.model)
        tables.append(f' LEFT JOIN "{join.model._meta.db_table}" AS {name} ON {same}')
    return f"SELECT {', '.join(columns)} FROM taken{''.join(tables)}"  # noqa: S608  Names of ours.


def _listed(table: str, model: type[Model]) -> list[str]:
    return [f'{table}."{field.column}"' for field in _fields(model)]


def _row(model: type[Model], found: Iterator[Any]) -> Model | None:
    """Return the row whose columns come next, as the ORM reads it; None where there is none."""
    names, values = [], []
    for field in _fields(model):
        value = next(found)
        read = getattr(field, "from_db_value", None)
        names.append(field.attname)
        values.append(value if read is None else read(value, None, connection))
    row = model.from_db(connection.alias, names, values)
    return None if row.pk is None else row


def _fields(model: type[Model]) -> Sequence[Field[Any, Any]]:
    return model._meta.concrete_fields
