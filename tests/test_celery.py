"""Celery: a task that is a receiver, run by a real worker; a broker that loses everything."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from celery import shared_task
from celery.schedules import crontab
from django.test import Client
from django.utils import timezone

from django_redpin import tasks
from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.receivers import on
from django_redpin.services import create_payment_session, queue, reconcile, retention, sweeps
from django_redpin.services.leases import LEASE, MAX_ATTEMPTS
from django_redpin.services.process import process_event
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
def worker(transactional_db: None, worker_thread: None) -> None:
    app.control.purge()  # What other tests sent, about rows that are no more.
    released.clear()


def wait_for(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.05)


@pytest.mark.heavy
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


@pytest.mark.slow
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

    tasks.process_due_events.delay()
    wait_for(lambda: WebhookEvent.objects.filter(processed_at__isnull=False))
    tasks.dispatch_due_transitions.delay()

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
    code = "from django_redpin.tasks import beat_schedule; print(len(beat_schedule()))"
    environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == ("6\n", "")


OURS = sorted(name for name in app.tasks if name.startswith("django_redpin."))
ONE_ROW = {
    queue.COMPLETE_SESSION,
    queue.DISPATCH_TRANSITION,
    queue.PROCESS_EVENT,
    queue.REGISTER_RECIPIENT,
}
# After so long Redis hands out again what is not acknowledged.
VISIBILITY_TIMEOUT = 3600


def test_c8_a_task_is_given_a_primary_key_or_nothing() -> None:
    parameters = {name: tuple(inspect.signature(app.tasks[name].run).parameters) for name in OURS}

    assert {name for name, given in parameters.items() if given == ("pk",)} == ONE_ROW
    assert {name for name, given in parameters.items() if given == ()} == set(OURS) - ONE_ROW


@pytest.mark.parametrize("name", OURS)
def test_c8_tasks_survive_a_killed_worker_and_end_within_their_lease(name: str) -> None:
    task = app.tasks[name]

    assert task.acks_late
    assert task.reject_on_worker_lost
    assert task.ignore_result
    assert task.soft_time_limit is not None
    assert task.time_limit is not None
    assert task.soft_time_limit < task.time_limit < LEASE.total_seconds()
    assert task.time_limit < VISIBILITY_TIMEOUT / 4


def test_c8_a_sweep_begins_nothing_that_its_time_limit_would_cut_off() -> None:
    """A row is worked on for a minute and a call more at most; see `attempts.BACKGROUND`."""
    limit = app.tasks["django_redpin.process_due_events"].soft_time_limit or 0

    assert limit > sweeps.SECONDS + 100
    assert limit > reconcile.MAX_SECONDS + 100
    assert limit > retention.SECONDS


@pytest.mark.django_db
def test_c8_an_event_that_kills_every_worker_stops_after_its_attempts() -> None:
    """Should the broker bring it again for ever: the row has counted, and is not due at once."""
    event = WebhookEvent.objects.create(
        key="poison", body=b"{}", attempts=MAX_ATTEMPTS - 1, next_attempt_at=timezone.now()
    )
    with mock.patch("django_redpin.services.process._process", side_effect=RuntimeError):
        for _ in range(5):
            tasks.process_event(event.pk)

    event.refresh_from_db()
    assert (event.attempts, event.next_attempt_at) == (MAX_ATTEMPTS, None)


def test_c11_a_sweep_expires_whatever_its_scheduler_passes_on() -> None:
    for entry in tasks.beat_schedule().values():
        with mock.patch.object(type(app), "send_task") as sent:
            app.tasks[entry["task"]].apply_async()

        assert sent.call_args.kwargs["expires"] == entry["options"]["expires"]

    with mock.patch.object(type(app), "send_task") as sent:
        tasks.process_event.delay(1)
    assert sent.call_args.kwargs.get("expires") is None  # It may be late.


def test_c11_the_beat_schedule_has_every_sweep_once_and_nothing_else() -> None:
    assert sorted(entry["task"] for entry in tasks.beat_schedule().values()) == sorted(
        set(OURS) - ONE_ROW
    )


def test_c11_no_message_of_the_beat_outlives_the_next_one() -> None:
    for entry in tasks.beat_schedule().values():
        schedule = entry["schedule"]
        pause = 86400 if isinstance(schedule, crontab) else schedule.total_seconds()
        assert 0 < entry["options"]["expires"] <= pause


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(ONE_ROW))
def test_c15_a_message_about_a_row_that_is_gone_does_nothing(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    app.tasks[name](10**9)

    assert not caplog.records


@pytest.mark.django_db
def test_c15_an_outcome_that_a_later_version_has_written_is_left_alone() -> None:
    """Old workers go on while the new ones have begun."""
    settled = WebhookEvent.objects.create(key="1", body=b"{}", outcome="from_tomorrow")
    waiting = WebhookEvent.objects.create(
        key="2", body=b"{}", outcome="from_tomorrow", next_attempt_at=timezone.now()
    )

    tasks.process_event(settled.pk)
    assert process_event(settled.pk) == "from_tomorrow"
    tasks.process_due_events()
    tasks.prune()

    settled.refresh_from_db()
    assert (settled.outcome, settled.attempts, settled.processed_at) == ("from_tomorrow", 0, None)
    waiting.refresh_from_db()
    assert waiting.attempts == 1  # It was due, and is worked on like any other.
