"""Django's tasks: what is told where they can't work, and where they are not there."""

from __future__ import annotations

import builtins
import sys
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import CheckMessage
from pytest_django import Settings

from django_redpin.checks import check_processing
from django_redpin.exceptions import ConfigurationError
from django_redpin.services.queue import PROCESS_EVENT, enqueue

has_tasks = pytest.mark.skipif(
    not apps.is_installed("django_tasks_db"), reason="There are no tasks here."
)


@pytest.fixture
def chosen(settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_PROCESSING": "django_task"}


@pytest.fixture
def without_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Django 5.2, without the back-port."""
    ours = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name in ("django.tasks", "django_tasks"):
            raise ImportError(name)
        return ours(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.delitem(sys.modules, "django_redpin.django_tasks", raising=False)


def found() -> list[tuple[str | None, str]]:
    return [(message.id, message.msg) for message in check_processing(None)]


def backend(settings: Settings, path: str, **options: Any) -> None:
    settings.TASKS = {"default": {"BACKEND": path, **options}}


def test_c13_without_any_tasks_the_check_and_the_log_name_the_cure(
    chosen: None, without_tasks: None, caplog: pytest.LogCaptureFixture
) -> None:
    messages: list[CheckMessage] = check_processing(None)

    assert [message.id for message in messages] == ["redpin.E016"]
    assert "django-tasks beside Django 5.2" in str(messages[0].hint)
    assert not enqueue(PROCESS_EVENT, 1)
    assert "which needs Django 6, or the package django-tasks" in caplog.text


def test_c13_django_tasks_are_imported_only_where_they_are_used(
    without_tasks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("celery.canvas.Signature.apply_async", lambda *args, **kwargs: None)

    assert found() == []
    assert enqueue(PROCESS_EVENT, 1)
    with pytest.raises(ConfigurationError):
        __import__("django_redpin.django_tasks")


@has_tasks
def test_c13_a_backend_with_a_worker_is_all_right(chosen: None) -> None:
    assert found() == []


@has_tasks
@pytest.mark.parametrize(
    ("name", "id_", "said"),
    [
        ("dummy.DummyBackend", "redpin.E016", "runs nothing"),
        ("immediate.ImmediateBackend", "redpin.W005", "each webhook waits for Redpin"),
    ],
)
def test_c13_djangos_own_backends_are_told_of(
    chosen: None, settings: Settings, name: str, id_: str, said: str, package: str
) -> None:
    backend(settings, f"{package}.backends.{name}")

    ((found_id, text),) = found()
    assert found_id == id_
    assert said in text


@has_tasks
@pytest.mark.parametrize(
    "wrong", [{"BACKEND": "no.such.Backend"}, {"QUEUES": ["another"]}], ids=["backend", "queue"]
)
def test_c13_a_backend_that_cannot_be_used_is_told_of(
    chosen: None, settings: Settings, wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TASKS = {"default": {**settings.TASKS["default"], **wrong}}
    monkeypatch.delitem(sys.modules, "django_redpin.django_tasks", raising=False)

    ((found_id, text),) = found()
    assert found_id == "redpin.E016"
    assert "TASKS['default'] can't be used" in text


@has_tasks
@pytest.mark.django_db
def test_c13_a_backend_that_fails_fails_no_webhook(
    chosen: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise ConnectionError("canary-password")

    monkeypatch.setattr("django_tasks_db.DatabaseBackend.enqueue", fail)

    assert not enqueue(PROCESS_EVENT, 1)
    assert "ConnectionError" in caplog.text
    assert "canary" not in caplog.text


@pytest.fixture
def package() -> str:
    try:
        import django.tasks  # noqa: F401
    except ImportError:
        return "django_tasks"
    return "django.tasks"


@pytest.mark.parametrize(
    ("bodies", "events", "ids"),
    [(30, 90, []), (89, 90, []), (90, 90, ["redpin.E015"]), (365, 90, ["redpin.E015"])],
)
def test_a29_a_body_that_is_kept_as_long_as_its_event_is_told_of(
    settings: Settings, bodies: int, events: int, ids: list[str]
) -> None:
    settings.REDPIN = {
        **settings.REDPIN,
        "WEBHOOK_BODY_RETENTION_DAYS": bodies,
        "WEBHOOK_EVENT_RETENTION_DAYS": events,
    }

    assert [id_ for id_, _ in found()] == ids


def test_wrong_settings_are_told_of_once(settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_PROCESSING": "pigeon"}

    assert found() == []  # E003 tells.
