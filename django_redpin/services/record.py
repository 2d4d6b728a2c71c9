"""Store what was posted, once, before anything is done with it."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from django.db import DatabaseError, DataError, IntegrityError, connection, transaction
from django.db.models import BinaryField, Case, F, PositiveSmallIntegerField, Q, Value, When
from django.utils import timezone

from ..client import EventMessage, read_event
from ..exceptions import OpenTransactionError
from ..models import WebhookEvent
from .queue import PROCESS_EVENT, enqueue
from .transactions import retried, update

# The columns that repeat what the body claims, for people who search.
_CLAIMS: Final = ("event_type", "event_id", "payment_id", "client_customer_ref", "status")
_INCORRECT_STRING_VALUE: Final = 1366  # MariaDB: the column's character set lacks a character.


@dataclass(frozen=True, slots=True)
class Recorded:
    """The event's row, and whether it was stored just now."""

    event: WebhookEvent
    is_new: bool


def record_event(
    body: bytes, *, account: str, client_reference_id: str, verifier: str, is_signed: bool = False
) -> Recorded:
    """Store an event that was verified, and have it processed. It is committed on return.

    One INSERT, and the unique key decides, so that many copies at once make one row. A copy of an
    event that is not done yet makes it due again; a copy of one that is done is only counted. The
    row's `session` is found by whoever processes it. `client_reference_id` is the one that the
    URL's token was signed for, or ""; `verifier` names what the post passed, and `is_signed` tells
    whether that covers the body.

    Raises `UnreadableEvent` for a body that is no JSON object, and `OpenTransactionError` inside
    a transaction of somebody else's; nothing is stored then.
    """
    message = read_event(body)
    reference = client_reference_id or message.client_reference_id
    key = event_key(message, body, reference)
    event = WebhookEvent(
        account=account,
        key=key,
        client_reference_id=reference,
        event_type=message.event_type,
        event_id=message.event_id,
        payment_id=message.payment_id,
        client_customer_ref=message.client_customer_ref,
        status=message.status,
        body=body,
        verifier=verifier[:255],
        is_signed=is_signed,
        next_attempt_at=timezone.now(),
    )
    try:
        _store(event, client_reference_id)
    except IntegrityError:
        return _repeated(account, key, body)
    enqueue(PROCESS_EVENT, event.pk)
    return Recorded(event, is_new=True)


def _store(event: WebhookEvent, reference: str) -> None:
    """Insert the row; where its columns can't hold what the body claims, without that.

    Such as in a database whose character set is not Unicode. The body is bytes, and always fits:
    an event that was verified must not be refused for ever.
    """
    try:
        _insert(event)
    except DatabaseError as error:
        if not isinstance(error, DataError) and error.args[:1] != (_INCORRECT_STRING_VALUE,):
            raise
        for name in _CLAIMS:
            setattr(event, name, "")
        event.client_reference_id = reference  # The one in the URL, which is plain.
        _insert(event)


@retried
def _insert(event: WebhookEvent) -> None:
    """Insert the row by one statement, committed on return.

    With autocommit, it commits itself. Else a savepoint keeps what a repetition's unique key
    refuses from undoing more than that.
    """
    if connection.get_autocommit():
        event.save(force_insert=True)
        return
    with ExitStack() as stack:
        try:
            # Django refuses a durable block inside another one, except a test case's own.
            stack.enter_context(transaction.atomic(durable=True))
        except RuntimeError:
            raise OpenTransactionError("record_event") from None
        event.save(force_insert=True)
    _commit()


def _commit() -> None:
    """Commit where Django never does by itself: with AUTOCOMMIT off in `DATABASES`."""
    if not connection.get_autocommit() and not connection.in_atomic_block:
        transaction.commit()


def event_key(message: EventMessage, body: bytes, reference: str) -> str:
    """Return what tells one event from another. Redpin: event_id and payment_id together.

    The session whose URL was posted to, and all that is claimed and acted upon, belong to it. Else
    a copy that was spoilt on its way, or whoever got hold of one session's URL, could come first
    and have the true event taken for a repetition. One that Redpin itself words anew makes a row
    that turns out to be nothing new.
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
        message.session_id,
        message.customer_id,
        message.client_reference_id,
        message.client_customer_ref,
        str(message.at),
        str(message.amount),
    )
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def _repeated(account: str, key: str, body: bytes) -> Recorded:
    rows = WebhookEvent.objects.filter(account=account, key=key)
    # What Redpin has contradicted often enough costs no further call, however often it is posted.
    is_given_up = Q(outcome=WebhookEvent.Outcome.CONTRADICTED, next_attempt_at__isnull=True)
    is_undone = Q(processed_at__isnull=True) & ~is_given_up
    due = Case(When(is_undone, then=Value(timezone.now())), default=F("next_attempt_at"))
    # One that was given up long ago has lost its body; the copy brings it again.
    posted = Value(body, output_field=BinaryField())
    whole = Case(When(is_undone & Q(body=b""), then=posted), default=F("body"))
    is_over = is_undone & Q(next_attempt_at=None)
    none = Value(0, output_field=PositiveSmallIntegerField())
    anew = Case(When(is_over, then=none), default=F("attempts"))
    # One statement: the fewer locks a copy takes, the fewer deadlocks there are. MariaDB sets one
    # column after the other, so what decides on `next_attempt_at` comes before it.
    copies = F("duplicates") + 1
    update(rows, attempts=anew, body=whole, next_attempt_at=due, duplicates=copies)
    _commit()
    event = rows.defer("body").get()
    if event.next_attempt_at is not None:
        enqueue(PROCESS_EVENT, event.pk)
    return Recorded(event, is_new=False)
