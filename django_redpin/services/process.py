"""Process one event of the inbox: find its session, ask Redpin, apply it."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from celery.exceptions import SoftTimeLimitExceeded
from django.utils import timezone

from ..client import EventMessage, is_other, read_event
from ..conf import get_account
from ..exceptions import RedpinError
from ..models import PaymentSession, WebhookEvent
from ..rules.statuses import is_known
from ..signals import third_party_status_changed, webhook_event_dead
from ..telemetry import LogEvent, Metric, Spans, measure, note, tell, traced
from .announce import announce, raise_time_limit
from .anonymous import of_nobody
from .claims import amount_claim_mismatch, identity_claim_mismatch
from .confirm import confirm
from .facts import Fact, apply_fact
from .journal import hold_for_review
from .leases import MAX_ATTEMPTS, retry_at
from .taking import take_event
from .transactions import update

logger: logging.Logger = logging.getLogger("django_redpin")
security_logger: logging.Logger = logging.getLogger("django_redpin.security")
Outcome = WebhookEvent.Outcome

VERIFIED: Final = "verified"  # WEBHOOK_TRUST
_GIVEN_UP: Final = {
    Outcome.WAITING: Outcome.ORPHAN,
    Outcome.CONTRADICTED: Outcome.CONTRADICTED,
}

# How often an event is tried that does not fail (`leases.MAX_ATTEMPTS`): one that finds no session
# for some hours, one that Redpin contradicts for an hour or two, as its list may lag behind.
MAX_WAITS: Final = 12
MAX_CONTRADICTIONS: Final = 10


@traced(Spans.PROCESS)
def process_event(pk: int) -> str:
    """Process the event with this primary key, and return its outcome.

    Safe to call at any time, any number of times, by several workers: an event that is done, not
    due, or in another worker's hands is left alone. What fails is tried again later, by the sweep.
    """
    taken = take_event(pk)
    if taken is None:
        return WebhookEvent.objects.filter(pk=pk).values_list("outcome", flat=True).first() or ""
    event, session = taken
    note(Spans.PROCESS, account=event.account, webhook_event=pk, attempt=event.attempts)
    try:
        if event.attempts > MAX_ATTEMPTS:
            # None of its attempts came to an end: it kills its workers.
            _try_again(event, Outcome.PENDING, "Its attempts never end.", limit=0)
        else:
            _process(event, session)
    except RedpinError as error:
        _try_again(event, Outcome.PENDING, str(error), MAX_ATTEMPTS)
    except SoftTimeLimitExceeded:
        raise  # The task is over; the lease makes the event due again.
    except Exception as error:  # noqa: BLE001  A poisonous event has to run out of attempts, too.
        tell(
            logger,
            LogEvent.EVENT_FAILED,
            "Event %s could not be processed.",
            pk,
            exc_info=True,
            account=event.account,
            webhook_event=pk,
            attempt=event.attempts,
            failure=type(error).__name__,
        )
        _try_again(event, Outcome.PENDING, type(error).__name__, MAX_ATTEMPTS)
    note(Spans.PROCESS, outcome=event.outcome)
    measure(Metric.EVENTS, labels={"redpin.outcome": event.outcome})
    if event.processed_at is not None:
        measure(Metric.EVENT_LAG, (event.processed_at - event.received_at).total_seconds())
    return event.outcome


def _process(event: WebhookEvent, session: PaymentSession | None) -> None:
    message = read_event(bytes(event.body))
    if not event.client_reference_id and message.session_id:
        sessions = PaymentSession.objects.filter(account=event.account)
        session = sessions.filter(session_id=message.session_id).first()
    if session is not None:
        event.session = session  # Written with what becomes of the event.
        if not event.client_reference_id:
            _link(event)  # Who anonymises the session finds the event by nothing else.
    if message.is_third_party_status:
        return _tell_of_payer(event, session, message)
    if not message.is_payment_status:
        if not is_other(message.event_type):
            tell(
                logger,
                LogEvent.EVENT_UNKNOWN_TYPE,
                "Event %s is of no documented type, or incomplete; it is kept.",
                event.pk,
                account=event.account,
                webhook_event=event.pk,
            )
        return _finish(event, Outcome.IGNORED)
    if not is_known(message.status):
        tell(
            logger,
            LogEvent.EVENT_UNKNOWN_STATUS,
            "Event %s has a status that is not documented; it is kept.",
            event.pk,
            account=event.account,
            webhook_event=event.pk,
        )
        return _finish(event, Outcome.UNKNOWN_STATUS, "This status is not documented.")
    if session is None:
        reason = "No session here has this reference or session id."
        return _try_again(event, Outcome.WAITING, reason, MAX_WAITS)
    is_trusted = event.is_signed and get_account(event.account).webhook_trust == VERIFIED
    mismatch = identity_claim_mismatch(session, message, is_trusted=is_trusted)
    if mismatch:  # Redpin would say nothing that changes it.
        _hold(event, session, mismatch)
        return _contradicted(event, session, mismatch, limit=0)
    return _believe(event, session, message, is_trusted=is_trusted)


def _believe(
    event: WebhookEvent, session: PaymentSession, message: EventMessage, *, is_trusted: bool
) -> None:
    """Apply what the event claims, as far as Redpin, or a trusted signature, says the same."""
    fact = Fact(
        status=message.status,
        at=_time(event, message),
        key=event.key,
        payment_id=message.payment_id,
        session_id=message.session_id,
        listed="",
        seen=session.payment_status_position,
        recipient_id=message.recipient_id,
        is_signed=is_trusted,
        event=event,
    )
    if not fact.is_signed:
        verdict = confirm(session, message)
        if verdict.mismatch:
            _hold(event, session, verdict.mismatch)
        if verdict.record is None or verdict.contradiction:
            return _contradicted(event, session, verdict.contradiction)
        record = verdict.record
        fact = replace(
            fact,
            payment_id=record.payment_id,
            session_id=record.session_id,
            listed=record.latest_status,
        )
    mismatch = amount_claim_mismatch(session, message)
    if mismatch:  # Before the fact is told, as a success is not told of a session under review.
        _hold(event, session, mismatch)
    apply_fact(session, fact)
    return None


def _contradicted(
    event: WebhookEvent, session: PaymentSession, reason: str, limit: int = MAX_CONTRADICTIONS
) -> None:
    tell(
        security_logger,
        LogEvent.EVENT_CONTRADICTED,
        "Event %s of session %s is contradicted: %s",
        event.pk,
        session.client_reference_id,
        reason,
        account=event.account,
        webhook_event=event.pk,
        session=session.pk,
        reference=session.client_reference_id,
        attempt=event.attempts,
    )
    _try_again(event, Outcome.CONTRADICTED, reason, limit)


def _tell_of_payer(
    event: WebhookEvent, session: PaymentSession | None, message: EventMessage
) -> None:
    """Tell receivers that Redpin approved or rejected a payer; the event is the outbox."""
    if session is None and event.client_reference_id:
        return _try_again(event, Outcome.WAITING, "Its session is not here.", MAX_WAITS)
    if session and session.anonymised_at:
        return _finish(event, Outcome.IGNORED, "Its payer was taken out.")
    if session and session.client_customer_ref != message.client_customer_ref:
        # Whoever got hold of one session's URL speaks for its payer at most.
        return _contradicted(event, session, "It came to the URL of another payer.", limit=0)
    _link(event)
    failures = announce(third_party_status_changed, WebhookEvent, event=event)
    if not failures:
        return _finish(event, Outcome.APPLIED)
    reason = "; ".join(failure.text for failure in failures)
    tell(
        logger,
        LogEvent.EVENT_RECEIVERS_FAILED,
        "Receivers failed for event %s: %s",
        event.pk,
        reason,
        account=event.account,
        webhook_event=event.pk,
        attempt=event.attempts,
    )
    _try_again(event, Outcome.PENDING, reason, MAX_ATTEMPTS)
    return raise_time_limit(failures)


def _time(event: WebhookEvent, message: EventMessage) -> datetime:
    """Return when the fact was, never later than when we heard of it: no event owns the future."""
    return min(message.at or event.received_at, event.received_at)


def _finish(event: WebhookEvent, outcome: WebhookEvent.Outcome, note: str = "") -> None:
    _leave(
        event,
        outcome=outcome,
        processed_at=timezone.now(),
        next_attempt_at=None,
        last_error=note,
        **of_nobody(event.session, is_done=True),
    )


def _try_again(event: WebhookEvent, outcome: WebhookEvent.Outcome, reason: str, limit: int) -> None:
    """Note why, and when it is tried again; after `limit` attempts it is left for a person."""
    given_up = event.attempts >= limit
    if limit and given_up and outcome != event.outcome:
        # The attempts so far ended another way; they don't count against this one.
        given_up, event.attempts = False, 1
    if given_up:
        outcome = _GIVEN_UP.get(outcome, Outcome.DEAD)
        tell(
            logger,
            LogEvent.EVENT_GIVEN_UP,
            "Event %s is given up after %s attempts: %s",
            event.pk,
            event.attempts,
            reason,
            account=event.account,
            webhook_event=event.pk,
            outcome=outcome,
            attempt=event.attempts,
        )
    event.outcome, event.last_error = outcome, reason[:500]
    if given_up and outcome != Outcome.CONTRADICTED:  # What is not so is told to nobody.
        _call_for_somebody(event)
    _leave(
        event,
        outcome=outcome,
        attempts=event.attempts,
        next_attempt_at=None if given_up else retry_at(event.attempts),
        last_error=event.last_error,
        **of_nobody(event.session, is_done=False),
    )


def _call_for_somebody(event: WebhookEvent) -> None:
    """Tell of an event that is being given up: before it is, so that no crash leaves it untold."""
    if event.session is not None:
        _hold(event, event.session, "An event could not be processed.")
    for failure in announce(webhook_event_dead, WebhookEvent, event=event):
        tell(
            logger,
            LogEvent.EVENT_DEAD_UNTOLD,
            "A receiver of webhook_event_dead failed: %s",
            failure.text,
            account=event.account,
            webhook_event=event.pk,
        )


def _hold(event: WebhookEvent, session: PaymentSession, reason: str) -> None:
    _link(event)
    hold_for_review(session, reason, event=event)


def _link(event: WebhookEvent) -> None:
    """Let the event's row name its session before receivers are told: they may read it anew."""
    update(WebhookEvent.objects.filter(pk=event.pk), session=event.session)


def _leave(event: WebhookEvent, **changes: Any) -> None:
    """Write what became of this attempt, unless another worker has finished the event."""
    rows = WebhookEvent.objects.filter(pk=event.pk, processed_at__isnull=True)
    if not update(rows, session=event.session, leased_until=None, **changes):
        return event.refresh_from_db()
    for name, value in changes.items():
        setattr(event, name, value)
    return None
