"""What Redpin posts, through gunicorn, a broker and a worker of two processes, to the merchant.

`tox run -e services` runs these on PostgreSQL, MariaDB and SQLite, each with RabbitMQ and Redis.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session
from tests.redpin_server import FakeRedpin

from .kill_points import heard, noted
from .lanes import Lane
from .parts import channel, wait_for
from .posting import event, post, post_at_once

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

SWEEPS = ("django_redpin.process_due_events", "django_redpin.dispatch_due_transitions")
COPIES = 100
THREADS = 40


@pytest.fixture
def paid(redpin: FakeRedpin, arguments: dict[str, Any], lane: Lane) -> str:
    """The reference of a session that Redpin lists as paid."""
    session = create_payment_session(**arguments)
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    return session.client_reference_id


def moved() -> StatusTransition:
    """Return the one move of a payment that there has been."""
    return StatusTransition.objects.get(subject="payment_status")


def is_told_once() -> bool:
    """Tell whether each signal of the payment, and the task, came once, and never twice."""
    names = ("payment_status_changed", "payment_completed", "task")
    came = {key: times for key, times in heard().items() if key[0] in names}
    return came == {(name, moved().pk): 1 for name in names}


def test_a_webhook_ends_in_the_merchants_task(
    lane: Lane, paid: str, all_told: Callable[[], None]
) -> None:
    response = post(lane.web_url, paid, event(status="PAYMENT_COMPLETED"))

    assert response.status_code == 200
    all_told()
    wait_for(is_told_once)
    assert PaymentSession.objects.get().payment_status == "PAYMENT_COMPLETED"
    assert WebhookEvent.objects.get().attempts == 1


def test_a18_a_hundred_copies_make_one_row_one_application_and_each_signal_once(
    lane: Lane, paid: str, redpin: FakeRedpin, all_told: Callable[[], None]
) -> None:
    body = event(status="PAYMENT_COMPLETED")

    responses = post_at_once(lane.web_url, [(paid, body)] * COPIES, COPIES)

    assert [response.status_code for response in responses] == [200] * COPIES
    all_told()
    wait_for(is_told_once)
    stored = WebhookEvent.objects.get()
    assert (stored.outcome, stored.attempts, stored.duplicates) == ("applied", 1, COPIES - 1)
    assert redpin.count("GET", "/sessions") == 1
    assert is_told_once()


def test_c7_forty_threads_with_distinct_and_equal_events_see_no_error(
    lane: Lane, paid: str, all_told: Callable[[], None]
) -> None:
    distinct = [(paid, event(str(number), "AWAITING_FUNDS")) for number in range(THREADS)]
    posts = [each for one in distinct for each in (one, distinct[0], one)]

    responses = post_at_once(lane.web_url, posts, THREADS)

    assert {response.status_code for response in responses} == {200}
    assert WebhookEvent.objects.count() == THREADS
    assert sum(WebhookEvent.objects.values_list("duplicates", flat=True)) == 2 * THREADS
    sweep(lane)
    all_told()


def sweep(lane: Lane) -> None:
    """Have the sweeps run, each to its end: none is to meet the next test."""
    for task in SWEEPS:
        lane.send(task)
    wait_for(lambda: set(SWEEPS) <= set(noted("ended")))


def lose_messages(lane: Lane, work: Callable[[], object]) -> None:
    """Have the broker lose every message that comes of the work."""
    queue = lane.app.conf.task_default_queue
    # To this worker alone: every other one at this broker would begin to take from the queue, too.
    to_worker: dict[str, Any] = {"destination": [lane.parts.node()], "reply": True, "timeout": 10}
    assert lane.app.control.cancel_consumer(queue, **to_worker)
    if lane.broker.startswith("redis"):
        time.sleep(1.2)  # It may be asked for one more message already, for a second.
    work()
    with channel(lane.app) as to_broker:
        wait_for(lambda: to_broker.queue_declare(queue, passive=True).message_count)
        to_broker.queue_purge(queue)
    assert lane.app.control.add_consumer(queue, **to_worker)


def test_a19_of_an_event_whose_message_was_lost_a_copy_or_else_the_sweep_has_it_processed(
    lane: Lane, paid: str, all_told: Callable[[], None]
) -> None:
    body = event(status="PAYMENT_COMPLETED")
    lose_messages(lane, lambda: post(lane.web_url, paid, body))
    assert WebhookEvent.objects.get().attempts == 0

    assert post(lane.web_url, paid, body).status_code == 200
    all_told()
    wait_for(is_told_once)

    late = event("2", "AWAITING_FUNDS")
    lose_messages(lane, lambda: post(lane.web_url, paid, late))
    sweep(lane)
    all_told()
    assert WebhookEvent.objects.get(event_id="2").outcome == "known"


def test_c2_receivers_that_raise_are_told_again_with_the_same_id(
    lane: Lane, paid: str, let_leases_end: Callable[[], None], all_told: Callable[[], None]
) -> None:
    (lane.folder / "refuse").touch()
    post(lane.web_url, paid, event(status="PAYMENT_COMPLETED"))
    wait_for(lambda: StatusTransition.objects.filter(last_error__contains="RuntimeError").exists())
    assert moved().dispatched_at is None

    let_leases_end()
    sweep(lane)

    all_told()
    # One receiver raised, the others heard of it twice, and all with one id.
    came = {key: times for key, times in heard().items() if key[0] != "payment_session_created"}
    assert came[("payment_status_changed", moved().pk)] == 1
    wait_for(lambda: heard()[("task", moved().pk)] == 2)
    assert {pk for _, pk in came} == {moved().pk}
