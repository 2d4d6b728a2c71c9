"""`receivers.on` on the right side of the task's own decorator."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from celery import shared_task
from django.dispatch import Signal

from django_redpin.receivers import on
from tests.celery import app


def test_decorators_in_the_wrong_order_are_told_with_the_right_one() -> None:
    signal = Signal()

    with pytest.raises(TypeError) as raised:

        @shared_task
        @on(signal)
        def release_keys(transition_id: int) -> None: ...

    assert str(raised.value) == (
        "release_keys is no task yet. Write the decorators in this order:\n\n"
        "    @on(signal)\n    @shared_task\n    def release_keys(transition_id): ..."
    )
    assert not signal.has_listeners()


@pytest.mark.parametrize("value", [None, 7, "release_keys", print, object(), type("Task", (), {})])
def test_what_is_no_task_is_refused(value: Any) -> None:
    signal = Signal()

    with pytest.raises(TypeError, match="is no task yet"):
        on(signal)(value)

    assert not signal.has_listeners()


def test_a_task_of_djangos_is_enqueued_with_the_transitions_key() -> None:
    enqueued: list[int] = []
    signal = Signal()
    task = SimpleNamespace(enqueue=enqueued.append)

    assert on(signal)(task) is task  # type: ignore[type-var]
    signal.send(sender=None, event=None, transition=SimpleNamespace(pk=7))

    assert enqueued == [7]


def test_c8_a_receivers_task_is_published_once_and_the_failure_is_the_signals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signal = Signal()

    @on(signal)
    @app.task(name="tests.published", shared=False)
    def published(transition_id: int) -> None: ...

    asked: list[dict[str, Any]] = []

    def refuse(**options: Any) -> None:
        asked.append(options)
        raise OSError("The broker is away.")

    monkeypatch.setattr(published, "apply_async", refuse)
    [(_, result)] = signal.send_robust(sender=None, event=SimpleNamespace(pk=3), transition=None)

    assert isinstance(result, OSError)
    assert asked == [{"args": (3,), "retry": False}]


def test_tasks_of_every_making_are_taken() -> None:
    signal = Signal()

    @app.task(name="tests.eager", lazy=False, shared=False)
    def eager(transition_id: int) -> None: ...

    @app.task(name="tests.lazy", shared=False)
    def lazy(transition_id: int) -> None: ...

    @on(signal)
    @on(signal)
    @shared_task(name="tests.shared", bind=True)
    def shared(self: Any, transition_id: int) -> None: ...

    for task in (eager, lazy, shared):
        assert on(signal)(task) is task
    assert len(signal.receivers) == 5


@pytest.mark.heavy
def test_a_shared_task_is_not_looked_at_before_there_is_an_app() -> None:
    """Else Celery would make an app of its own for it, which sends to no broker of the project."""
    code = (
        "import django; from django.conf import settings;"
        " settings.configure(INSTALLED_APPS=["
        "'django.contrib.auth', 'django.contrib.contenttypes', 'django_redpin']); django.setup();"
        " from celery import _state, shared_task; from django.dispatch import Signal;"
        " from django_redpin.receivers import on;"
        " on(Signal())(shared_task(lambda transition_id: None));"
        " print(_state.default_app)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("None\n", "")
