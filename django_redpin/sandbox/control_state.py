"""How things stand with a session: the same for the control page's tables and the control API.

It holds no key, no account and no callback URL in full, so it can be logged by whoever asks.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from .addresses import at_site, shown_callback
from .conf import options
from .ledger import CallbackFault, Delivery, Fact, Payment
from .messages import event_of_delivery
from .models import Session
from .wire import stamp

State = dict[str, Any]

# What a delivery can be in, as the page words it.
DELIVERY_STATES: Final[dict[str, Promise]] = {
    "delivered": gettext_lazy("received"),
    "dropped": gettext_lazy("dropped"),
    "given_up": gettext_lazy("given up"),
    "held": gettext_lazy("held back"),
    "posting": gettext_lazy("in the post"),
    "retrying": gettext_lazy("tried again"),
    "waiting": gettext_lazy("waiting"),
}


def state_of(session: Session, now: datetime) -> State:
    """Return how a session stands, as JSON types; times are in UTC."""
    payment = Payment.objects.filter(session=session).first()
    facts = payment.facts.select_related("recipient") if payment else []
    deliveries = session.deliveries.select_related("fact__payment", "session")
    return {
        "session_id": str(session.session_id),
        "client_reference_id": session.client_reference_id,
        "paused": session.paused,
        "expired": session.has_expired(now),
        "expires_at": stamp(session.expires_at),
        "latest_status": payment.status if payment else None,
        "payment": _payment(payment) if payment else None,
        "recipients": [
            {"recipient_id": recipient.recipient_id, "amount": recipient.amount.wire()}
            for recipient in session.recipients.select_related("session")
        ],
        "facts": [_fact(f, payment.facts_true) for f in facts] if payment else [],
        "deliveries": [_delivery(delivery) for delivery in deliveries],
        "callback_faults": faults_of(session),
    }


def faults_of(session: Session | None) -> list[State]:
    """Return the faults that wait for a session's next events; for None, those for any's."""
    return [
        {"kind": fault.kind, "value": fault.value, "events": fault.events_left}
        for fault in CallbackFault.objects.filter(session=session)
    ]


def _payment(payment: Payment) -> State:
    return {"payment_id": payment.payment_id, "sell_amount": payment.sell.wire()}


def _fact(fact: Fact, facts_true: int) -> State:
    return {
        "event_id": str(fact.event_id),
        "status": fact.status,
        "recipient_id": fact.recipient.recipient_id if fact.recipient else None,
        "has_happened": fact.position < facts_true,
        "at": stamp(fact.due_at),
    }


def _delivery(delivery: Delivery) -> State:
    event = event_of_delivery(delivery)
    return {
        "event_id": event["event_id"],
        "status": event["status"],
        "forged": delivery.fact is None,
        "to": shown_callback(at_site(delivery.url, options().site)),
        "state": _state(delivery),
        "tries": delivery.attempts,
        "answer": delivery.outcome or None,
        "tried_at": stamp(delivery.tried_at) if delivery.tried_at else None,
        "next_at": None if delivery.finished_at else stamp(delivery.next_at),
        "faults": [{"kind": kind, "value": value} for kind, value in delivery.faults],
    }


def _state(delivery: Delivery) -> str:
    if delivery.finished_at is not None:
        if delivery.delivered:
            return "delivered"
        return "given_up" if delivery.attempts else "dropped"
    if delivery.on_hold:
        return "held"
    if delivery.claimed_at is not None:
        return "posting"
    return "retrying" if delivery.attempts else "waiting"
