"""What Redpin posts: both envelopes of its events, flat and nested, read into one shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ..exceptions import UnreadableEvent
from ..rules import exact_json
from .messages import read_time, text

PAYMENT_STATUS: Final = "PAYMENT STATUS"


@dataclass(frozen=True, slots=True)
class EventMessage:
    """What one event claims. Everything in it is a claim: Redpin documents no signature.

    Empty where the event doesn't say; `at` is UTC, `data` holds what belongs to the status.
    """

    event_id: str
    event_type: str
    payment_id: str
    status: str
    customer_id: str
    session_id: str
    client_reference_id: str
    recipient_id: str
    at: datetime | None
    data: dict[str, Any] = field(repr=False)

    @property
    def is_payment_status(self) -> bool:
        """Whether this is an event of a payment, with all that such an event always has."""
        return self.event_type == PAYMENT_STATUS and bool(self.status and self.payment_id)


def read_event(body: bytes) -> EventMessage:
    """Read the body of a webhook.

    The flat envelope has everything at the top and no `event_type`; the nested one has the
    payment's fields in `data`. Raises `UnreadableEvent` for what is no JSON object.
    """
    try:
        envelope = exact_json.loads(body)
    except ValueError as error:
        raise UnreadableEvent(f"The body is no JSON: {error}") from None
    if not isinstance(envelope, dict):
        raise UnreadableEvent("The body is JSON, but no object.")
    inner = envelope.get("data")
    data: dict[str, Any] = inner if isinstance(inner, dict) else {}
    # In the nested envelope these fields stand in `data`; at the top they take precedence.
    fields = {**data, **envelope}

    def named(name: str, max_length: int = 255) -> str:
        return text(fields.get(name), max_length)

    is_payment = "payment_id" in fields and "status" in fields
    # Upper case first: it may make a text longer, as "ß" becomes "SS".
    event_type = text(named("event_type").upper().replace("_", " "), 64)
    return EventMessage(
        event_id=named("event_id"),
        event_type=event_type or (PAYMENT_STATUS if is_payment else ""),
        payment_id=named("payment_id", 100),
        status=named("status", 64),
        customer_id=named("customer_id"),
        session_id=named("session_id", 100),
        client_reference_id=named("client_reference_id", 100),
        recipient_id=named("recipient_id", 100),
        at=read_time(fields.get("event_timestamp")),
        data=data,
    )
