"""Tell receivers of a transition: after its commit, at least once, with a stable id."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from celery.exceptions import SoftTimeLimitExceeded
from django.dispatch import Signal
from django.utils import timezone

from .. import signals
from ..models import PaymentSession, StatusTransition
from ..rules.statuses import FAILED, PAYMENT_COMPLETED
from .journal import Subject
from .leases import claim, retry_at
from .opening import UNFINISHED
from .transactions import update

logger = logging.getLogger("django_redpin")
State = PaymentSession.State

_BY_STATE: Final[dict[str, Signal]] = {
    State.EXPIRED: signals.payment_session_expired,
    State.REJECTED: signals.payment_session_rejected,
}
_BY_STATUS: Final[dict[str, Signal]] = {
    PAYMENT_COMPLETED: signals.payment_completed,
    **dict.fromkeys(FAILED, signals.payment_failed),
}


def dispatch_transition(pk: int) -> bool:
    """Send the signals of the transition with this primary key; return whether all went well.

    Safe to call again and by several workers. A receiver that raises stops no other; the
    transition is then sent again later, to all receivers, with the same id.
    """
    if not claim(StatusTransition, pk):
        return False
    transition = StatusTransition.objects.select_related("session", "share", "event").get(pk=pk)
    raised = [
        (receiver, result)
        for signal in _signals(transition)
        for receiver, result in signal.send_robust(
            sender=PaymentSession,
            session=transition.session,
            transition=transition,
            event=transition.event,
            share=transition.share,
        )
        if isinstance(result, Exception)
    ]
    failures = [
        f"{getattr(receiver, '__qualname__', receiver.__class__.__name__)}: {type(result).__name__}"
        for receiver, result in raised
    ]
    rows = StatusTransition.objects.filter(pk=pk)
    if not failures:
        update(
            rows,
            dispatched_at=timezone.now(),
            next_attempt_at=None,
            leased_until=None,
            last_error="",
        )
        return True
    update(
        rows,
        next_attempt_at=retry_at(transition.attempts),  # Hourly in the end, and never given up.
        leased_until=None,
        last_error="; ".join(failures)[:500],
    )
    logger.error("Receivers failed for transition %s: %s", pk, "; ".join(failures))
    for _, result in raised:
        if isinstance(result, SoftTimeLimitExceeded):
            raise result  # It was meant for the task, whichever receiver it struck in.
    return False


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
    return [signals.session_needs_review]
