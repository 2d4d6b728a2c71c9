"""What there is to say of a session to its payer: one view for each, by its name.

A view's name is that of its template, of its CSS modifier and of what the status endpoint tells.
"""

from __future__ import annotations

from typing import Final

from django.utils import timezone

from ..models import PaymentSession
from ..rules.statuses import BOUNCED_BACK, CANCELLED, PAYMENT_COMPLETED, REFUNDED
from .source import frame_source

State = PaymentSession.State

OPEN: Final = "open"
PREPARING: Final = "preparing"
UNDER_WAY: Final = "under_way"
PAID: Final = "paid"
CALLED_OFF: Final = "called_off"
EXPIRED: Final = "expired"
ATTENTION: Final = "attention"
NOTHING: Final = "nothing"

VIEWS: Final = (OPEN, PREPARING, UNDER_WAY, PAID, CALLED_OFF, EXPIRED, ATTENTION, NOTHING)

_BY_STATUS: Final[dict[str, str]] = {
    PAYMENT_COMPLETED: PAID,
    CANCELLED: CALLED_OFF,
    REFUNDED: CALLED_OFF,
    BOUNCED_BACK: ATTENTION,
}
_BY_STATE: Final[dict[str, str]] = {
    State.CREATING: PREPARING,
    State.UNKNOWN: PREPARING,
    State.EXPIRED: EXPIRED,
    State.REJECTED: ATTENTION,
    State.SUPERSEDED: EXPIRED,
    State.CLOSED: ATTENTION,
}


def view_of(session: PaymentSession) -> str:
    """Return the name of the view that the session's state and payment status call for."""
    if session.review_reason:
        return ATTENTION
    if session.payment_status:
        return _BY_STATUS.get(session.payment_status) or (
            # While money is under way the page still tells the payer how to send it.
            OPEN if not _is_past(session) and frame_source(session) else UNDER_WAY
        )
    if session.state != State.OPEN:
        return _BY_STATE[session.state]
    if _is_past(session):
        return EXPIRED
    return OPEN if frame_source(session) else ATTENTION


def is_final(session: PaymentSession, view: str) -> bool:
    """Tell whether nothing will change any more of what the payer sees: the session's view."""
    return session.state == State.REJECTED or view in (PAID, CALLED_OFF)


def _is_past(session: PaymentSession) -> bool:
    return session.expires_at is not None and session.expires_at <= timezone.now()
