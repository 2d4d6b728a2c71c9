"""Store what was posted, once, before anything is done with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from django.db import DatabaseError, DataError

from ..client import EventMessage, read_event
from ..models import WebhookEvent
from .inbox import Kept, keep
from .queue import PROCESS_EVENT, enqueue

# The columns that repeat what the body claims, for people who search.
_CLAIMS: Final = ("event_type", "event_id", "payment_id", "client_customer_ref", "status")
_INCORRECT_STRING_VALUE: Final = 1366  # MariaDB: the column's character set lacks a character.


@dataclass(frozen=True, slots=True)
class Recorded:
    """The event's row, and whether it was stored just now."""

    pk: int
    is_new: bool

    @property
    def event(self) -> WebhookEvent:
        """The row, read when it is asked for: the webhook's answer needs nothing of it."""
        return WebhookEvent.objects.defer("body").get(pk=self.pk)


def record_event(
    body: bytes, *, account: str, client_reference_id: str, verifier: str, is_signed: bool = False
) -> Recorded:
    """Store an event that was verified, and have it processed. It is committed on return.

    The unique key decides, so that many copies at once make one row. A copy of an event that is
    not done yet makes it due again; a copy of one that is done is only counted. The row's
    `session` is found by whoever processes it. `client_reference_id` is the one that the URL's
    token was signed for, or ""; `verifier` names what the post passed, and `is_signed` tells
    whether that covers the body.

    Raises `UnreadableEvent` for a body that is no JSON object, and `OpenTransactionError` inside
    a transaction of somebody else's; nothing is stored then.
    """
    message = read_event(body)
    reference = client_reference_id or message.client_reference_id
    claims = {
        "account": account,
        "key": event_key(message, body, reference),
        "client_reference_id": reference,
        "event_type": message.event_type,
        "event_id": message.event_id,
        "payment_id": message.payment_id,
        "client_customer_ref": message.client_customer_ref,
        "status": message.status,
        "body": body,
        "verifier": verifier[:255],
        "is_signed": is_signed,
    }
    kept = _store(claims, client_reference_id)
    if kept.is_due:
        enqueue(PROCESS_EVENT, kept.pk)
    return Recorded(kept.pk, kept.is_new)


def _store(claims: dict[str, Any], reference: str) -> Kept:
    """Keep the event; where its columns can't hold what the body claims, without that.

    Such as in a database whose character set is not Unicode. The body is bytes, and always fits:
    an event that was verified must not be refused for ever.
    """
    try:
        return keep(claims)
    except DatabaseError as error:
        if not isinstance(error, DataError) and error.args[:1] != (_INCORRECT_STRING_VALUE,):
            raise
    # The reference in the URL is plain.
    return keep(claims | dict.fromkeys(_CLAIMS, "") | {"client_reference_id": reference})


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
