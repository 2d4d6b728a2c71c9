"""Which share of a session a payout is about."""

from __future__ import annotations

from ..models import PaymentSession, SessionRecipient


def shares_of(session: PaymentSession, recipient_id: str) -> list[SessionRecipient]:
    """Return the shares of the recipient that Redpin names; none where that can't be told.

    A payee whose bank details were sent along has an id that only Redpin knows. Where one payee
    alone can be meant, it is that one.
    """
    shares = list(session.shares.select_related("recipient"))
    if recipient_id:
        named = [share for share in shares if share.recipient.recipient_id == recipient_id]
        shares = named or [share for share in shares if not share.recipient.recipient_id]
    return shares if len({share.recipient_id for share in shares}) == 1 else []
