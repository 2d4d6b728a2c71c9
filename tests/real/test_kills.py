"""A worker's process is killed at any step whatever; the next one makes good what it left.

The steps are counted by a first run, so that none is forgotten. The process dies by `kill -9`, its
message goes back to the broker, and its lease ends by time alone.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session
from django_redpin.services.process import process_event
from tests.redpin_server import FakeRedpin, Handler, Server
from tests.webhooks.posting import path

from . import kill_points
from .kill_points import heard
from .lanes import Lane, lane_on
from .parts import wait_for, wait_for_worker
from .posting import event
from .servers import RedisServer

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

# A step of the processing after the claim and before the move, on each database.
CLAIMED = 9
PROCESS, DISPATCH = "django_redpin.process_event", "django_redpin.dispatch_transition"
SWEEPS = ("django_redpin.process_due_events", "django_redpin.dispatch_due_transitions")


@pytest.fixture(scope="module")
def worker(
    django_db_setup: None, _server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lane]:
    """A worker, and a broker of its own."""
    folder = tmp_path_factory.mktemp("kills")
    with RedisServer(folder) as redis, lane_on(redis.url, folder, _server.redpin.url) as lane:
        wait_for_worker(lane.parts.worker())
        yield lane


@pytest.fixture
def lane(worker: Lane, redpin: FakeRedpin, join: Callable[[Lane], None]) -> Lane:
    join(worker)
    return worker


@pytest.fixture
def paid(redpin: FakeRedpin, arguments: dict[str, Any]) -> Callable[[], WebhookEvent]:
    """Have a session paid, and return the event of it, whose message is lost."""
    first = create_payment_session(**arguments)
    listed = redpin.sessions[first.client_reference_id]
    numbers = itertools.count(1)

    def run() -> WebhookEvent:
        # A copy: hundreds of calls to create them would take their time.
        session = PaymentSession.objects.get(pk=first.pk)
        session.pk = None
        session.client_reference_id = f"ORDER-{next(numbers)}"
        session.session_id = f"s-{session.client_reference_id}"
        session.save(force_insert=True)
        names = {name: getattr(session, name) for name in ("client_reference_id", "session_id")}
        redpin.sessions[session.client_reference_id] = {**listed, **names}
        redpin.pay(session.client_reference_id, "AWAITING_FUNDS", f"p-{session.pk}")
        post(session)
        return WebhookEvent.objects.get(client_reference_id=session.client_reference_id)

    return run


def post(session: PaymentSession) -> None:
    body = event(f"e-{session.pk}", payment_id=f"p-{session.pk}")
    url = path(session.client_reference_id)
    assert Client().post(url, body, content_type="application/json").status_code == 200


def kill_everywhere(lane: Lane, task: str, prepare: Callable[[], int]) -> int:
    """Have the worker killed at each step of the task in turn, and return how many there are.

    The task gets a new key from `prepare` each time.
    """

    def run(step: int) -> int | None:
        pk = prepare()
        kill_points.order(f"{task} {pk}", step)
        lane.send(task, pk)
        return kill_points.outcome()

    steps = run(0)
    assert steps is not None
    for step in range(1, steps + 1):
        assert run(step) is None, f"Step {step} was not reached."
    return steps


def finish(lane: Lane, let_leases_end: Callable[[], None]) -> None:
    """Let leases end and sweeps run, until nothing waits."""
    for _ in range(5):
        let_leases_end()
        for task in SWEEPS:
            kill_points.order(task, 0)
            lane.send(task)
            assert kill_points.outcome(60)
        waiting = WebhookEvent.objects.filter(processed_at=None).exists()
        if not waiting and not StatusTransition.objects.filter(dispatched_at=None).exists():
            return
    raise AssertionError("Something is left that no sweep finishes.")


def wait_for_ends(place: str, times: int) -> None:
    """Wait until a task with this key has run to its end so many times."""
    wait_for(lambda: kill_points.noted("ended").count(place) == times)


def assert_each_applied_once(count: int) -> None:
    """Assert one line in the journal and one id for however many signals, for each event."""
    moves = StatusTransition.objects.filter(subject="payment_status")
    events = WebhookEvent.objects.filter(outcome="applied")
    told = [pk for name, pk in heard() if name == "payment_status_changed"]
    assert events.count() == WebhookEvent.objects.count() == count
    assert sorted(move.event_id or 0 for move in moves) == sorted(row.pk for row in events)
    assert sorted(told) == [move.pk for move in moves]


def test_c10_a_worker_killed_at_any_step_of_an_event_is_succeeded_when_its_lease_ends(
    lane: Lane, paid: Callable[[], WebhookEvent], let_leases_end: Callable[[], None]
) -> None:
    steps = kill_everywhere(lane, PROCESS, lambda: paid().pk)

    assert steps > 12
    # The broker gives each message to another worker at once, which leaves the row alone.
    undone = WebhookEvent.objects.filter(processed_at=None)
    wait_for(lambda: not undone.all().filter(leased_until=None).exists())
    assert undone.count() > 5
    assert {held.attempts for held in undone} == {1}
    assert all(held.leased_until and held.leased_until > timezone.now() for held in undone)

    finish(lane, let_leases_end)
    assert_each_applied_once(steps + 1)


def test_c2_a_worker_killed_at_any_step_of_a_dispatch_is_succeeded_with_the_same_id(
    lane: Lane, paid: Callable[[], WebhookEvent], let_leases_end: Callable[[], None]
) -> None:
    def move() -> int:
        event_pk = paid().pk
        process_event(event_pk)  # As the service: the task would tell of it, too.
        return StatusTransition.objects.get(event=event_pk).pk

    steps = kill_everywhere(lane, DISPATCH, move)
    assert steps > 3
    before = set(heard())

    finish(lane, let_leases_end)

    assert_each_applied_once(steps + 1)
    times = [count for (name, _), count in heard().items() if name == "payment_status_changed"]
    # Killed before the signal: told by the sweep. Killed after it, and before it was noted: twice.
    assert set(heard()) - before
    assert max(times) == 2


def test_a19_a_copy_of_an_event_whose_worker_was_killed_has_it_applied(
    lane: Lane, paid: Callable[[], WebhookEvent], let_leases_end: Callable[[], None]
) -> None:
    killed = paid()
    kill_points.order(f"{PROCESS} {killed.pk}", CLAIMED)
    lane.send(PROCESS, killed.pk)
    assert kill_points.outcome() is None
    assert WebhookEvent.objects.get().processed_at is None

    let_leases_end()
    WebhookEvent.objects.update(next_attempt_at=timezone.now() + timedelta(hours=1))
    post(PaymentSession.objects.get(client_reference_id=killed.client_reference_id))
    lane.send(PROCESS, killed.pk)

    wait_for(lambda: WebhookEvent.objects.get().processed_at)
    assert WebhookEvent.objects.get().duplicates == 1
    finish(lane, let_leases_end)
    assert_each_applied_once(1)


def test_c8_an_event_that_kills_its_workers_is_counted_in_its_row_and_not_by_the_broker(
    lane: Lane, paid: Callable[[], WebhookEvent], let_leases_end: Callable[[], None]
) -> None:
    poison = paid()
    place = f"{PROCESS} {poison.pk}"
    for attempt in range(1, 4):
        let_leases_end()
        kill_points.order(place, CLAIMED)
        lane.send(PROCESS, poison.pk)
        assert kill_points.outcome() is None
        # What the broker gives out again, and again, is no further attempt while the lease lasts.
        for _ in range(4):
            lane.send(PROCESS, poison.pk)
        wait_for_ends(place, 5 * attempt)
        poison.refresh_from_db()
        assert (poison.attempts, poison.processed_at) == (attempt, None)

    finish(lane, let_leases_end)
    poison.refresh_from_db()
    assert poison.attempts == 4
    assert_each_applied_once(1)


def test_c10_two_workers_and_twenty_messages_apply_an_event_once(
    lane: Lane, paid: Callable[[], WebhookEvent], redpin: FakeRedpin
) -> None:
    def answer_late(handler: Handler) -> None:
        time.sleep(0.5)
        handler.answer_list()

    event_pk = paid().pk
    redpin.list_script.append(answer_late)
    for _ in range(20):
        lane.send(PROCESS, event_pk)
    wait_for(lambda: WebhookEvent.objects.get().processed_at)
    (move,) = StatusTransition.objects.filter(event=event_pk)
    for _ in range(20):
        lane.send(DISPATCH, move.pk)
    wait_for(lambda: StatusTransition.objects.get(pk=move.pk).dispatched_at)

    assert WebhookEvent.objects.get().attempts == 1
    assert redpin.count("GET", "/sessions") == 1
    assert_each_applied_once(1)
    assert set(heard().values()) == {1}
