"""How far a session has come, in the few words that people count by."""

from __future__ import annotations

from enum import Enum
from typing import Final

from ..models import PaymentSession
from ..rules.statuses import BOUNCED_BACK, CANCELLED, PAYMENT_COMPLETED, REFUNDED

_State = PaymentSession.State


class Stage(str, Enum):
    """Each session is in one of these; in the order in which people want to read them."""

    PAID = "paid"
    UNDER_WAY = "under_way"
    OPEN = "open"
    REVIEW = "review"
    RETURNED = "returned"
    LAPSED = "lapsed"


_BY_STATUS: Final[dict[str, Stage]] = {
    PAYMENT_COMPLETED: Stage.PAID,
    CANCELLED: Stage.RETURNED,
    BOUNCED_BACK: Stage.RETURNED,
    REFUNDED: Stage.RETURNED,
}
# What no payment has begun of.
_BY_STATE: Final[dict[str, Stage]] = {
    _State.CREATING: Stage.OPEN,
    _State.UNKNOWN: Stage.OPEN,
    _State.OPEN: Stage.OPEN,
    _State.CLOSED: Stage.LAPSED,
    _State.REJECTED: Stage.LAPSED,
    _State.EXPIRED: Stage.LAPSED,
    _State.SUPERSEDED: Stage.LAPSED,
}


def stage_of(state: str, payment_status: str, *, needs_review: bool) -> Stage:
    """Return the stage; what needs review is paid to nobody's knowledge until it is released."""
    if needs_review:
        return Stage.REVIEW
    if payment_status:
        return _BY_STATUS.get(payment_status, Stage.UNDER_WAY)
    return _BY_STATE[state]
