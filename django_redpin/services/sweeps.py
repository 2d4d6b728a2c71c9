"""Finish what a crash, a lost message or a dead broker left behind.

Each sweep takes a bounded number of rows that are due, the oldest first, and may overlap with
others: the leases decide who works on a row.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import QuerySet

from ..exceptions import RedpinError
from ..models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from .complete import complete_in_background
from .dispatch import dispatch_transition
from .leases import claim, due
from .opening import UNFINISHED
from .process import process_event
from .reconcile import reconcile_payment_sessions
from .registration import register
from .transactions import require_no_transaction

logger = logging.getLogger("django_redpin")

BATCH: Final = 100


def sweep() -> None:
    """Do all of the below, each in its turn."""
    # What needs no answer from Redpin comes first: a slow Redpin must not hold it up.
    dispatch_due_transitions()
    process_due_events()
    reconcile_payment_sessions()
    complete_due_sessions()
    register_due_recipients()
    dispatch_due_transitions()


def process_due_events(limit: int = BATCH) -> int:
    """Process up to `limit` events that are due; return how many were tried."""
    return _each(due(WebhookEvent.objects.all()), limit, process_event)


def dispatch_due_transitions(limit: int = BATCH) -> int:
    """Dispatch up to `limit` transitions that are due; return how many were tried."""
    return _each(due(StatusTransition.objects.all()), limit, dispatch_transition)


def complete_due_sessions(limit: int = BATCH) -> int:
    """Complete up to `limit` sessions whose creation was cut off; return how many were tried."""
    unfinished = PaymentSession.objects.filter(state__in=UNFINISHED)
    return _each(due(unfinished), limit, complete_session)


def register_due_recipients(limit: int = BATCH) -> int:
    """Register up to `limit` recipients that wait for it; return how many were tried."""
    return _each(due(Recipient.objects.all()), limit, register_due_recipient)


def complete_session(pk: int) -> None:
    """Complete one session; an outcome that is still unknown is left for the next sweep."""
    require_no_transaction("complete_session")
    try:
        complete_in_background(pk)
    except RedpinError as error:
        logger.warning("A session is not complete: %s", error)


def register_due_recipient(pk: int) -> None:
    """Register one recipient; what can't be told yet is left for the next sweep."""
    require_no_transaction("register_recipient")
    if not claim(Recipient, pk):
        return
    try:
        register(Recipient.objects.get(pk=pk))
    except RedpinError as error:
        logger.warning("A recipient is not registered: %s", error)


def _each(rows: QuerySet[Any], limit: int, work: Callable[[int], object]) -> int:
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
