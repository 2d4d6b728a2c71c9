"""Enqueueing: whatever the broker does, nobody waits for it; and without a worker it is done here.

The brokers are sockets of this machine: one refuses, one is silent, one is slow.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import statistics
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from celery import Celery, current_app
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, transaction
from django.test import Client
from pytest_django import Settings

from django_redpin import (
    signals,
    tasks,  # noqa: F401  Celery knows them by name from here on.
)
from django_redpin.models import StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session, dispatch, process, publisher
from django_redpin.services.publisher import Publisher
from django_redpin.services.queue import (
    COMPLETE_SESSION,
    DISPATCH_TRANSITION,
    PROCESS_EVENT,
    REGISTER_RECIPIENT,
    enqueue,
    enqueue_on_commit,
)
from django_redpin.services.sweeps import process_due_events
from tests.redpin_server import FakeRedpin

from .celery import app as tests_app
from .webhooks.posting import path as path_of
from .webhooks.posting import post

PATIENCE = 0.04


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The time that callers have in life, and a publisher of the test's own."""
    monkeypatch.setattr(publisher, "PATIENCE", PATIENCE)
    publisher.start_anew()
    yield
    publisher.start_anew()  # The thread may hang in a broker.


@pytest.fixture
def port() -> Iterator[int]:
    """A port at which nobody answers: connections are refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def broker() -> Iterator[Callable[[str], None]]:
    """Gives Celery another broker; the tests' own is back afterwards."""
    apps: list[Celery] = []

    def use(url: str) -> None:
        app = Celery("another", broker=url, set_as_current=False)
        apps.append(app)
        app.set_default()
        app.set_current()
        assert not app.conf.task_always_eager  # Celery's own start is no matter of the broker.

    yield use
    tests_app.set_default()
    tests_app.set_current()


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def fail(*args: object, **kwargs: object) -> None:
    raise ConnectionError("amqp://user:canary-password@broker")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("scheme", ["amqp", "redis"])
@pytest.mark.parametrize("kind", ["port", "silent_port"])
def test_a21_without_a_broker_a_webhook_is_answered_as_soon_as_with_one(
    scheme: str,
    kind: str,
    patience: None,
    broker: Callable[[str], None],
    request: pytest.FixtureRequest,
    redpin: FakeRedpin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    numbers = iter(range(1000))

    def answer() -> float:
        body = {"event_id": str(next(numbers)), "payment_id": "9001", "status": "AWAITING_FUNDS"}
        return seconds(lambda: post(path_of("ORDER-1"), json.dumps(body)))

    usual = statistics.median(answer() for _ in range(7))
    publisher.start_anew()
    broker(f"{scheme}://127.0.0.1:{request.getfixturevalue(kind)}//")
    monkeypatch.setattr(publisher, "CIRCUIT", 0.0)  # Each is the first to find out.

    # A machine that is busy with other things may have more than one try.
    tries = (statistics.median(answer() for _ in range(7)) for _ in range(5))
    assert any(median < usual + 0.05 for median in tries)

    count = next(numbers)
    assert WebhookEvent.objects.filter(next_attempt_at__isnull=False).count() == count
    assert process_due_events() == count
    assert set(WebhookEvent.objects.values_list("attempts", flat=True)) == {1}


def test_a21_no_caller_waits_longer_than_its_patience_and_only_the_first_does(
    patience: None, silent_port: int, broker: Callable[[str], None]
) -> None:
    broker(f"redis://127.0.0.1:{silent_port}/0")

    took = []
    for _ in range(3):
        publisher.start_anew()
        first = seconds(lambda: enqueue(PROCESS_EVENT, 1))
        others = [seconds(lambda: enqueue(PROCESS_EVENT, 2)) for _ in range(20)]
        took.append((first, statistics.median(others)))

    # The least of three: a busy machine only adds to what a caller waits.
    first, other = (min(values) for values in zip(*took, strict=True))
    assert PATIENCE * 0.9 < first < PATIENCE + 0.05
    assert other < 0.01


def test_a21_after_a_failure_the_broker_is_left_alone_for_a_while(
    monkeypatch: pytest.MonkeyPatch, patience: None
) -> None:
    tried: list[int] = []
    monkeypatch.setattr(publisher, "PATIENCE", 10)
    monkeypatch.setattr(publisher, "CIRCUIT", 0.3)

    def refuse() -> None:
        tried.append(1)
        raise ConnectionError

    each = Publisher()
    assert [each.publish("task", refuse) for _ in range(5)] == [False] * 5
    assert len(tried) == 1
    time.sleep(0.35)
    assert each.publish("task", lambda: None)
    assert each.publish("task", lambda: None)


def test_a21_what_waits_behind_a_message_that_failed_is_dropped_and_not_tried() -> None:
    each, go = Publisher(), threading.Event()
    sent: list[str] = []

    def hang() -> None:
        go.wait(10)
        raise ConnectionError

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(each.publish, "task", hang)
        wait_until(lambda: bool(each._waiting))
        others = [pool.submit(each.publish, "task", lambda: sent.append("x")) for _ in range(3)]
        wait_until(lambda: len(each._waiting) == 4)
        go.set()
        assert [first.result(), *(other.result() for other in others)] == [False] * 4
    assert sent == []
    each.flush(1)
    assert not each._waiting


def test_a21_a_broker_that_is_slow_gets_its_messages_all_the_same(patience: None) -> None:
    each, sent = Publisher(), list[int]()

    def slowly(number: int) -> Callable[[], None]:
        def send() -> None:
            time.sleep(0.1)
            sent.append(number)

        return send

    took = [seconds(lambda n=n: each.publish("task", slowly(n))) for n in range(5)]  # type: ignore[misc]
    each.flush(10)

    assert sent == [0, 1, 2, 3, 4]  # In order, though nobody waited for them.
    assert sum(took) < 0.3
    assert not each.publish("task", lambda: None)  # It is not known yet that all is well.
    each.flush(10)
    assert each.publish("task", lambda: None)


def test_a21_a_queue_that_is_full_takes_no_more(
    monkeypatch: pytest.MonkeyPatch, patience: None, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(publisher, "ROOM", 10)
    each, go, sent = Publisher(), threading.Event(), list[int]()
    each.publish("task", lambda: go.wait(10))
    for number in range(100):
        assert not each.publish("task", lambda n=number: sent.append(n))  # type: ignore[misc]
    go.set()
    each.flush(10)

    assert sent == list(range(9))
    assert [record.levelname for record in caplog.records].count("WARNING") == 1
    assert "10 others wait for it" in caplog.text


def test_a21_a_hundred_threads_at_once_wait_no_longer_than_one(
    patience: None, silent_port: int, broker: Callable[[str], None]
) -> None:
    broker(f"redis://127.0.0.1:{silent_port}/0")
    start, before = threading.Barrier(100), publishers()

    def one(number: int) -> float:
        start.wait(30)
        return seconds(lambda: enqueue(PROCESS_EVENT, number))

    with ThreadPoolExecutor(100) as pool:
        took = list(pool.map(one, range(100)))

    assert statistics.median(took) < PATIENCE + 0.2
    assert publishers() - before == 1


def test_a21_a_hundred_threads_have_all_their_messages_published() -> None:
    each, sent = Publisher(), set[int]()

    with ThreadPoolExecutor(100) as pool:
        took = list(pool.map(lambda n: each.publish("task", lambda: sent.add(n)), range(500)))

    assert took == [True] * 500
    assert sent == set(range(500))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Needs fork.")
def test_a21_a_forked_child_has_a_thread_of_its_own() -> None:
    assert publisher.publish("task", lambda: None)
    publisher._publisher._changed.acquire()  # As if the parent's thread were in the middle of it.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Threads and fork: on purpose.
            child = os.fork()
        if child == 0:
            sent: list[int] = []
            is_sent = publisher.publish("task", lambda: sent.append(1))
            os._exit(0 if is_sent and sent else 1)
    finally:
        publisher._publisher._changed.release()

    deadline = time.monotonic() + 20
    while (done := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, 9)
        time.sleep(0.01)
    assert os.waitstatus_to_exitcode(done[1]) == 0
    assert publisher.publish("task", lambda: None)


def test_a21_a_message_that_a_broker_takes_costs_next_to_nothing() -> None:
    each = Publisher()
    each.publish("task", lambda: None)

    took = [seconds(lambda: each.publish("task", lambda: None)) for _ in range(200)]

    assert statistics.median(took) < 0.001


def test_e28_an_outage_is_told_of_once_and_without_the_brokers_password(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="django_redpin")
    monkeypatch.setattr(publisher, "CIRCUIT", 0.0)
    each = Publisher()

    for _ in range(5):
        assert not each.publish(PROCESS_EVENT, fail)
    assert each.publish(PROCESS_EVENT, lambda: None)
    each.flush(1)
    assert not each.publish(PROCESS_EVENT, fail)

    told = [record.getMessage() for record in caplog.records]
    refused = (
        "The broker took no django_redpin.process_event message (ConnectionError);"
        " until it does, rows wait for the sweep."
    )
    assert told == [refused, "The broker takes messages again.", refused]


def test_e28_a_broker_that_is_silent_is_told_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing fails while a connection hangs: there is but the age of what is being sent."""
    caplog.set_level(logging.INFO, logger="django_redpin")
    monkeypatch.setattr(publisher, "PATIENCE", 0.01)
    monkeypatch.setattr(publisher, "SILENCE", 0.1)
    each, go = Publisher(), threading.Event()

    assert not each.publish(PROCESS_EVENT, lambda: go.wait(10))
    assert not each.publish(DISPATCH_TRANSITION, lambda: None)
    assert caplog.records == []
    time.sleep(0.11)
    for _ in range(5):
        assert not each.publish(DISPATCH_TRANSITION, lambda: None)
    go.set()
    each.flush(5)

    assert [record.getMessage() for record in caplog.records] == [
        "The broker took no django_redpin.process_event message (silent for 0.1 seconds);"
        " until it does, rows wait for the sweep.",
        "The broker takes messages again.",
    ]


def test_a21_whoever_is_told_that_all_is_sent_finds_the_broker_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    each = Publisher()
    seen: list[tuple[bool, bool]] = []
    settle = each._settle

    def look(count: int) -> None:
        seen.append((each._is_slow, each._is_told))
        settle(count)

    monkeypatch.setattr(each, "_settle", look)
    each._is_slow = each._is_told = True

    each.publish("task", lambda: None)
    each.flush(1)

    assert seen == [(False, False)]


@pytest.mark.parametrize("where", ["send", "close"])
def test_a21_whatever_is_raised_a_message_is_sent_once_and_the_thread_goes_on(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    each, sent = Publisher(), list[int]()

    def stop() -> None:
        raise SystemExit  # As a signal's handler, or a library, may.

    def send() -> None:
        sent.append(1)
        if where == "send":
            stop()

    with monkeypatch.context() as patched:
        if where == "close":
            patched.setattr(publisher, "close_old_connections", stop)
        is_sent = each.publish("task", send)
        each.flush(1)
        thread = each._thread

    assert is_sent is (where == "close")
    assert not each._waiting
    monkeypatch.setattr(each, "_open_until", 0.0)
    assert each.publish("task", lambda: sent.append(2))
    assert sent == [1, 2]
    assert each._thread is thread


def test_where_there_can_be_no_more_threads_the_sweep_does_what_no_message_was_sent_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    each, sent = Publisher(), list[int]()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        assert not each.publish("task", lambda: sent.append(1))
    assert not each._waiting

    assert each.publish("task", lambda: sent.append(2))
    assert sent == [2]


def test_a_time_limit_is_its_callers_and_no_failure_of_the_broker() -> None:
    def strike() -> None:
        raise SoftTimeLimitExceeded

    each = Publisher()
    with pytest.raises(SoftTimeLimitExceeded):
        each.publish("task", strike)
    assert each.publish("task", lambda: None)


def test_celery_is_told_not_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    options: list[Any] = []
    monkeypatch.setattr(
        "celery.canvas.Signature.apply_async", lambda self, **kwargs: options.append(kwargs)
    )

    assert enqueue(PROCESS_EVENT, 1)
    assert options == [{"retry": False}]


@pytest.mark.django_db
def test_an_eager_task_runs_where_it_is_enqueued(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[threading.Thread] = []
    monkeypatch.setattr(
        process, "take_event", lambda *args: seen.append(threading.current_thread())
    )
    assert PROCESS_EVENT in current_app.tasks
    current_app.conf.task_always_eager = True
    try:
        assert enqueue(PROCESS_EVENT, 1)
    finally:
        current_app.conf.task_always_eager = False

    assert seen == [threading.current_thread()]


def test_wrong_settings_lose_no_event(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_PROCESSING": "carrier pigeon"}

    assert not enqueue(PROCESS_EVENT, 1)
    assert 'Give "task" (Celery), "django_task" (Django 6) or "inline".' in caplog.text


# --- Inline


@pytest.fixture
def inline(settings: Settings, redpin: FakeRedpin) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_PROCESSING": "inline"}


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bool]]:
    """The transitions that were dispatched, and whether a transaction was open."""
    found: list[tuple[int, bool]] = []
    monkeypatch.setattr(
        dispatch, "dispatch_transition", lambda pk: found.append((pk, connection.in_atomic_block))
    )
    return found


@pytest.mark.django_db(transaction=True)
def test_a_webhook_is_processed_after_its_answer_is_sent(
    inline: None, redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = create_payment_session(**arguments)
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    asked = len(redpin.calls)
    when_answered: list[int] = []

    def answer(view: object, request: object, response: object, *args: object, **kw: object) -> Any:
        when_answered.append(len(redpin.calls))
        return response

    answered = "django_redpin.webhooks.view.WebhookView.finalize_response"
    monkeypatch.setattr(answered, answer)

    assert post(path_of(session.client_reference_id)).status_code == 200

    assert when_answered == [asked]
    session.refresh_from_db()
    assert session.payment_status == "AWAITING_FUNDS"
    assert not StatusTransition.objects.filter(dispatched_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_what_inline_work_brings_about_is_done_after_it(
    inline: None, monkeypatch: pytest.MonkeyPatch, done: list[tuple[int, bool]]
) -> None:
    order: list[str] = []

    def work(pk: int) -> None:
        order.append(f"begin {pk}")
        if pk == 1:
            enqueue(DISPATCH_TRANSITION, 2)
            with transaction.atomic():
                enqueue_on_commit(DISPATCH_TRANSITION, 3)
        order.append(f"end {pk}")

    monkeypatch.setattr(dispatch, "dispatch_transition", work)
    enqueue(DISPATCH_TRANSITION, 1)

    assert order == ["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"]


@pytest.mark.django_db(transaction=True)
def test_inline_work_runs_in_no_transaction(inline: None, done: list[tuple[int, bool]]) -> None:
    with transaction.atomic():
        assert enqueue(DISPATCH_TRANSITION, 7)
        enqueue_on_commit(DISPATCH_TRANSITION, 8)
        assert done == []
    assert done == [(7, False), (8, False)]

    with transaction.atomic():
        enqueue(DISPATCH_TRANSITION, 9)
        transaction.set_rollback(True)
    assert len(done) == 2


@pytest.mark.django_db(transaction=True)
def test_inline_neither_a_payer_nor_a_receiver_waits_for_events_that_came_first(
    inline: None, redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    """Each of them is a call to Redpin; they are due, and left to the sweep."""
    reference = "ORDER-77"
    status = {"event_id": "1", "payment_id": "9001", "status": "AWAITING_FUNDS"}
    for number in range(2):
        body = {**status, "event_id": str(number), "client_reference_id": reference}
        assert post(path_of(reference), json.dumps(body)).status_code == 200
    waiting = WebhookEvent.objects.filter(next_attempt_at__isnull=False)
    assert waiting.count() == 2
    tried = list(waiting.values_list("attempts", flat=True))
    asked = len(redpin.calls)

    def receiver(transition: StatusTransition, **kwargs: object) -> None:
        enqueue(PROCESS_EVENT, waiting.first().pk)  # type: ignore[union-attr]

    signals.payment_session_created.connect(receiver)
    try:
        create_payment_session(**{**arguments, "client_reference_id": reference})
    finally:
        signals.payment_session_created.disconnect(receiver)

    assert len(redpin.calls) == asked + 2  # For a token, and to create.
    assert list(waiting.values_list("attempts", flat=True)) == tried
    assert process_due_events() == 2


@pytest.mark.django_db(transaction=True)
def test_inline_work_that_fails_is_left_to_the_sweep(
    inline: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process, "process_event", fail)

    assert post(path_of("ORDER-1")).status_code == 200

    assert WebhookEvent.objects.get().next_attempt_at is not None
    assert "its row waits for the sweep" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_sessions_and_recipients_are_not_completed_inline(
    inline: None, redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    create_payment_session(**arguments, defer=True)

    assert redpin.calls == []
    assert not enqueue(COMPLETE_SESSION, 1)
    assert not enqueue(REGISTER_RECIPIENT, 1)


@pytest.mark.django_db(transaction=True)
def test_c14_signals_reach_their_receivers_inline_too(
    inline: None, redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    told: list[tuple[int, bool]] = []

    def receiver(transition: StatusTransition, **kwargs: object) -> None:
        told.append((transition.pk, connection.in_atomic_block))

    signals.payment_session_created.connect(receiver)
    try:
        create_payment_session(**arguments)
    finally:
        signals.payment_session_created.disconnect(receiver)

    assert told == [(StatusTransition.objects.get().pk, False)]


def test_c14_a_move_enqueues_its_signals_once_it_is_committed(
    db: None,
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(
        "celery.canvas.Signature.apply_async",
        lambda self, **options: sent.append((self.task, self.args)),
    )

    with django_capture_on_commit_callbacks(execute=True):
        create_payment_session(**arguments)
        assert sent == []

    assert sent == [(DISPATCH_TRANSITION, (StatusTransition.objects.get().pk,))]


def test_c14_inline_a_test_that_is_one_transaction_sees_it_all(
    inline: None,
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        session = create_payment_session(**arguments)
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    with django_capture_on_commit_callbacks(execute=True):
        assert post(path_of(session.client_reference_id)).status_code == 200

    session.refresh_from_db()
    assert session.payment_status == "AWAITING_FUNDS"
    assert not StatusTransition.objects.filter(dispatched_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_a_webhook_that_brings_about_nothing_closes_as_usual(inline: None) -> None:
    response = Client().post("/redpin/webhooks/default/wrong/", {}, "application/json")

    assert response.status_code == 401
    assert response.closed


def publishers() -> int:
    return sum(thread.name == "redpin-publisher" for thread in threading.enumerate())


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
