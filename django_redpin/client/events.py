"""What Redpin posts: both envelopes of its events, flat and nested, read into one shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from ..exceptions import UnreadableEvent
from ..rules import exact_json
from .messages import read_time, text

PAYMENT_STATUS: Final = "PAYMENT STATUS"
THIRD_PARTY_CUSTOMER_STATUS: Final = "THIRD PARTY CUSTOMER STATUS"

# The flat envelope names no type. Its fields tell: all those of a line, the first that fits.
_TELLTALES: Final = (
    (PAYMENT_STATUS, ("payment_id", "status")),
    ("CUSTOMER STATUS", ("unique_identifier", "status")),
    ("VBAN STATUS", ("virtual_account_details",)),
    (THIRD_PARTY_CUSTOMER_STATUS, ("client_customer_ref", "status", "event_id")),
)

_NUMBER: Final = re.compile(r"[0-9]{1,30}(\.[0-9]{1,30})?")

# Where an event says how much was moved that has to fit what the session was created with.
# Inferred: Redpin's page shows `amount` and `buy_amount`, and cuts the others off.
_AMOUNTS: Final = {
    "RECEIVED_FUNDS": "amount",
    "FX_COMPLETED": "buy_amount",
    "PAYOUT_INITIATED": "amount",
    "PAYOUT_CREDITED": "amount",
    "PAYMENT_COMPLETED": "amount",
    "REFUNDED": "refund_amount",
}
# Those that Redpin's page names: there, something else than money is not what was documented.
_DOCUMENTED_AMOUNTS: Final = frozenset({"RECEIVED_FUNDS", "FX_COMPLETED", "REFUNDED"})

# Which version of the nested envelope Redpin documents.
ENVELOPE_VERSION: Final = "v1.0.0"

# As Redpin documents each envelope, by its name: what is the event's own, what it claims to be
# about, what belongs to the status, and the event's type, which the flat one does not name.
_Fields = Mapping[str, object]
ENVELOPES: Final[dict[str, Callable[[_Fields, _Fields, _Fields, str], dict[str, Any]]]] = {
    "flat": lambda head, claims, data, event_type: {**head, **claims, "data": dict(data)},
    "nested": lambda head, claims, data, event_type: {
        **head,
        "event_type": event_type,
        "version": ENVELOPE_VERSION,
        "data": {**claims, **data},
    },
}

# Documented, and of no concern here.
_OTHERS: Final = frozenset({"CUSTOMER STATUS", "VBAN STATUS", "REFERRAL CREATED"})


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
    client_customer_ref: str
    recipient_id: str
    at: datetime | None
    data: dict[str, Any] = field(repr=False)

    @property
    def is_payment_status(self) -> bool:
        """Whether this is an event of a payment, with all that such an event always has."""
        return self.event_type == PAYMENT_STATUS and bool(self.status and self.payment_id)

    @property
    def is_third_party_status(self) -> bool:
        """Whether Redpin approves or rejects a payer with it."""
        is_complete = bool(self.status and self.client_customer_ref)
        return self.event_type == THIRD_PARTY_CUSTOMER_STATUS and is_complete

    @property
    def amount(self) -> tuple[str, Decimal] | None:
        """The currency, and the amount in major units, that the event says were moved, or None."""
        claimed = self.data.get(_AMOUNTS.get(self.status, ""))
        if not isinstance(claimed, dict):
            return None
        currency, value = text(claimed.get("currency")).upper(), claimed.get("value")
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = Decimal(value)
        if not isinstance(value, (int, Decimal)) or isinstance(value, bool):
            return None
        return (currency, Decimal(value)) if currency else None

    @property
    def amount_is_unreadable(self) -> bool:
        """Whether there is something where Redpin documents an amount, and it is none."""
        is_there = self.data.get(_AMOUNTS.get(self.status, "")) is not None
        return is_there and self.status in _DOCUMENTED_AMOUNTS and self.amount is None


def is_other(event_type: str) -> bool:
    """Tell whether this is a documented type of event that is about no payment and no payer."""
    return event_type in _OTHERS


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
    fields = {**data, **{name: value for name, value in envelope.items() if value is not None}}

    def named(name: str, max_length: int = 255) -> str:
        return text(fields.get(name), max_length)

    # Upper case first: it may make a text longer, as "ß" becomes "SS".
    event_type = text(named("event_type").upper().replace("_", " "), 64)
    return EventMessage(
        event_id=named("event_id"),
        event_type=event_type or _told_by(fields),
        payment_id=named("payment_id", 100),
        status=named("status", 64),
        customer_id=named("customer_id"),
        session_id=named("session_id", 100),
        client_reference_id=named("client_reference_id", 100),
        client_customer_ref=named("client_customer_ref"),
        recipient_id=named("recipient_id", 100),
        at=read_time(fields.get("event_timestamp")),
        data=data,
    )


def made_event(
    envelope: str,
    event_id: str,
    at: datetime,
    claims: Mapping[str, object],
    data: Mapping[str, object] | None = None,
    event_type: str = PAYMENT_STATUS,
) -> dict[str, Any]:
    """Return an event as Redpin would post it, at that time in UTC; by default of a payment."""
    head = {"event_id": event_id, "event_timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return ENVELOPES[envelope](head, claims, data or {}, event_type)


def sample_body(envelope: str, event_id: str, at: datetime, claims: Mapping[str, str]) -> bytes:
    """Return the body of an event as Redpin would post it, of a payment, at that time in UTC."""
    return exact_json.dumps(made_event(envelope, event_id, at, claims))


def _told_by(fields: dict[str, Any]) -> str:
    found = (name for name, telltales in _TELLTALES if all(each in fields for each in telltales))
    return next(found, "")
