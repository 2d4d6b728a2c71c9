"""Django's own tasks, for `REDPIN["WEBHOOK_PROCESSING"] = "django_task"`: as those of Celery.

Imported only where they are used: Django 5.2 has none, and there the package django-tasks does.
"""

from __future__ import annotations

from .exceptions import ConfigurationError

try:
    from django.tasks import task
except ImportError:
    try:
        from django_tasks import task  # type: ignore[no-redef]
    except ImportError:
        raise ConfigurationError(
            "REDPIN['WEBHOOK_PROCESSING'] is 'django_task', which needs Django 6, or the package"
            " django-tasks beside Django 5.2."
        ) from None

from .services import dispatch as dispatching
from .services import process, reconcile_payment_sessions, retention, sweeps


@task
def complete_session(pk: int) -> None:
    """Create one session at Redpin whose creation was deferred or cut off."""
    sweeps.complete_session(pk)


@task
def register_recipient(pk: int) -> None:
    """Register one recipient at Redpin whose registration was deferred or cut off."""
    sweeps.register_due_recipient(pk)


@task
def process_event(pk: int) -> None:
    """Process one webhook event."""
    process.process_event(pk)


@task
def dispatch_transition(pk: int) -> None:
    """Send the signals of one transition."""
    dispatching.dispatch_transition(pk)


@task
def process_due_events() -> None:
    """Process the webhook events whose message was lost, or that are tried again."""
    sweeps.process_due_events()


@task
def dispatch_due_transitions() -> None:
    """Send the signals whose message was lost, or whose receivers failed."""
    sweeps.dispatch_due_transitions()


@task
def complete_due_sessions() -> None:
    """Create the sessions at Redpin whose creation was deferred or cut off."""
    sweeps.complete_due_sessions()


@task
def register_due_recipients() -> None:
    """Register the recipients at Redpin whose registration was deferred or cut off."""
    sweeps.register_due_recipients()


@task
def reconcile() -> None:
    """Ask Redpin about the sessions that are due, webhooks or not; expire those that are over."""
    reconcile_payment_sessions()


@task
def prune() -> None:
    """Empty the bodies of old events, and delete older ones."""
    retention.prune()
