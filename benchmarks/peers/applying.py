"""Applying an event by hand: one transaction of five statements, by the ORM and without it.

What one writes who believes a signature: lock the event, lock its session, move it, write down
that it moved, and say that the event is done.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.db import connection, transaction
from django.db.models import F

from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent

from ..shop import handed_on

if TYPE_CHECKING:
    import psycopg

_AGAIN: Final = timedelta(minutes=15)


def by_orm(pk: int) -> None:
    """Apply the event with this primary key, as one does with Django's ORM."""
    with transaction.atomic():
        event = WebhookEvent.objects.select_for_update().get(pk=pk)
        if event.processed_at is not None:
            return
        session = PaymentSession.objects.select_for_update().get(
            account=event.account, client_reference_id=event.client_reference_id
        )
        now, status, at, position = _claims(bytes(event.body), event.key)
        if position <= session.payment_status_position:
            return
        PaymentSession.objects.filter(pk=session.pk).update(
            payment_status=status,
            payment_status_position=position,
            payment_id=event.payment_id,
            next_attempt_at=now + _AGAIN,
            updated_at=now,
        )
        transition = StatusTransition.objects.create(
            session=session,
            subject=StatusTransition.Subject.PAYMENT_STATUS,
            from_value=session.payment_status,
            to_value=status,
            event=event,
            occurred_at=at,
            next_attempt_at=now,
        )
        WebhookEvent.objects.filter(pk=pk).update(
            session=session,
            outcome=WebhookEvent.Outcome.APPLIED,
            processed_at=now,
            next_attempt_at=None,
            leased_until=None,
            attempts=F("attempts") + 1,
            last_error="",
        )
        transaction.on_commit(partial(handed_on, transition.pk))


def by_sql(pk: int) -> None:
    """Do the same by PostgreSQL's prepared statements, with no ORM in between."""
    connection.ensure_connection()
    driver: psycopg.Connection[Any] = connection.connection
    with driver.transaction():
        execute = partial(_prepared(driver).execute, prepare=True)
        account, reference, body, key, payment_id, done_at = _row(execute(_EVENT, [pk]))
        if done_at is not None:
            return
        session, before, held = _row(execute(_SESSION, [account, reference]))
        now, status, at, position = _claims(body, key)
        if position <= held:
            return
        execute(_MOVE, [status, position, payment_id, now + _AGAIN, now, session])
        execute(_WRITE, [session, before, status, pk, at, now, now])
        execute(_DONE, [session, now, pk])
    handed_on(pk)


_EVENT: Final = """
    SELECT account, client_reference_id, body, key, payment_id, processed_at
    FROM redpin_webhookevent WHERE id = %s FOR UPDATE
"""
_SESSION: Final = """
    SELECT id, payment_status, payment_status_position
    FROM redpin_paymentsession WHERE account = %s AND client_reference_id = %s FOR UPDATE
"""
_MOVE: Final = """
    UPDATE redpin_paymentsession
    SET payment_status = %s, payment_status_position = %s, payment_id = %s, next_attempt_at = %s,
        updated_at = %s
    WHERE id = %s
"""
_WRITE: Final = """
    INSERT INTO redpin_statustransition
        (session_id, subject, from_value, to_value, event_id, is_documented, note, occurred_at,
        created_at, outcome, attempts, next_attempt_at, last_error)
    VALUES (%s, 'payment_status', %s, %s, %s, true, '', %s, %s, 'pending', 0, %s, '')
    RETURNING id
"""
_DONE: Final = """
    UPDATE redpin_webhookevent
    SET session_id = %s, outcome = 'applied', processed_at = %s, next_attempt_at = NULL,
        leased_until = NULL, attempts = attempts + 1, last_error = ''
    WHERE id = %s
"""


def _claims(body: bytes, key: str) -> tuple[datetime, str, datetime, str]:
    """Return the time, the status, when it was reached, and where that is in the order of all."""
    told = json.loads(body)
    at = datetime.fromisoformat(told["event_timestamp"].replace("Z", "+00:00"))
    return datetime.now(timezone.utc), told["data"]["status"], at, f"{at.isoformat()} {key}"


def _prepared(driver: psycopg.Connection[Any]) -> psycopg.Cursor[Any]:
    """Return a cursor that binds values on the server; Django's own does not."""
    import psycopg

    return psycopg.Cursor(driver)


def _row(cursor: psycopg.Cursor[Any]) -> tuple[Any, ...]:
    found: tuple[Any, ...] = cursor.fetchone() or ()
    return found
