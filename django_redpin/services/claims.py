"""What an event claims, compared with what we created: no call is needed for that.

What does not fit calls for a person, and for nobody else: whoever knows the session's URL can
claim anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from ..client import EventMessage
from ..models import PaymentSession, SessionRecipient
from ..rules.statuses import PAYOUT, RECEIVED_FUNDS, REFUNDED
from .shares import shares_of

_IDENTITY: Final = (
    "session_id",
    "customer_id",
    "client_reference_id",
    "client_customer_ref",
)
_OF_THE_PAYER: Final = (RECEIVED_FUNDS, REFUNDED)


def identity_claim_mismatch(
    session: PaymentSession, message: EventMessage, *, is_trusted: bool
) -> str:
    """Return how the event names another session or customer than ours, or "".

    Where Redpin is asked, its list says which payment it is; where a signature is trusted instead
    (`is_trusted`), it has to be the one on record.
    """
    for name in (*_IDENTITY, "payment_id") if is_trusted else _IDENTITY:
        if session.anonymised_at and name == "client_customer_ref":
            continue  # Ours is a pseudonym.
        ours, claimed = getattr(session, name), getattr(message, name)
        if ours and claimed and ours != claimed:
            return f"An event names another {name} than the one on record."
    return ""


def amount_claim_mismatch(session: PaymentSession, message: EventMessage) -> str:
    """Return how the amount or the payee that the event tells of is not what we created, or "".

    The funds may come in the payer's currency, and a refund may be in it, or in part; what is
    bought, and what is paid out, is what the session says.
    """
    status = message.status
    if message.amount_is_unreadable:
        return f"An event says {status} of an amount that can't be read."
    expected = {session.amount}
    if status in PAYOUT:
        shares = shares_of(session, message.recipient_id)
        unknown = session.shares.filter(recipient__recipient_id__isnull=True)
        if message.recipient_id and not shares and not unknown:
            return f"An event says {status} of a recipient that this session does not have."
        expected = {sum(_amounts(shares), Decimal())} if shares else set(_amounts(unknown))
    if message.amount is None or not expected:
        return ""
    currency, amount = message.amount
    if currency != session.currency:
        fits = status in _OF_THE_PAYER
    else:
        fits = amount in expected or (status == REFUNDED and 0 < amount < session.amount)
    return "" if fits else f"An event says {status} of another amount than was agreed."


def _amounts(shares: Iterable[SessionRecipient]) -> list[Decimal]:
    return [share.amount for share in shares]
