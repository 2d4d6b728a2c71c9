"""Whether Celery, as it is configured, can do what waits for it: a broker, and the sweeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from celery import current_app
from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Tags, register
from django.core.checks import Warning as WarningMessage

from ..conf import project_settings
from ..exceptions import ConfigurationError

# What `tasks.beat_schedule` has entries for.
SWEEPS: Final = (
    "django_redpin.process_due_events",
    "django_redpin.dispatch_due_transitions",
    "django_redpin.complete_due_sessions",
    "django_redpin.register_due_recipients",
    "django_redpin.reconcile",
    "django_redpin.prune",
)
_WHERE: Final = "REDPIN['WEBHOOK_PROCESSING'] is 'task', but"


@register(Tags.security, deploy=True)
def check_workers(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return what keeps Celery's workers and its beat from doing the work, by its settings."""
    try:
        if project_settings().webhook_processing != "task":
            return []
    except ConfigurationError:
        return []  # `check_settings` tells.
    try:
        return [*_broker_messages(current_app.conf), *_beat_messages(current_app.conf)]
    except Exception as error:  # noqa: BLE001  Whatever a project's own configuration raises.
        text = f"{_WHERE} the settings of its Celery app can't be read ({type(error).__name__})."
        hint = "`celery -A yourproject report` shows what is wrong with them."
        return [WarningMessage(text, hint=hint, id="redpin.W011")]


def _broker_messages(conf: Any) -> Iterator[CheckMessage]:
    url = str(conf.broker_write_url or conf.broker_url or "")
    if conf.task_always_eager:
        text = f"{_WHERE} task_always_eager is on: each webhook waits for what it brings about."
        hint = "Take it out, and run a worker; or set it to 'inline', which answers first."
        yield WarningMessage(text, hint=hint, id="redpin.W011")
    elif not url and not conf.broker_transport:
        text = f"{_WHERE} this project's Celery app has no broker."
        hint = (
            "Set CELERY_BROKER_URL, and import the app in the project's __init__.py, as Celery's"
            " first steps with Django show; or set it to 'inline' or 'django_task'."
        )
        yield WarningMessage(text, hint=hint, id="redpin.W011")
    elif url.startswith("memory:"):
        text = f"{_WHERE} the broker is the memory of one process, which no worker reads."
        hint = "Set CELERY_BROKER_URL to a RabbitMQ or a Redis."
        yield WarningMessage(text, hint=hint, id="redpin.W011")


def _beat_messages(conf: Any) -> Iterator[CheckMessage]:
    if apps.is_installed("django_celery_beat"):  # Its schedule is in the database.
        return
    entries: Mapping[str, Any] = conf.beat_schedule or {}
    planned = {entry.get("task") for entry in entries.values() if isinstance(entry, Mapping)}
    missing = [name for name in SWEEPS if name not in planned]
    if missing:
        yield WarningMessage(
            f"Celery's beat_schedule lacks {', '.join(missing)}.",
            hint="Add CELERY_BEAT_SCHEDULE = {**django_redpin.tasks.beat_schedule()}; or have cron"
            " run manage.py redpin_sweep and redpin_prune, and silence this.",
            id="redpin.W012",
        )
