"""Celery tasks: thin doors to the services. A primary key is all that travels in a message."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery import shared_task

from .services.dispatch import dispatch_transition as _dispatch_transition
from .services.process import process_event as _process_event
from .services.queue import COMPLETE_SESSION, DISPATCH_TRANSITION, PROCESS_EVENT
from .services.sweeps import (
    complete_due_sessions,
    dispatch_due_transitions,
    process_due_events,
    refresh_due_sessions,
)
from .services.sweeps import (
    complete_session as _complete_session,
)

# Acknowledged after the work: a worker that is killed leaves the message to another. The lease in
# the row keeps two of them apart. Limits in seconds, below the lease.
_OPTIONS: dict[str, Any] = {
    "ignore_result": True,
    "acks_late": True,
    "reject_on_worker_lost": True,
    "soft_time_limit": 90,
    "time_limit": 110,
}


@shared_task(name=PROCESS_EVENT, **_OPTIONS)
def process_event(pk: int) -> None:
    """Process one webhook event."""
    _process_event(pk)


@shared_task(name=DISPATCH_TRANSITION, **_OPTIONS)
def dispatch_transition(pk: int) -> None:
    """Send the signals of one transition."""
    _dispatch_transition(pk)


@shared_task(name=COMPLETE_SESSION, **_OPTIONS)
def complete_session(pk: int) -> None:
    """Finish the creation of one session."""
    _complete_session(pk)


@shared_task(name="django_redpin.sweep", **_OPTIONS)
def sweep() -> None:
    """Finish what a crash, a lost message or a dead broker left behind."""
    complete_due_sessions()
    process_due_events()
    refresh_due_sessions()
    dispatch_due_transitions()


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Return the entries for `CELERY_BEAT_SCHEDULE`: one sweep a minute.

    ```python
    CELERY_BEAT_SCHEDULE = {**beat_schedule(), ...}
    ```
    """
    return {
        "redpin-sweep": {
            "task": "django_redpin.sweep",
            "schedule": timedelta(minutes=1),
            # A message older than the next sweep is of no use.
            "options": {"expires": 60},
        }
    }
