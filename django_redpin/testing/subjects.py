"""What an event of a payment is about, and Redpin's ids of it: the same for the same reference.

The ids follow from the merchant's own reference, so that a test that fixes the reference knows them
all, and no two sessions of a database share one, whichever fake made them.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from moneyed import Money

if TYPE_CHECKING:
    from ..models import PaymentSession

_NAMESPACE: Final = uuid.UUID("5d0c2a5e-3a5b-5c39-9a0e-3f6a2f1f7f10")


@dataclass(frozen=True, slots=True)
class Payout:
    """What one recipient gets. Major units."""

    recipient_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Subject:
    """One session and its payment, by all the names that Redpin's events use."""

    customer_id: str
    client_customer_ref: str
    client_reference_id: str
    session_id: str
    payment_id: str
    amount: Money
    payouts: tuple[Payout, ...]


def subject_of(session: PaymentSession) -> Subject:
    """Return what events of this session are about. Ids that Redpin has not told are made up."""
    reference = session.client_reference_id
    shares = session.shares.select_related("recipient", "session")
    return Subject(
        customer_id=session.customer_id,
        client_customer_ref=session.client_customer_ref,
        client_reference_id=reference,
        session_id=session.session_id or session_id_of(session.customer_id, reference),
        payment_id=session.payment_id or payment_id_of(session.customer_id, reference),
        amount=session.money,
        payouts=tuple(
            Payout(share.recipient.recipient_id or recipient_id_of(reference, place), share.money)
            for place, share in enumerate(shares)
        ),
    )


def session_id_of(customer_id: str, reference: str) -> str:
    """Return the `session_id` of a session: a UUID."""
    return str(_made("session", customer_id, reference))


def payment_id_of(customer_id: str, reference: str) -> str:
    """Return the `payment_id` of the session's payment: 12 digits."""
    return _digits(_made("payment", customer_id, reference), 12)


def recipient_id_of(reference: str, place: int = 0) -> str:
    """Return the `recipient_id` of a payee without one: 7 digits.

    By the reference of what named the payee, and its place there, which counts from 0.
    """
    return _digits(_made("recipient", reference, str(place)), 7)


def event_id_of(*parts: str) -> str:
    """Return the `event_id` of the event of which this is told: a UUID."""
    return str(_made("event", *parts))


def _made(*parts: str) -> uuid.UUID:
    return uuid.uuid5(_NAMESPACE, "\x00".join(parts))


def _digits(made: uuid.UUID, length: int) -> str:
    first = 10 ** (length - 1)
    return str(first + made.int % (9 * first))
