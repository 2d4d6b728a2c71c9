"""Celery tasks: thin doors to the services. A primary key is all that travels in a message.

The services are imported when a task runs, so that settings can import `beat_schedule` from here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from celery import shared_task
from celery.schedules import crontab

# Acknowledged after the work: a worker that is killed leaves the message to another. The lease in
# the row keeps two of them apart, and the row counts the attempts. Limits in seconds: below the
# lease, and below a quarter of the hour after which Redis hands a message out again.
_OPTIONS: Final[dict[str, Any]] = {
    "ignore_result": True,
    "acks_late": True,
    "reject_on_worker_lost": True,
    "soft_time_limit": 270,
    "time_limit": 290,
}
# Seconds. A sweep's message that is older than the next one is of no use: a worker that comes back
# finds only one. Of the tasks themselves too, as not every scheduler passes on its options.
_MINUTE: Final = 60
_TWO_MINUTES: Final = 120
_NIGHT: Final = 6 * 60 * 60


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
    from .services.worker import work_on_event

    work_on_event(pk)


@shared_task(name="django_redpin.dispatch_transition", **_OPTIONS)
def dispatch_transition(pk: int) -> None:
    """Send the signals of one transition."""
    from .services.dispatch import dispatch_transition

    dispatch_transition(pk)


@shared_task(name="django_redpin.process_due_events", expires=_MINUTE, **_OPTIONS)
def process_due_events() -> None:
    """Process the webhook events whose message was lost, or that are tried again."""
    from .services.sweeps import process_due_events

    process_due_events()


@shared_task(name="django_redpin.dispatch_due_transitions", expires=_MINUTE, **_OPTIONS)
def dispatch_due_transitions() -> None:
    """Send the signals whose message was lost, or whose receivers failed."""
    from .services.sweeps import dispatch_due_transitions

    dispatch_due_transitions()


@shared_task(name="django_redpin.complete_due_sessions", expires=_MINUTE, **_OPTIONS)
def complete_due_sessions() -> None:
    """Create the sessions at Redpin whose creation was deferred or cut off."""
    from .services.sweeps import complete_due_sessions

    complete_due_sessions()


@shared_task(name="django_redpin.register_due_recipients", expires=_MINUTE, **_OPTIONS)
def register_due_recipients() -> None:
    """Register the recipients at Redpin whose registration was deferred or cut off."""
    from .services.sweeps import register_due_recipients

    register_due_recipients()


@shared_task(name="django_redpin.reconcile", expires=_TWO_MINUTES, **_OPTIONS)
def reconcile() -> None:
    """Ask Redpin about the sessions that are due, webhooks or not; expire those that are over."""
    from .services import reconcile_payment_sessions

    reconcile_payment_sessions()


@shared_task(name="django_redpin.prune", expires=_NIGHT, **_OPTIONS)
def prune() -> None:
    """Empty the bodies of old events, and delete older ones."""
    from .services.retention import prune

    prune()


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Return the entries for `CELERY_BEAT_SCHEDULE`: a sweep of each kind, every minute or two.

    ```python
    from django_redpin.tasks import beat_schedule

    CELERY_BEAT_SCHEDULE = {**beat_schedule(), ...}
    ```

    Each is a task of its own, so that a slow Redpin holds up nothing that needs no answer from it.

    Returns:
        The entries by name; a project may change their schedules, and add its own.
    """
    each_minute = {"schedule": timedelta(minutes=1), "options": {"expires": _MINUTE}}
    return {
        "redpin-process": {"task": "django_redpin.process_due_events", **each_minute},
        "redpin-dispatch": {"task": "django_redpin.dispatch_due_transitions", **each_minute},
        "redpin-complete": {"task": "django_redpin.complete_due_sessions", **each_minute},
        "redpin-register": {"task": "django_redpin.register_due_recipients", **each_minute},
        "redpin-reconcile": {
            "task": "django_redpin.reconcile",
            "schedule": timedelta(minutes=2),
            "options": {"expires": _TWO_MINUTES},
        },
        "redpin-prune": {
            "task": "django_redpin.prune",
            "schedule": crontab(hour="3", minute="17"),
            "options": {"expires": _NIGHT},
        },
    }
