"""Celery: a task that is a receiver, run by a real worker; a broker that loses everything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import shared_task
from celery.contrib.testing.worker import start_worker
from django.test import Client

from django_redpin import tasks
from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.receivers import on
from django_redpin.services import create_payment_session, queue
from django_redpin.services.leases import LEASE
from django_redpin.signals import payment_completed, webhook_rejected
from tests.celery import app
from tests.redpin_server import FakeRedpin

released: list[int] = []


@on(payment_completed)
@shared_task
def release_keys(transition_id: int) -> None:
    """The merchant's task."""
    released.append(transition_id)


@pytest.fixture
def worker(transactional_db: None) -> Iterator[None]:
    app.control.purge()  # What other tests sent, about rows that are no more.
    released.clear()
    with start_worker(app, perform_ping_check=False, pool="solo", shutdown_timeout=30):
        yield


def wait_for(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.05)


@pytest.mark.django_db(transaction=True)
def test_a_webhook_ends_in_the_merchants_task(
    worker: None, redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    session = create_payment_session(**arguments)
    url = redpin.creates[0].json["callbacks"][0].removeprefix("https://merchant.test")
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    event = {"event_id": "1", "payment_id": "9001", "status": "PAYMENT_COMPLETED"}

    response = Client().post(url, json.dumps(event), content_type="application/json")

    assert response.status_code == 200
    wait_for(lambda: released)
    transition = StatusTransition.objects.get(pk=released[0])
    assert (transition.session, transition.to_value) == (session, "PAYMENT_COMPLETED")
    wait_for(lambda: StatusTransition.objects.get(pk=released[0]).dispatched_at)
    assert PaymentSession.objects.get().payment_status == "PAYMENT_COMPLETED"


@pytest.mark.django_db(transaction=True)
def test_what_every_message_lost_would_have_done_is_done_by_the_sweep(
    worker: None, redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_redpin.services.record.enqueue", lambda *args: False)
    monkeypatch.setattr("django_redpin.services.queue.enqueue", lambda *args: False)
    session = create_payment_session(**arguments)
    url = redpin.creates[0].json["callbacks"][0].removeprefix("https://merchant.test")
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    event = {"event_id": "1", "payment_id": "9001", "status": "PAYMENT_COMPLETED"}
    Client().post(url, json.dumps(event), content_type="application/json")
    assert not released

    tasks.sweep.delay()

    wait_for(lambda: released)


def test_a_message_holds_a_primary_key_and_nothing_else(
    db: None,
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    sent: list[Any] = []

    def note(signature: Any, **options: Any) -> None:
        sent.append((signature.task, signature.args, signature.kwargs, options))

    monkeypatch.setattr("celery.canvas.Signature.apply_async", note)
    with django_capture_on_commit_callbacks(execute=True):
        create_payment_session(**arguments, idempotency_key="order-1")
    url = redpin.creates[0].json["callbacks"][0].removeprefix("https://merchant.test")
    Client().post(url, json.dumps({"event_id": "1"}), content_type="application/json")

    transition, event = StatusTransition.objects.get(), WebhookEvent.objects.get()
    assert sent == [
        (queue.DISPATCH_TRANSITION, (transition.pk,), {}, {"retry": False}),
        (queue.PROCESS_EVENT, (event.pk,), {}, {"retry": False}),
    ]


def test_webhook_rejected_can_have_no_task() -> None:
    with pytest.raises(TypeError, match="no transition"):
        on(webhook_rejected)


def test_the_beat_schedule_can_be_imported_by_settings() -> None:
    code = "from django_redpin.tasks import beat_schedule; print(list(beat_schedule()))"
    environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == ("['redpin-sweep']\n", "")


@pytest.mark.parametrize("name", [queue.PROCESS_EVENT, queue.DISPATCH_TRANSITION])
def test_what_the_services_enqueue_is_a_task(name: str) -> None:
    assert name in app.tasks


def test_the_beat_schedule_names_tasks_that_exist() -> None:
    for entry in tasks.beat_schedule().values():
        assert entry["task"] in app.tasks


@pytest.mark.parametrize("name", ["process_event", "dispatch_transition", "sweep"])
def test_tasks_survive_a_killed_worker_and_end_within_their_lease(name: str) -> None:
    task = app.tasks[f"django_redpin.{name}"]

    assert task.acks_late
    assert task.reject_on_worker_lost
    assert task.ignore_result
    assert task.soft_time_limit is not None
    assert task.time_limit is not None
    assert task.soft_time_limit < task.time_limit < LEASE.total_seconds()
