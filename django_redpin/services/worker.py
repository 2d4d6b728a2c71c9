"""What a worker of Celery does with one event: all of it, up to the merchant's receivers."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any, Final

from celery import current_app
from django.db import connection
from django.utils import timezone

from ..exceptions.interrupts import is_interrupt
from ..models import StatusTransition
from .dispatch import dispatch_claimed
from .leases import LEASE
from .process import process_event
from .queue import DISPATCH_TRANSITION, PROCESS_EVENT, Kept, enqueue, keeping_transitions
from .transactions import update

# Where a task goes to by itself, and how it is held back or ended there.
_MANNERS: Final = (
    "exchange",
    "priority",
    "queue",
    "rate_limit",
    "routing_key",
    "soft_time_limit",
    "time_limit",
)
# Seconds for which what was claimed as it was written is surely still this worker's.
_OURS_FOR: Final = LEASE.total_seconds() / 2


def work_on_event(pk: int) -> None:
    """Process the event with this primary key, and tell receivers of what it brought about.

    So they hear of it without another way through the broker; unless the project gives transitions
    a queue or limits of their own, such as to keep slow receivers from its events, or has opened a
    transaction around the task: then nothing is committed yet.
    """
    if connection.in_atomic_block or not _is_one_way(pk):
        process_event(pk)
        return
    transitions, ends = Kept(), time.monotonic() + _OURS_FOR
    try:
        with keeping_transitions(transitions):
            process_event(pk)
            while transitions and time.monotonic() < ends:
                each = transitions.popleft()
                dispatch_claimed(each, transitions.rows.get(each))
    finally:
        if transitions:
            _leave(transitions)


def _leave(transitions: Collection[int]) -> None:
    """Leave them to another worker: this one has no time for them."""
    # Those whose lease is over may be another's by now, whose attempt is the second one.
    rows = StatusTransition.objects.filter(pk__in=transitions, attempts=1)
    update(rows.filter(leased_until__gt=timezone.now()), leased_until=None, attempts=0)
    for pk in transitions:
        enqueue(DISPATCH_TRANSITION, pk)


def _is_one_way(pk: int) -> bool:
    """Tell whether both tasks are routed to the same queue, with the same limits."""
    process, dispatch = (current_app.tasks[name] for name in (PROCESS_EVENT, DISPATCH_TRANSITION))
    if any(getattr(process, name, None) != getattr(dispatch, name, None) for name in _MANNERS):
        return False
    route: Callable[..., Any] = current_app.amqp.router.route
    try:
        # A router of the project's may look at all of these.
        ways = [route({}, task.name, (pk,), {}, task) for task in (process, dispatch)]
    except Exception as error:
        if is_interrupt(error):
            raise
        return False
    return bool(ways[0] == ways[1])
