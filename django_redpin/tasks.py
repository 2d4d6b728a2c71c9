"""Celery tasks: thin doors to the services. A primary key is all that travels in a message.

The services are imported when a task runs, so that settings can import `beat_schedule` from here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery import shared_task

# Acknowledged after the work: a worker that is killed leaves the message to another. The lease in
# the row keeps two of them apart. Limits in seconds, below the lease.
_OPTIONS: dict[str, Any] = {
    "ignore_result": True,
    "acks_late": True,
    "reject_on_worker_lost": True,
    "soft_time_limit": 270,
    "time_limit": 290,
}


@shared_task(name="django_redpin.complete_session", **_OPTIONS)
def complete_session(pk: int) -> None:
    """Create one session at Redpin whose creation was deferred or cut off."""
    from .services.sweeps import complete_session

    complete_session(pk)


@shared_task(name="django_redpin.register_recipient", **_OPTIONS)
def register_recipient(pk: int) -> None:
    """Register one recipient at Redpin whose registration was deferred or cut off."""
    from .services.sweeps import register_due_recipient

    register_due_recipient(pk)


@shared_task(name="django_redpin.process_event", **_OPTIONS)
def process_event(pk: int) -> None:
    """Process one webhook event."""
    from .services.process import process_event

    process_event(pk)


@shared_task(name="django_redpin.dispatch_transition", **_OPTIONS)
def dispatch_transition(pk: int) -> None:
    """Send the signals of one transition."""
    from .services.dispatch import dispatch_transition

    dispatch_transition(pk)


@shared_task(name="django_redpin.sweep", **_OPTIONS)
def sweep() -> None:
    """Finish what a crash, a lost message or a dead broker left behind."""
    from .services.sweeps import sweep

    sweep()


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Return the entries for `CELERY_BEAT_SCHEDULE`: one sweep a minute.

    ```python
    from django_redpin.tasks import beat_schedule

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
