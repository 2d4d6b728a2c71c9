"""Finish what a crash, a lost message or a dead broker left behind.

Each sweep takes a bounded number of rows that are due, the oldest first, and may overlap with
others: the leases decide who works on a row.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, TypeVar

from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import Model, QuerySet
from django.utils import timezone

from ..exceptions import RedpinError
from ..models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from .complete import complete_in_background
from .dispatch import dispatch_transition
from .facts import ASK_AGAIN_AFTER
from .leases import claim
from .opening import UNFINISHED
from .process import process_event
from .refresh import refresh_payment_session
from .registration import pursue
from .transactions import update

logger = logging.getLogger("django_redpin")

_Row = TypeVar("_Row", bound=Model)

BATCH: Final = 100


def sweep() -> None:
    """Do all of the below, each in its turn."""
    # What needs no answer from Redpin comes first: a slow Redpin must not hold it up.
    dispatch_due_transitions()
    process_due_events()
    refresh_due_sessions()
    complete_due_sessions()
    register_due_recipients()
    dispatch_due_transitions()


def process_due_events(limit: int = BATCH) -> int:
    """Process up to `limit` events that are due; return how many were tried."""
    return _each(_due(WebhookEvent.objects.all()), limit, process_event)


def dispatch_due_transitions(limit: int = BATCH) -> int:
    """Dispatch up to `limit` transitions that are due; return how many were tried."""
    return _each(_due(StatusTransition.objects.all()), limit, dispatch_transition)


def complete_due_sessions(limit: int = BATCH) -> int:
    """Complete up to `limit` sessions whose creation was cut off; return how many were tried."""
    unfinished = PaymentSession.objects.filter(state__in=UNFINISHED)
    return _each(_due(unfinished), limit, complete_session)


def refresh_due_sessions(limit: int = BATCH) -> int:
    """Ask Redpin about up to `limit` open sessions past their time; return how many were asked."""
    still_open = PaymentSession.objects.filter(state=PaymentSession.State.OPEN)
    return _each(_due(still_open), limit, refresh_session)


def register_due_recipients(limit: int = BATCH) -> int:
    """Register up to `limit` recipients that wait for it; return how many were tried."""
    return _each(_due(Recipient.objects.all()), limit, register_due_recipient)


def complete_session(pk: int) -> None:
    """Complete one session; an outcome that is still unknown is left for the next sweep."""
    try:
        complete_in_background(pk)
    except RedpinError as error:
        logger.warning("A session is not complete: %s", error)


def register_due_recipient(pk: int) -> None:
    """Register one recipient; what can't be told yet is left for the next sweep."""
    if not claim(Recipient, pk):
        return
    try:
        pursue(Recipient.objects.get(pk=pk))
    except RedpinError as error:
        logger.warning("A recipient is not registered: %s", error)


def refresh_session(pk: int) -> None:
    """Refresh one open session; while it stays open, it is due again in 15 minutes."""
    if not claim(PaymentSession, pk, states=(PaymentSession.State.OPEN,)):
        return
    session = PaymentSession.objects.get(pk=pk)
    try:
        refresh_payment_session(session)
    except RedpinError as error:
        logger.warning("Session %s is not refreshed: %s", session.client_reference_id, error)
    rows = PaymentSession.objects.filter(pk=pk)
    update(rows, leased_until=None)
    still_open = rows.filter(state=PaymentSession.State.OPEN)
    update(still_open, next_attempt_at=timezone.now() + ASK_AGAIN_AFTER)


def _due(rows: QuerySet[_Row]) -> QuerySet[_Row]:
    now = timezone.now()
    return rows.filter(next_attempt_at__lte=now).exclude(leased_until__gte=now)


def _each(rows: QuerySet[_Row], limit: int, work: Callable[[int], object]) -> int:
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:limit])
    for pk in keys:
        try:
            work(pk)
        except SoftTimeLimitExceeded:
            raise
        except Exception:
            # One row that can't be worked on holds up no other; its lease makes it due again.
            logger.exception("Row %s could not be swept.", pk)
    return len(keys)
