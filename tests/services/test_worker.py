"""A worker that has an event in hand tells receivers of it, too; what it can't tell is enqueued."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from django_redpin import signals, tasks
from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.services import queue, worker
from django_redpin.services.dispatch import dispatch_transition
from django_redpin.services.journal import hold_for_review
from django_redpin.services.process import process_event
from tests.redpin_server import FakeRedpin

from .events import Listener, event_body, post

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the tasks that a broker was given."""
    names: list[str] = []

    def publish(name: str, send: Callable[[], object]) -> bool:
        names.append(name)
        return True

    monkeypatch.setattr(queue, "publish", publish)
    return names


@pytest.fixture
def event(session: PaymentSession, redpin: FakeRedpin, published: list[str]) -> WebhookEvent:
    """The event of a payment that is complete: two transitions."""
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    event = post(session, event_body(session, "PAYMENT_COMPLETED"))
    assert published.pop() == queue.PROCESS_EVENT
    published.clear()
    return event


@pytest.fixture
def trusted(event: WebhookEvent, settings: Settings) -> None:
    """Have the event believed unasked: nobody calls Redpin inside a transaction."""
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_TRUST": "verified"}
    WebhookEvent.objects.update(is_signed=True)


def told(event: WebhookEvent) -> list[str]:
    rows = StatusTransition.objects.filter(event=event).order_by("pk")
    return list(rows.values_list("outcome", flat=True))


def test_receivers_are_told_without_another_message(
    event: WebhookEvent, published: list[str], listener: Listener
) -> None:
    tasks.process_event(event.pk)

    assert "payment_completed" in listener.names
    assert told(event) == ["told", "told"]
    assert published == []


@pytest.fixture
def conf() -> Iterator[Any]:
    """Celery's settings, as they were afterwards."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # Behind the proxy.
    yield app.conf
    app.conf.task_routes = None
    app.amqp.flush_routes()
    app.amqp.__dict__.pop("router", None)


@pytest.mark.parametrize(
    ("routes", "is_told_here"),
    [
        ({"django_redpin.dispatch_*": {"queue": "receivers"}}, False),
        ({"django_redpin.process_event": "events"}, False),
        ({"django_redpin.dispatch_transition": {"priority": 9}}, False),
        ({"django_redpin.*": {"queue": "payments"}}, True),
    ],
)
def test_transitions_with_a_queue_of_their_own_go_there(
    event: WebhookEvent,
    published: list[str],
    listener: Listener,
    conf: Any,
    routes: dict[str, Any],
    is_told_here: bool,
) -> None:
    conf.task_routes = routes
    current_app.amqp.flush_routes()
    current_app.amqp.__dict__.pop("router", None)

    tasks.process_event(event.pk)

    assert bool(listener.names) is is_told_here
    assert published == [queue.DISPATCH_TRANSITION] * (0 if is_told_here else 2)


@pytest.mark.parametrize("limit", ["rate_limit", "soft_time_limit", "time_limit"])
def test_transitions_with_limits_of_their_own_keep_them(
    event: WebhookEvent,
    published: list[str],
    listener: Listener,
    limit: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = current_app.tasks[queue.DISPATCH_TRANSITION]
    monkeypatch.setattr(type(task), limit, 5)

    tasks.process_event(event.pk)

    assert listener.names == []
    assert published == [queue.DISPATCH_TRANSITION] * 2


def test_what_a_worker_had_no_time_to_tell_is_enqueued(
    event: WebhookEvent, published: list[str], connect: Callable[..., None]
) -> None:
    def last_forever(**named: Any) -> None:
        raise SoftTimeLimitExceeded

    connect(signals.payment_status_changed, last_forever)

    with pytest.raises(SoftTimeLimitExceeded):
        tasks.process_event(event.pk)

    assert told(event) == ["pending", "pending"]
    assert published == [queue.DISPATCH_TRANSITION]  # The other one is tried again by the sweep.


def test_a_worker_that_fails_after_the_move_enqueues_all_of_it(
    event: WebhookEvent, published: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(pk: int) -> None:
        process_event(pk)
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(worker, "process_event", fail)

    with pytest.raises(SoftTimeLimitExceeded):
        tasks.process_event(event.pk)

    assert published == [queue.DISPATCH_TRANSITION] * 2


def test_what_receivers_bring_about_is_told_here_too(
    event: WebhookEvent,
    published: list[str],
    session: PaymentSession,
    connect: Callable[..., None],
    listener: Listener,
) -> None:
    connect(
        signals.payment_completed, lambda **named: hold_for_review(named["session"], "Look at it.")
    )

    tasks.process_event(event.pk)

    assert "session_needs_review" in listener.names
    assert published == []


def test_within_an_open_transaction_nothing_is_claimed_that_is_told_later(
    event: WebhookEvent, listener: Listener, published: list[str], trusted: None
) -> None:
    with transaction.atomic():
        tasks.process_event(event.pk)
        assert listener.names == []

    assert published == [queue.DISPATCH_TRANSITION] * 2
    rows = StatusTransition.objects.filter(event=event)
    assert [dispatch_transition(row.pk) for row in rows] == [True, True]


def test_a_router_that_fails_leaves_transitions_to_the_queue(
    event: WebhookEvent, listener: Listener, published: list[str], conf: Any
) -> None:
    def fail(name: str, *args: Any, **named: Any) -> dict[str, str]:
        raise LookupError(name)

    conf.task_routes = (fail,)
    current_app.amqp.flush_routes()
    current_app.amqp.__dict__.pop("router", None)

    tasks.process_event(event.pk)

    assert (listener.names, published) == ([], [queue.DISPATCH_TRANSITION] * 2)


def test_a_router_by_the_arguments_is_asked_with_them(
    event: WebhookEvent, listener: Listener, published: list[str], conf: Any
) -> None:
    def shard(name: str, args: Any, kwargs: Any, options: Any, task: Any, **named: Any) -> Any:
        return {"queue": f"{task.name.partition('.')[0]}-{args[0] % 2}"}

    conf.task_routes = (shard,)
    current_app.amqp.flush_routes()
    current_app.amqp.__dict__.pop("router", None)

    tasks.process_event(event.pk)

    assert "payment_completed" in listener.names
    assert published == []


@pytest.mark.parametrize("way", ["inline", "django_task"])
def test_whatever_the_queue_what_is_claimed_is_told(
    event: WebhookEvent, listener: Listener, settings: Settings, way: str
) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_PROCESSING": way}

    tasks.process_event(event.pk)

    assert "payment_completed" in listener.names
    assert told(event) == ["told", "told"]


def test_what_receivers_have_kept_from_being_told_for_long_is_left_to_others(
    event: WebhookEvent,
    published: list[str],
    connect: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [time.monotonic()]
    monkeypatch.setattr("django_redpin.services.worker.time.monotonic", lambda: now[0])

    def last(**named: Any) -> None:
        now[0] += 200

    connect(signals.payment_status_changed, last)

    tasks.process_event(event.pk)

    assert told(event) == ["told", "pending"]
    assert published == [queue.DISPATCH_TRANSITION]
    assert dispatch_transition(StatusTransition.objects.get(event=event, outcome="pending").pk)


def test_what_another_worker_has_taken_meanwhile_is_left_alone(
    event: WebhookEvent, connect: Callable[..., None], published: list[str]
) -> None:
    rows = StatusTransition.objects.filter(event=event, dispatched_at=None)
    theirs = timezone.now() + timedelta(seconds=90)

    def be_overtaken(**named: Any) -> None:
        rows.update(attempts=2, leased_until=theirs)
        raise SoftTimeLimitExceeded

    connect(signals.payment_status_changed, be_overtaken)

    with pytest.raises(SoftTimeLimitExceeded):
        tasks.process_event(event.pk)

    assert rows.get(subject="state").leased_until == theirs


def test_the_task_of_an_event_takes_a_statement_more_for_each_signal(
    session: PaymentSession, redpin: FakeRedpin, listener: Listener, published: list[str]
) -> None:
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    event = post(session, event_body(session, "AWAITING_FUNDS"))

    with CaptureQueriesContext(connection) as context:
        tasks.process_event(event.pk)

    verbs = [query["sql"].split(maxsplit=1)[0] for query in context.captured_queries]
    assert "payment_status_changed" in listener.names
    if connection.vendor == "postgresql":
        assert verbs == ["WITH", "BEGIN", "WITH", "COMMIT", "UPDATE"]
    else:
        taken, moved = ["UPDATE", "SELECT", "SELECT"], ["BEGIN", *["UPDATE", "INSERT", "UPDATE"]]
        assert verbs == [*taken, *moved, "COMMIT", "SELECT", "UPDATE"]
