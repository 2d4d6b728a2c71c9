"""Process one event of the inbox: find its session, ask Redpin, apply it."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any, Final

from celery.exceptions import SoftTimeLimitExceeded
from django.utils import timezone

from ..client import EventMessage, read_event
from ..exceptions import RedpinError
from ..models import PaymentSession, WebhookEvent
from ..rules.statuses import is_known
from .confirm import confirm
from .facts import Fact, apply_fact
from .journal import hold_for_review
from .leases import claim, retry_at
from .transactions import update

logger = logging.getLogger("django_redpin")
security_logger = logging.getLogger("django_redpin.security")
Outcome = WebhookEvent.Outcome

# How often an event is tried before it is given up, and how often Redpin is asked again about one
# that it contradicted: its list may lag behind its webhooks. Ten times are an hour or two.
MAX_ATTEMPTS: Final = 12
MAX_CONTRADICTIONS: Final = 10


def process_event(pk: int) -> str:
    """Process the event with this primary key, and return its outcome.

    Safe to call at any time, any number of times, by several workers: an event that is done, not
    due, or in another worker's hands is left alone. What fails is tried again later, by the sweep.
    """
    if not claim(WebhookEvent, pk):
        return WebhookEvent.objects.filter(pk=pk).values_list("outcome", flat=True).first() or ""
    event = WebhookEvent.objects.get(pk=pk)
    try:
        _process(event)
    except RedpinError as error:
        _try_again(event, Outcome.PENDING, str(error), MAX_ATTEMPTS)
    except SoftTimeLimitExceeded:
        raise  # The task is over; the lease makes the event due again.
    except Exception as error:  # A poisonous event has to run out of attempts like any other.
        logger.exception("Event %s could not be processed.", pk)
        _try_again(event, Outcome.PENDING, type(error).__name__, MAX_ATTEMPTS)
    event.refresh_from_db()
    return event.outcome


def _process(event: WebhookEvent) -> None:
    message = read_event(bytes(event.body))
    if not message.is_payment_status:
        return _finish(event, Outcome.IGNORED)
    if not is_known(message.status):
        logger.warning("Event %s has a status that is not documented; it is kept.", event.pk)
        return _finish(event, Outcome.UNKNOWN_STATUS, "This status is not documented.")
    session = _session(event, message)
    if session is None:
        reason = "No session here has this reference or session id."
        return _try_again(event, Outcome.WAITING, reason, MAX_ATTEMPTS)
    if event.session_id != session.pk:
        update(WebhookEvent.objects.filter(pk=event.pk), session=session)
    seen = session.payment_status_position
    verdict = confirm(session, message)
    if verdict.mismatch:
        hold_for_review(session, verdict.mismatch, event=event)
    if verdict.record is None or verdict.contradiction:
        security_logger.warning(
            "Event %s of session %s is contradicted: %s",
            event.pk,
            session.client_reference_id,
            verdict.contradiction,
        )
        return _try_again(event, Outcome.CONTRADICTED, verdict.contradiction, MAX_CONTRADICTIONS)
    apply_fact(
        session,
        Fact(
            status=message.status,
            at=_time(event, message),
            key=event.key,
            payment_id=message.payment_id,
            session_id=verdict.record.session_id,
            recipient_id=message.recipient_id,
            listed=verdict.record.latest_status,
            seen=seen,
            event=event,
        ),
    )
    return None


def _session(event: WebhookEvent, message: EventMessage) -> PaymentSession | None:
    sessions = PaymentSession.objects.filter(account=event.account)
    if event.client_reference_id:
        return sessions.filter(client_reference_id=event.client_reference_id).first()
    return sessions.filter(session_id=message.session_id).first() if message.session_id else None


def _time(event: WebhookEvent, message: EventMessage) -> datetime:
    """Return when the fact was, never later than when we heard of it: no event owns the future."""
    return min(message.at or event.received_at, event.received_at)


def _finish(event: WebhookEvent, outcome: WebhookEvent.Outcome, note: str = "") -> None:
    _leave(
        event, outcome=outcome, processed_at=timezone.now(), next_attempt_at=None, last_error=note
    )


def _try_again(event: WebhookEvent, outcome: WebhookEvent.Outcome, reason: str, limit: int) -> None:
    """Note why, and when it is tried again; after `limit` attempts it is left for a person."""
    given_up = event.attempts >= limit
    if given_up and outcome != Outcome.CONTRADICTED:
        outcome = Outcome.DEAD
    _leave(
        event,
        outcome=outcome,
        next_attempt_at=None if given_up else retry_at(event.attempts),
        last_error=reason[:500],
    )
    if given_up:
        logger.error("Event %s is given up after %s attempts.", event.pk, event.attempts)


def _leave(event: WebhookEvent, **changes: Any) -> None:
    """Write what became of this attempt, unless another worker has finished the event."""
    rows = WebhookEvent.objects.filter(pk=event.pk, processed_at__isnull=True)
    update(rows, leased_until=None, **changes)
