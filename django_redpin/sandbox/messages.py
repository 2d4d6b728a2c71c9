"""What is posted: the text of an event, whole or spoilt as the faults of its delivery say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, NamedTuple

import simplejson

from .callback_faults import (
    AMOUNT,
    BROKEN_JSON,
    CURRENCY,
    FLAT,
    MISSING_FIELD,
    NESTED,
    WRONG_CONTENT_TYPE,
)
from .conf import options
from .ledger import Delivery
from .models import Session
from .versions import nested
from .wire import dumps, stamp

Event = dict[str, Any]

_AMOUNTS: Final = {AMOUNT: "value", CURRENCY: "currency"}


class Message(NamedTuple):
    """What is posted."""

    body: bytes
    content_type: str


def event_of(session: Session, **facts: object) -> Event:
    """Return Redpin's flat envelope of an event of this session."""
    return {
        "event_id": facts["event_id"],
        "payment_id": facts["payment_id"],
        "status": facts["status"],
        "customer_id": session.customer_id,
        "client_customer_ref": session.client_customer_ref,
        "client_reference_id": session.client_reference_id,
        "session_id": str(session.session_id),
        "event_timestamp": facts["event_timestamp"],
        "data": facts["data"],
    }


def message_of(delivery: Delivery) -> Message:
    """Return what is posted for a delivery, spoilt as it is marked; the same at every try."""
    event = event_of_delivery(delivery)
    kinds = [kind for kind, _value in delivery.faults]
    for kind, value in delivery.faults:
        if kind in _AMOUNTS:
            event = _with_amounts(event, {_AMOUNTS[kind]: value}, delivery.session)
    # The newest word on the envelope counts: one for this session after one for all.
    envelopes = [kind for kind in kinds if kind in (NESTED, FLAT)]
    usual = NESTED if options().version.is_nested else FLAT
    if (envelopes or [usual])[-1] == NESTED:
        event = nested(event)
    for kind, value in delivery.faults:
        if kind == MISSING_FIELD:
            event = _without(event, value)
    body = dumps(event).encode("ascii")
    if BROKEN_JSON in kinds:
        body = body[: len(body) // 2]
    is_declared = WRONG_CONTENT_TYPE not in kinds
    return Message(body, "application/json" if is_declared else "text/plain")


def event_of_delivery(delivery: Delivery) -> Event:
    """Return the flat envelope that a delivery is about, whole."""
    fact = delivery.fact
    if fact is None:
        forged: Event = simplejson.loads(delivery.event, use_decimal=True)
        return forged
    return event_of(
        delivery.session,
        event_id=str(fact.event_id),
        payment_id=fact.payment.payment_id,
        status=fact.status,
        event_timestamp=stamp(fact.due_at),
        data=simplejson.loads(fact.data, use_decimal=True),
    )


def _with_amounts(event: Event, change: dict[str, str], session: Session) -> Event:
    new = {name: Decimal(text) if name == "value" else text for name, text in change.items()}
    data: dict[str, Any] = dict(event["data"])
    names = [name for name, value in data.items() if isinstance(value, dict)]
    if not names:
        names, data["amount"] = ["amount"], session.total.wire()
    return event | {"data": data | {name: data[name] | new for name in names}}


def _without(event: Event, field: str) -> Event:
    kept = {name: value for name, value in event.items() if name != field}
    if isinstance(kept.get("data"), dict):
        kept["data"] = {name: value for name, value in kept["data"].items() if name != field}
    return kept
