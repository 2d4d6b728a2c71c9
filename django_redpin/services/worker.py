"""What a worker of Celery does with one event: all of it, up to the merchant's receivers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from celery import current_app

from ..models import StatusTransition
from .dispatch import dispatch_claimed
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


def work_on_event(pk: int) -> None:
    """Process the event with this primary key, and tell receivers of what it brought about.

    So they hear of it without another way through the broker; unless the project gives transitions
    a queue or limits of their own, such as to keep slow receivers from its events.
    """
    if not _is_one_way():
        process_event(pk)
        return
    transitions = Kept()
    try:
        with keeping_transitions(transitions):
            process_event(pk)
            while transitions:
                pk = transitions.popleft()
                dispatch_claimed(pk, transitions.rows.get(pk))
    finally:
        if transitions:
            _leave(transitions)


def _leave(transitions: Collection[int]) -> None:
    """Leave them to another worker: this one has been told to end."""
    rows = StatusTransition.objects.filter(pk__in=transitions, dispatched_at=None)
    update(rows, leased_until=None, attempts=0)
    for pk in transitions:
        enqueue(DISPATCH_TRANSITION, pk)


def _is_one_way() -> bool:
    """Tell whether both tasks are routed to the same queue, with the same limits."""
    process, dispatch = (current_app.tasks[name] for name in (PROCESS_EVENT, DISPATCH_TRANSITION))
    if any(getattr(process, name, None) != getattr(dispatch, name, None) for name in _MANNERS):
        return False
    route: Callable[..., Any] = current_app.amqp.router.route
    return bool(route({}, PROCESS_EVENT) == route({}, DISPATCH_TRANSITION))
