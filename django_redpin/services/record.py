"""Store what was posted, once, before anything is done with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from ..client import EventMessage, read_event
from ..models import PaymentSession, WebhookEvent
from .queue import PROCESS_EVENT, enqueue
from .transactions import retried, update


@dataclass(frozen=True, slots=True)
class Recorded:
    """The event's row, and whether it was stored just now."""

    event: WebhookEvent
    is_new: bool


def record_event(
    body: bytes, *, account: str, client_reference_id: str, verifier: str, is_signed: bool = False
) -> Recorded:
    """Store an event that was verified, and have it processed after the commit.

    The insert comes first and the unique key decides, so that many copies at once make one row. A
    copy of an event that is not done yet makes it due again; a copy of one that is done is only
    counted. `client_reference_id` is the one that the URL's token was signed for, or ""; `verifier`
    names what the post passed, and `is_signed` tells whether that covers the body.

    Raises `UnreadableEvent` for a body that is no JSON object; nothing is stored then.
    """
    message = read_event(body)
    reference = client_reference_id or message.client_reference_id
    key = _key(message, body, reference)
    # Read before the transaction: one that reads first can't write on a busy SQLite.
    session = _session(account, reference)
    event = WebhookEvent(
        account=account,
        key=key,
        session=session,
        client_reference_id=reference,
        event_type=message.event_type,
        event_id=message.event_id,
        payment_id=message.payment_id,
        client_customer_ref=message.client_customer_ref,
        status=message.status,
        body=body,
        verifier=verifier,
        is_signed=is_signed,
        next_attempt_at=timezone.now(),
    )
    try:
        _insert(event)
    except IntegrityError:
        return _repeated(account, key)
    enqueue(PROCESS_EVENT, event.pk)
    return Recorded(event, is_new=True)


@retried
def _insert(event: WebhookEvent) -> None:
    with transaction.atomic():
        event.save(force_insert=True)


def _key(message: EventMessage, body: bytes, reference: str) -> str:
    """Return what tells one event from another. Redpin: event_id and payment_id together.

    The session whose URL was posted to, and what is claimed, belong to it: else whoever got hold
    of one session's URL could have another event taken for a repetition.
    """
    if not message.event_id:
        return hashlib.sha256(b"body\x00" + reference.encode() + b"\x00" + body).hexdigest()
    parts = (
        "event",
        reference,
        message.event_type,
        message.event_id,
        message.payment_id,
        message.status,
        message.recipient_id,
    )
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def _repeated(account: str, key: str) -> Recorded:
    rows = WebhookEvent.objects.filter(account=account, key=key)
    # What Redpin has contradicted often enough costs no further call, however often it is posted.
    is_given_up = Q(outcome=WebhookEvent.Outcome.CONTRADICTED, next_attempt_at__isnull=True)
    is_undone = Q(processed_at__isnull=True) & ~is_given_up
    due = Case(When(is_undone, then=Value(timezone.now())), default=F("next_attempt_at"))
    # One statement: the fewer locks a copy takes, the fewer deadlocks there are.
    update(rows, duplicates=F("duplicates") + 1, next_attempt_at=due)
    event = rows.get()
    if event.next_attempt_at is not None:
        enqueue(PROCESS_EVENT, event.pk)
    return Recorded(event, is_new=False)


def _session(account: str, reference: str) -> PaymentSession | None:
    if not reference:
        return None
    return PaymentSession.objects.filter(account=account, client_reference_id=reference).first()
