"""What holds whoever does the work later: Celery, Django's tasks, or nobody but this process.

Celery's worker is a real one in a thread, that of Django's tasks reads a table.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from pytest_django import Settings

from django_redpin import signals, tasks
from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session, journal, process, queue
from tests.celery import app
from tests.redpin_server import FakeRedpin

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Backend:
    """`work` lets what was enqueued be done, `sweep` makes up for what was not.

    `sent` are the arguments of all messages.
    """

    name: str
    work: Callable[[], None]
    sweep: Callable[[], None]
    sent: list[Any] = field(default_factory=list)


SWEEPS = ("process_due_events", "dispatch_due_transitions")


def nothing() -> None:
    """Inline, all is done by now."""


def is_idle() -> bool:
    waiting = {"next_attempt_at__isnull": False}
    events = WebhookEvent.objects.filter(**waiting)
    return not events.exists() and not StatusTransition.objects.filter(**waiting).exists()


def wait_for_the_worker() -> None:
    deadline = time.monotonic() + 20
    while not is_idle() and time.monotonic() < deadline:
        time.sleep(0.02)


def with_celery(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Backend:
    request.getfixturevalue("worker_thread")
    app.control.purge()

    def sweep() -> None:
        for name in SWEEPS:
            app.tasks[f"django_redpin.{name}"].delay()
            time.sleep(0.1)
        wait_for_the_worker()

    backend = Backend("task", wait_for_the_worker, sweep)
    send = app.signature("").__class__.apply_async

    def note(signature: Any, **options: Any) -> Any:
        backend.sent.append((signature.args, signature.kwargs))
        return send(signature, **options)

    monkeypatch.setattr("celery.canvas.Signature.apply_async", note)
    return backend


def with_django(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Backend:
    if not apps.is_installed("django_tasks_db"):
        pytest.skip("Django 5.2 has no tasks, and their back-port is not installed.")
    from django_tasks_db.management.commands.db_worker import Worker
    from django_tasks_db.models import DBTaskResult

    from django_redpin import django_tasks

    sent: list[Any] = []

    def work() -> None:
        worker = Worker(
            queue_names=["default"],
            excluded_queue_names=[],
            interval=0,
            batch=True,
            max_tasks=None,
            backend_name="default",
            startup_delay=False,
            worker_id="tests",
        )
        worker.run()
        assert not DBTaskResult.objects.failed().exists()
        sent[:] = [
            (tuple(row["args"]), row["kwargs"])
            for row in DBTaskResult.objects.values_list("args_kwargs", flat=True)
        ]

    def sweep() -> None:
        for name in SWEEPS:
            getattr(django_tasks, name).enqueue()
        work()

    return Backend("django_task", work, sweep, sent)


def inline(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Backend:
    def sweep() -> None:
        call_command("redpin_sweep", stdout=StringIO())

    return Backend("inline", nothing, sweep)


@pytest.fixture(params=[with_celery, with_django, inline], ids=["task", "django_task", "inline"])
def backend(
    request: pytest.FixtureRequest,
    settings: Settings,
    redpin: FakeRedpin,
    monkeypatch: pytest.MonkeyPatch,
) -> Backend:
    made: Backend = request.param(request, monkeypatch)
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_PROCESSING": made.name}
    return made


@pytest.fixture
def told() -> Iterator[list[int]]:
    """The transitions that the merchant's receiver was told of."""
    found: list[int] = []

    def receiver(transition: StatusTransition, **kwargs: object) -> None:
        assert not connection.in_atomic_block
        found.append(transition.pk)

    signals.payment_completed.connect(receiver)
    yield found
    signals.payment_completed.disconnect(receiver)


def post(redpin: FakeRedpin, session: PaymentSession) -> None:
    """Have the session paid, and post the event that tells so."""
    url = redpin.creates[0].json["callbacks"][0].removeprefix("https://merchant.test")
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    event = {"event_id": "1", "payment_id": "9001", "status": "PAYMENT_COMPLETED"}
    answer = Client().post(url, json.dumps(event), content_type="application/json")
    assert answer.status_code == 200


def lose_every_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_redpin.services.record.enqueue", lambda *args: False)
    monkeypatch.setattr("django_redpin.services.queue.enqueue", lambda *args: False)


@pytest.mark.heavy
def test_c13_a_webhook_ends_in_the_merchants_receiver_once(
    backend: Backend, redpin: FakeRedpin, arguments: dict[str, Any], told: list[int]
) -> None:
    session = create_payment_session(**arguments)
    post(redpin, session)
    backend.work()
    backend.sweep()

    assert told == [StatusTransition.objects.get(to_value="PAYMENT_COMPLETED").pk]
    session.refresh_from_db()
    assert session.payment_status == "PAYMENT_COMPLETED"


def test_c13_what_a_lost_message_would_have_done_the_sweep_does(
    backend: Backend,
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    told: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as lossy:
        lose_every_message(lossy)
        post(redpin, create_payment_session(**arguments))
        assert told == []
        assert not is_idle()

    backend.sweep()
    backend.work()

    assert len(told) == 1
    assert is_idle()


@pytest.mark.heavy
def test_c13_a_primary_key_is_all_that_travels(
    backend: Backend, redpin: FakeRedpin, arguments: dict[str, Any], told: list[int]
) -> None:
    post(redpin, create_payment_session(**arguments))
    backend.work()

    transitions = StatusTransition.objects.all()
    if backend.name == "task":  # The worker of an event tells of it without another message.
        transitions = transitions.filter(event=None)
    rows = [*WebhookEvent.objects.all(), *transitions]
    assert all(kwargs == {} for _, kwargs in backend.sent)
    sent = sorted(args for args, _ in backend.sent)
    assert sent == ([] if backend.name == "inline" else sorted((row.pk,) for row in rows))
    assert len(told) == 1


@pytest.mark.heavy
def test_c13_a_receiver_that_raises_is_told_again_with_the_same_id(
    backend: Backend, redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    seen: list[int] = []

    def receiver(transition: StatusTransition, **kwargs: object) -> None:
        seen.append(transition.pk)
        if len(seen) == 1:
            raise RuntimeError("not yet")

    signals.payment_completed.connect(receiver)
    try:
        post(redpin, create_payment_session(**arguments))
        if backend.name == "task":
            wait_until_seen(seen)
        else:
            backend.work()
        assert len(seen) == 1
        wait_until_released()
        waiting = StatusTransition.objects.filter(dispatched_at=None)
        waiting.update(next_attempt_at=datetime.now(timezone.utc))
        backend.sweep()
    finally:
        signals.payment_completed.disconnect(receiver)

    assert seen == [seen[0]] * 2
    assert is_idle()


def wait_until_seen(seen: list[int]) -> None:
    deadline = time.monotonic() + 20
    while not seen and time.monotonic() < deadline:
        time.sleep(0.02)


def wait_until_released() -> None:
    deadline = time.monotonic() + 20
    while StatusTransition.objects.filter(leased_until__isnull=False).exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_c13_nothing_runs_in_a_transaction_or_before_its_commit(
    backend: Backend,
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    told: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[bool] = []
    work = process._process

    def note(event: WebhookEvent, session: PaymentSession | None) -> None:
        found.append(connection.in_atomic_block)
        work(event, session)

    monkeypatch.setattr(process, "_process", note)
    session = create_payment_session(**arguments)
    post(redpin, session)
    backend.work()
    assert (found, len(told)) == ([False], 1)

    with transaction.atomic():
        journal.write(session, journal.Subject.REVIEW, "", "rolled back")
        transaction.set_rollback(True)
    before = len(backend.sent)
    backend.work()
    assert len(backend.sent) == before


def test_c13_the_same_tasks_are_there_for_celery_and_for_django() -> None:
    if not apps.is_installed("django_tasks_db"):
        pytest.skip("Django 5.2 has no tasks, and their back-port is not installed.")
    from django_redpin import django_tasks

    ours = {name for name in app.tasks if name.startswith("django_redpin.")}

    assert {
        f"django_redpin.{n}" for n, v in vars(django_tasks).items() if hasattr(v, "enqueue")
    } == ours
    assert {queue.COMPLETE_SESSION, queue.REGISTER_RECIPIENT} < ours
    for name in ours:
        celery, django = (getattr(each, name.partition(".")[2]) for each in (tasks, django_tasks))
        assert django.func.__doc__ == celery.__doc__
