"""Tell receivers of a transition: after its commit, at least once, with a stable id."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from django.db.models import QuerySet
from django.dispatch import Signal
from django.utils import timezone

from .. import signals
from ..models import PaymentSession, StatusTransition
from ..rules.statuses import FAILED, PAYMENT_COMPLETED
from ..telemetry import LogEvent, Metric, Spans, measure, note, tell, traced
from .announce import announce, raise_time_limit
from .journal import Subject, rearm_held
from .leases import MAX_ATTEMPTS, retry_at
from .opening import UNFINISHED
from .taking import read_transition, take_transition
from .transactions import update

logger: logging.Logger = logging.getLogger("django_redpin")
State = PaymentSession.State
Outcome = StatusTransition.Outcome

_BY_STATE: Final[dict[str, Signal]] = {
    State.EXPIRED: signals.payment_session_expired,
    State.REJECTED: signals.payment_session_rejected,
}
_BY_STATUS: Final[dict[str, Signal]] = {
    PAYMENT_COMPLETED: signals.payment_completed,
    **dict.fromkeys(FAILED, signals.payment_failed),
}


@traced(Spans.DISPATCH)
def dispatch_transition(pk: int) -> bool:
    """Send the signals of the transition with this primary key; return whether all went well.

    Safe to call again and by several workers. A receiver that raises stops no other; the
    transition is then sent again later, to all receivers, with the same id, and given up in the
    end. That a payment is complete is held back while its session needs review.
    """
    transition = take_transition(pk)
    return transition is not None and _tell(transition)


@traced(Spans.DISPATCH)
def dispatch_claimed(pk: int, transition: StatusTransition | None = None) -> bool:
    """Do the same with a transition that was claimed when it was written just now.

    `transition` is its row as it was written, with the others as they were then.
    """
    return _tell(transition or read_transition(pk))


def _tell(transition: StatusTransition) -> bool:
    note(
        Spans.DISPATCH,
        account=transition.session.account,
        transition=transition.pk,
        session=transition.session_id,
        attempt=transition.attempts,
    )
    if transition.subject == Subject.REVIEW and not transition.to_value:
        rearm_held(transition.session)  # Should who released it have died before doing so.
    if _is_held(transition):
        _hold(transition)
        return False
    if transition.attempts > MAX_ATTEMPTS:  # None came to an end: a receiver kills its workers.
        _failed(transition, "Its attempts never end.")
        return False
    failures = [
        failure
        for signal in _signals(transition)
        for failure in announce(
            signal,
            PaymentSession,
            session=transition.session,
            transition=transition,
            event=transition.event,
            share=transition.share,
        )
    ]
    if failures:
        _failed(transition, "; ".join(failure.text for failure in failures))
        raise_time_limit(failures)
        return False
    update(
        _untold(transition),
        outcome=Outcome.TOLD,
        dispatched_at=timezone.now(),
        next_attempt_at=None,
        leased_until=None,
        last_error="",
    )
    _note_end(Outcome.TOLD)
    lag = timezone.now() - transition.created_at
    measure(Metric.DISPATCH_LAG, lag.total_seconds())
    return True


def _failed(transition: StatusTransition, reason: str) -> None:
    """Note why, and when receivers are told again; in the end it is left for a person."""
    is_given_up = transition.attempts >= MAX_ATTEMPTS
    outcome = Outcome.DEAD if is_given_up else Outcome.PENDING
    _note_end(outcome)
    update(
        _untold(transition),
        outcome=outcome,
        next_attempt_at=None if is_given_up else retry_at(transition.attempts),
        leased_until=None,
        last_error=reason[:500],
    )
    cure = f" It is given up; redpin_redrive --transition {transition.pk} tells them again."
    tell(
        logger,
        LogEvent.TRANSITION_GIVEN_UP if is_given_up else LogEvent.TRANSITION_FAILED,
        "Receivers failed for transition %s: %s.%s",
        transition.pk,
        reason,
        cure * is_given_up,
        account=transition.session.account,
        transition=transition.pk,
        session=transition.session_id,
        attempt=transition.attempts,
    )


def _note_end(outcome: StatusTransition.Outcome) -> None:
    note(Spans.DISPATCH, outcome=outcome)
    measure(Metric.DISPATCHES, labels={"redpin.outcome": outcome})


def _untold(transition: StatusTransition) -> QuerySet[StatusTransition]:
    """Return the row, unless another worker has told of it since our lease ran out."""
    return StatusTransition.objects.filter(pk=transition.pk, dispatched_at__isnull=True)


def _is_held(transition: StatusTransition) -> bool:
    is_success = _BY_STATUS.get(transition.to_value) is signals.payment_completed
    is_of_payment = transition.subject == Subject.PAYMENT_STATUS
    return is_of_payment and is_success and bool(transition.session.review_reason)


def _hold(transition: StatusTransition) -> None:
    """Leave the transition until a person has looked at its session."""
    update(_untold(transition), outcome=Outcome.HELD, next_attempt_at=None, leased_until=None)
    _note_end(Outcome.HELD)
    tell(
        logger,
        LogEvent.TRANSITION_HELD,
        "Transition %s is held back: its session needs review.",
        transition.pk,
        account=transition.session.account,
        transition=transition.pk,
        session=transition.session_id,
    )
    transition.session.refresh_from_db(fields=["review_reason"])
    if not transition.session.review_reason:  # Released since we read it, and before we held it.
        rearm_held(transition.session)


def _signals(transition: StatusTransition) -> Iterable[Signal]:
    """Return the signals that tell of this transition, the general one first."""
    if transition.subject == Subject.STATE:
        signal = _BY_STATE.get(transition.to_value)
        if transition.to_value == State.OPEN and transition.from_value in UNFINISHED:
            signal = signals.payment_session_created
        return [signal] if signal else []
    if transition.subject == Subject.PAYMENT_STATUS:
        signal = _BY_STATUS.get(transition.to_value)
        return [signals.payment_status_changed, *([signal] if signal else [])]
    if transition.subject == Subject.PAYOUT:
        return [signals.payout_status_changed]
    # The end of a review is no news to those who were asked for it.
    return [signals.session_needs_review] if transition.to_value else []
