"""What keeps webhooks from being processed, or kept, as the project's settings say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as WarningMessage
from django.utils.module_loading import import_string

from ..conf import project_settings
from ..exceptions import ConfigurationError


@register(Tags.security)
def check_processing(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return what keeps webhooks from being processed, or kept, as the project's settings say."""
    try:
        project = project_settings()
    except ConfigurationError:
        return []  # `check_settings` tells.
    found: list[CheckMessage] = []
    if project.webhook_body_retention_days >= project.webhook_event_retention_days:
        text = "REDPIN['WEBHOOK_BODY_RETENTION_DAYS'] is not below 'WEBHOOK_EVENT_RETENTION_DAYS'."
        hint = "A body tells of people and goes first; the event's key tells copies for longer."
        found.append(Error(text, hint=hint, id="redpin.E015"))
    if project.webhook_processing == "django_task":
        found += _django_task_messages()
    return found


def _django_task_messages() -> Iterator[CheckMessage]:
    where = "REDPIN['WEBHOOK_PROCESSING'] is 'django_task', but"
    try:
        backend = import_string("django_redpin.django_tasks.process_event").get_backend()
    except ConfigurationError:
        text = f"{where} there is no django.tasks."
        hint = "Use Django 6, or install django-tasks beside Django 5.2; or set it to 'task'."
        yield Error(text, hint=hint, id="redpin.E016")
        return
    except Exception as error:  # noqa: BLE001  Whatever a stranger's backend raises.
        text = f"{where} TASKS['default'] can't be used ({type(error).__name__})."
        hint = "Name a backend that is installed, and the queue 'default' among its QUEUES."
        yield Error(text, hint=hint, id="redpin.E016")
        return
    name = type(backend).__name__
    if name == "DummyBackend":
        text = f"{where} TASKS['default'] is the DummyBackend, which runs nothing."
        hint = "Name a backend with a worker, such as that of django-tasks-db."
        yield Error(text, hint=hint, id="redpin.E016")
    if name == "ImmediateBackend":
        text = f"{where} TASKS['default'] is the ImmediateBackend: each webhook waits for Redpin."
        hint = "Name a backend with a worker, or set it to 'inline', which answers first."
        yield WarningMessage(text, hint=hint, id="redpin.W005")
