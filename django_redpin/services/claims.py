"""What an event claims, compared with what we created: no call is needed for that.

What does not fit calls for a person, and for nobody else: whoever knows the session's URL can
claim anything.
"""

from __future__ import annotations

from typing import Final

from ..client import EventMessage
from ..models import PaymentSession
from ..rules.statuses import PAYOUT, RECEIVED_FUNDS, REFUNDED
from .shares import shares_of

_IDENTITY: Final = (
    "session_id",
    "customer_id",
    "client_reference_id",
    "client_customer_ref",
)
_OF_THE_PAYER: Final = (RECEIVED_FUNDS, REFUNDED)


def identity_claim_mismatch(session: PaymentSession, message: EventMessage) -> str:
    """Return how the event names another session or customer than ours, or ""."""
    for name in _IDENTITY:
        ours, claimed = getattr(session, name), getattr(message, name)
        if ours and claimed and ours != claimed:
            return f"An event names another {name} than the one on record."
    return ""


def amount_claim_mismatch(session: PaymentSession, message: EventMessage) -> str:
    """Return how the amount or the payee that the event tells of is not what we created, or "".

    The funds may come in the payer's currency, and a refund may be in it, or in part; what is
    bought, and what is paid out, is what the session says.
    """
    is_payout = message.status in PAYOUT
    shares = shares_of(session, message.recipient_id) if is_payout else []
    if is_payout and message.recipient_id and not shares and _all_known(session):
        return f"An event says {message.status} of a recipient that this session does not have."
    if message.amount is None or (is_payout and not shares):
        return ""
    currency, amount = message.amount
    expected = sum(share.amount for share in shares) if is_payout else session.amount
    if currency != session.currency:
        fits = message.status in _OF_THE_PAYER
    else:
        fits = amount == expected or (message.status == REFUNDED and amount < expected)
    return "" if fits else f"An event says {message.status} of another amount than was agreed."


def _all_known(session: PaymentSession) -> bool:
    return not session.shares.filter(recipient__recipient_id__isnull=True).exists()
