"""Apply one believed fact: by compare-and-set, with its journal, in one transaction.

The greatest fact sets the status (`rules.statuses.Position`), so that any order of arrival, and
any number of repetitions, ends the same.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from ..exceptions import FactNotApplied
from ..models import PaymentSession, SessionRecipient, WebhookEvent
from ..rules.statuses import FINAL, PAYOUT, RANKS, Position, may_follow, proves
from ..telemetry import LogEvent, tell
from .anonymous import of_nobody
from .journal import Subject, hold_for_review, write
from .schedule import next_look
from .shares import shares_of
from .transactions import retried

State = PaymentSession.State
logger: logging.Logger = logging.getLogger("django_redpin")

_TRIES: Final = 5

# A payment through one of these is one that should not be.
_DEAD_ENDS: Final = {
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


class _Lost(Exception):
    """Somebody moved the row between our read and our write."""


def apply_fact(session: PaymentSession, fact: Fact) -> bool:
    """Apply the fact and mark its event done; return whether anything was new.

    Raises `FactNotApplied` after five lost races, with nothing changed.
    """
    for attempt in range(_TRIES):
        if attempt and fact.event is not None and _is_finished(fact.event):
            return False  # Another worker, after our lease ran out.
        session.refresh_from_db()
        try:
            is_new = _apply(session, fact)
        except _Lost:
            continue
        except IntegrityError:
            hold_for_review(
                session,
                "Redpin tells of a payment or session id that another session has.",
                event=fact.event,
            )
            raise FactNotApplied("The payment belongs to another session.") from None
        session.refresh_from_db()
        return is_new
    raise FactNotApplied("The session was being changed by others; the event stays due.")


@retried
def _apply(session: PaymentSession, fact: Fact) -> bool:
    review_reason = session.review_reason
    try:
        with transaction.atomic():
            is_new = _move_payment(session, fact)
            is_new |= _move_payouts(session, fact)
            if is_new and session.state in _DEAD_ENDS:
                hold_for_review(session, _DEAD_ENDS[State(session.state)], event=fact.event)
            if fact.event is not None:
                _finish(fact.event, session, is_new=is_new)
    except Exception:
        # Rolled back: a repetition has to find the session as the database has it, not one that
        # is held for review already.
        session.review_reason = review_reason
        raise
    return is_new


def _move_payment(session: PaymentSession, fact: Fact) -> bool:
    """Move the session if the fact is the greatest one yet. The first statement is the write."""
    if not (fact.is_signed or proves(fact.listed, fact.status)):
        return False  # It tells of one payee among several; of the payment, Redpin says otherwise.
    position = _position(session, fact)
    if str(position) <= session.payment_status_position or _is_past(session, fact):
        return False
    changes = _changes(session, fact)
    won = PaymentSession.objects.filter(
        pk=session.pk,
        payment_status_position=session.payment_status_position,
        state=session.state,
    ).update(payment_status_position=str(position), updated_at=timezone.now(), **changes)
    if not won:
        raise _Lost
    if fact.status == session.payment_status:
        return False
    is_documented = not session.payment_status or may_follow(session.payment_status, fact.status)
    write(
        session,
        Subject.PAYMENT_STATUS,
        session.payment_status,
        fact.status,
        event=fact.event,
        occurred_at=fact.at,
        is_documented=is_documented,
    )
    if not is_documented:
        step = f"from {session.payment_status} to {fact.status}"
        tell(
            logger,
            LogEvent.SESSION_UNDOCUMENTED_STEP,
            "Session %s went %s, which is not documented.",
            session,
            step,
            account=session.account,
            session=session.pk,
            reference=session.client_reference_id,
            status=fact.status,
        )
        reason = f"Redpin went {step}, which its documents do not show."
        hold_for_review(session, reason, event=fact.event)
    if changes.get("state", session.state) != session.state:
        write(session, Subject.STATE, session.state, changes["state"], event=fact.event)
    return True


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


def _changes(session: PaymentSession, fact: Fact) -> dict[str, Any]:
    changes: dict[str, Any] = {"payment_status": fact.status}
    if not session.payment_id and fact.payment_id:
        changes["payment_id"] = fact.payment_id
    if not session.session_id and fact.session_id:
        changes["session_id"] = fact.session_id
    if session.state in (State.OPEN, State.EXPIRED) and fact.status not in FINAL:
        # News was just heard; if no more is, Redpin is asked until the payment has ended. One that
        # was begun just before its session expired opens it again.
        changes |= {"state": State.OPEN, "next_attempt_at": next_look(session, timezone.now())}
    if fact.status in FINAL:
        # The page has done its work, and its URL lets whoever has it in: it is not kept.
        changes["session_url"] = ""
        if session.state not in (*_DEAD_ENDS, State.CLOSED):
            changes |= {"state": State.CLOSED, "leased_until": None, "next_attempt_at": None}
    return changes


def _move_payouts(session: PaymentSession, fact: Fact) -> bool:
    """Move the share of the recipient that the fact is about."""
    if fact.status not in PAYOUT:
        return False
    shares = shares_of(session, fact.recipient_id)
    # Of several payees, what Redpin shows at this moment may be another's.
    may_go_back = fact.is_signed or (fact.is_latest and session.shares.count() == len(shares))
    is_new = False
    for share in shares:
        position = _payout_position(share, fact, may_go_back=may_go_back)
        if position is None:
            continue
        won = SessionRecipient.objects.filter(
            pk=share.pk, payout_position=share.payout_position
        ).update(payout_status=fact.status, payout_position=str(position))
        if not won:
            raise _Lost
        if share.payout_status != fact.status:
            is_new = True
            write(
                session,
                Subject.PAYOUT,
                share.payout_status,
                fact.status,
                event=fact.event,
                share=share,
                occurred_at=fact.at,
            )
    return is_new


def _payout_position(share: SessionRecipient, fact: Fact, *, may_go_back: bool) -> Position | None:
    """Return the position that the share moves to by this fact, or None if it stays.

    One payee's payout goes on by the flow, whatever time an event gives, or the clock that it was
    held against. Back it goes only by a later fact that is sure to be about it.
    """
    position, held = Position.of(fact.status, fact.at, fact.key), share.payout_position
    is_further = RANKS[fact.status] > RANKS.get(share.payout_status, 0)
    if str(position) > held and (is_further or may_go_back):
        return position
    return _just_after(held, fact) if is_further and held else None


def _is_finished(event: WebhookEvent) -> bool:
    return WebhookEvent.objects.filter(pk=event.pk, processed_at__isnull=False).exists()


def _finish(event: WebhookEvent, session: PaymentSession, *, is_new: bool) -> None:
    outcome = WebhookEvent.Outcome.APPLIED if is_new else WebhookEvent.Outcome.KNOWN
    done = WebhookEvent.objects.filter(pk=event.pk, processed_at__isnull=True).update(
        outcome=outcome,
        processed_at=timezone.now(),
        next_attempt_at=None,
        leased_until=None,
        last_error="",
        **of_nobody(session, is_done=True),
    )
    if not done:
        raise _Lost
