"""What a believed fact changes, decided by what is held already: nothing is read or written here.

The greatest fact sets the status (`rules.statuses.Position`), so that any order of arrival, and
any number of repetitions, ends the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from ..models import PaymentSession, SessionRecipient, WebhookEvent
from ..rules.statuses import FINAL, RANKS, Position, may_follow, proves
from .schedule import next_look

State = PaymentSession.State

# A payment through one of these is one that should not be.
DEAD_ENDS: Final = {
    State.REJECTED: "A payment was made through a session that Redpin had rejected.",
    State.SUPERSEDED: "A payment was made through a session that had been replaced.",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A status that a payment reached, as Redpin's API confirmed it. `at` is UTC.

    `listed` is the status that Redpin shows at this moment. A fact with another status is one of
    the past, whatever time the event gives: Redpin vouches for the order, a body does not. `seen`
    is the position that the session had before Redpin was asked: an answer that is older than what
    the session holds by now is no longer the latest.

    A fact that a signature vouches for (`is_signed`) was not asked about: its time counts.
    """

    status: str
    at: datetime
    key: str
    payment_id: str
    session_id: str
    listed: str
    seen: str
    recipient_id: str = ""
    is_signed: bool = False
    event: WebhookEvent | None = None

    @property
    def is_latest(self) -> bool:
        """Whether it is what Redpin shows at this moment."""
        return self.status == self.listed


def _is_current(session: PaymentSession, fact: Fact) -> bool:
    """Tell whether Redpin showed this status after the one that the session holds was written."""
    return fact.is_latest and session.payment_status_position == fact.seen


def _is_past(session: PaymentSession, fact: Fact) -> bool:
    """Tell whether the session is known to be further on than the fact."""
    held = session.payment_status
    if not held or held == fact.status:
        return False
    leads_back = may_follow(held, fact.status)
    if may_follow(fact.status, held) and not leads_back:
        return True
    if fact.is_signed:
        return False  # The position, and so its time, has decided.
    if _is_current(session, fact):
        return False
    return held == fact.listed or not leads_back


def _position(session: PaymentSession, fact: Fact) -> Position:
    position = Position.of(fact.status, fact.at, fact.key)
    held = session.payment_status_position
    is_news = fact.status != session.payment_status and str(position) <= held
    if is_news and _is_current(session, fact):
        # Redpin shows this status now, so it came after the one on record; a clock was off, or a
        # status that we fetched was stamped later than the event that followed it.
        return _just_after(held, fact)
    return position


def _just_after(held: str, fact: Fact) -> Position:
    at = datetime.fromisoformat(held[:26] + "+00:00") + timedelta(microseconds=1)
    return Position.of(fact.status, at, fact.key)


def changes_of(session: PaymentSession, fact: Fact) -> dict[str, Any]:
    """Return what the fact changes in the session's row: nothing unless it is the greatest yet."""
    if not (fact.is_signed or proves(fact.listed, fact.status)):
        return {}  # It tells of one payee among several; of the payment, Redpin says otherwise.
    position = _position(session, fact)
    if str(position) <= session.payment_status_position or _is_past(session, fact):
        return {}
    now = timezone.now()
    changes: dict[str, Any] = {
        "payment_status": fact.status,
        "payment_status_position": str(position),
        "updated_at": now,
    }
    if not session.payment_id and fact.payment_id:
        changes["payment_id"] = fact.payment_id
    if not session.session_id and fact.session_id:
        changes["session_id"] = fact.session_id
    if session.state in (State.OPEN, State.EXPIRED) and fact.status not in FINAL:
        # News was just heard; if no more is, Redpin is asked until the payment has ended. One that
        # was begun just before its session expired opens it again.
        changes |= {"state": State.OPEN, "next_attempt_at": next_look(session, now)}
    if fact.status in FINAL:
        # The page has done its work, and its URL lets whoever has it in: it is not kept.
        changes["session_url"] = ""
        if session.state not in (*DEAD_ENDS, State.CLOSED):
            changes |= {"state": State.CLOSED, "leased_until": None, "next_attempt_at": None}
    return changes


def payout_position(share: SessionRecipient, fact: Fact, *, may_go_back: bool) -> Position | None:
    """Return the position that the share moves to by this fact, or None if it stays.

    One payee's payout goes on by the flow, whatever time an event gives, or the clock that it was
    held against. Back it goes only by a later fact that is sure to be about it.
    """
    position, held = Position.of(fact.status, fact.at, fact.key), share.payout_position
    is_further = RANKS[fact.status] > RANKS.get(share.payout_status, 0)
    if str(position) > held and (is_further or may_go_back):
        return position
    return _just_after(held, fact) if is_further and held else None
