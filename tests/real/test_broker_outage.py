"""The broker goes away, with what it held, and comes back: Redpin is answered 200 all the while,
and everything is applied in the end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from django_redpin.models import StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session
from tests.redpin_server import FakeRedpin, Server

from .kill_points import heard
from .lanes import Lane, lane_on
from .parts import answers, unavailable, wait_for, wait_for_worker
from .posting import event, post_at_once
from .servers import Proxy, RedisServer

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

RABBITMQ = os.environ.get("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
SESSIONS, THREADS = 6, 6


@dataclass(frozen=True)
class Outage:
    """A lane at work, and how its broker goes away and comes back."""

    lane: Lane
    begin: Callable[[], None]
    end: Callable[[], None]


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def running(
    request: pytest.FixtureRequest,
    django_db_setup: None,
    _server: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Outage]:
    folder = tmp_path_factory.mktemp("outage")
    with ExitStack() as stack:
        if request.param == "redis":
            redis = stack.enter_context(RedisServer(folder))
            broker = through = redis.url
            begin, end = redis.stop, redis.start
        else:
            parts = urlsplit(RABBITMQ)
            if not answers(parts.port or 5672, parts.hostname or ""):
                unavailable(f"no RabbitMQ answers at {parts.hostname}:{parts.port}")
            proxy = stack.enter_context(Proxy(parts.port or 5672))
            user = parts.netloc.rpartition("@")[0]
            broker = RABBITMQ
            through = parts._replace(netloc=f"{user}@127.0.0.1:{proxy.port}").geturl()
            begin, end = proxy.cut, proxy.mend
        lane = stack.enter_context(lane_on(broker, folder, _server.redpin.url, through))
        worker, web = lane.parts.worker(), lane.parts.web("--workers", "1", "--threads", "6")
        web.wait()
        wait_for_worker(worker)
        yield Outage(lane.at(web), begin, end)


@pytest.fixture
def outage(running: Outage, redpin: FakeRedpin, join: Callable[[Lane], None]) -> Outage:
    join(running.lane)
    return running


def test_a21_while_the_broker_is_away_each_post_is_answered_and_in_the_end_applied(
    outage: Outage,
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    let_leases_end: Callable[[], None],
    all_told: Callable[[], None],
) -> None:
    lane = outage.lane
    references = [
        create_payment_session(**arguments).client_reference_id for _ in range(3 * SESSIONS)
    ]
    for number, reference in enumerate(references):
        redpin.pay(reference, "AWAITING_FUNDS", f"p-{number}")
    posts = [
        (reference, event(f"e-{number}", payment_id=f"p-{number}"))
        for number, reference in enumerate(references)
    ]

    def post(some: list[tuple[str, str]]) -> list[int]:
        answered = post_at_once(lane.web_url, some, THREADS)
        return [response.status_code for response in answered]

    statuses = post(posts[:SESSIONS])
    outage.begin()
    statuses += post(posts[SESSIONS : 2 * SESSIONS])
    while_away = WebhookEvent.objects.count()
    outage.end()
    statuses += post(posts[2 * SESSIONS :])

    assert statuses == [200] * len(posts)
    assert while_away == 2 * SESSIONS
    let_leases_end()  # A message that a worker held when the broker went may be lost, too.
    for task in ("django_redpin.process_due_events", "django_redpin.dispatch_due_transitions"):
        lane.send(task)
    all_told()
    assert WebhookEvent.objects.filter(outcome="applied").count() == len(posts)
    moves = StatusTransition.objects.filter(subject="payment_status")
    told = {pk for name, pk in heard() if name == "payment_status_changed"}
    assert sorted(told) == [move.pk for move in moves]
    assert len(told) == len(posts)
    wait_for(lambda: not StatusTransition.objects.filter(dispatched_at=None).exists())
