"""Claim an event, and read it with the session that it is about: by one statement, where one can.

PostgreSQL's WITH may hold a write, whose row is then joined with others. Elsewhere it takes three.
"""

from __future__ import annotations

from django.db import connection
from django.db.models.sql import UpdateQuery

from ..models import PaymentSession, WebhookEvent
from .leases import claim, claiming
from .transactions import retried


def take_event(pk: int) -> tuple[WebhookEvent, PaymentSession | None] | None:
    """Claim the event with this primary key; return it, and the session whose URL it came to.

    Returns None where it is done, not due, or in another worker's hands (`leases.claim`).
    """
    if connection.vendor == "postgresql":
        return _taken_with_its_session(pk)
    if not claim(WebhookEvent, pk):
        return None
    event = WebhookEvent.objects.get(pk=pk)
    sessions = PaymentSession.objects.filter(
        account=event.account, client_reference_id=event.client_reference_id
    )
    return event, sessions.first() if event.client_reference_id else None


@retried
def _taken_with_its_session(pk: int) -> tuple[WebhookEvent, PaymentSession | None] | None:
    rows, changes = claiming(WebhookEvent, pk)
    query: UpdateQuery = rows.query.chain(UpdateQuery)  # type: ignore[assignment]
    query.add_update_values(changes)
    update, arguments = query.get_compiler(connection.alias).as_sql()
    fields = WebhookEvent._meta.concrete_fields
    columns = ", ".join(f'taken."{each.column}" AS taken_{each.attname}' for each in fields)
    sql = (
        f"WITH taken AS ({update} RETURNING *) "  # noqa: S608  Names of ours alone.
        f"SELECT session.*, {columns} FROM taken"
        f' LEFT JOIN "{PaymentSession._meta.db_table}" AS session'
        " ON session.account = taken.account"
        " AND session.client_reference_id = taken.client_reference_id"
    )
    # The database gives each column of an event as Python has it.
    for session in PaymentSession.objects.raw(sql, arguments):
        names = [each.attname for each in fields]
        values = [session.__dict__.pop(f"taken_{name}") for name in names]
        event = WebhookEvent.from_db(connection.alias, names, values)
        return event, session if session.pk is not None else None
    return None
