"""gunicorn's worker is killed at any step of the webhook: what was answered 200 is there, and what
was not, Redpin posts again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from django_redpin.models import WebhookEvent
from tests.redpin_server import FakeRedpin, Server

from . import kill_points
from .lanes import Lane, lane_on
from .parts import wait_for
from .posting import event, post

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def web(
    django_db_setup: None, _server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lane]:
    """gunicorn, with workers enough to die for a while, and a broker that forgets.

    Each worker answers once. What a process does at its first post only, such as to ask MariaDB for
    its version, it then does at each, and steps have the same numbers in all.
    """
    with lane_on("memory://", tmp_path_factory.mktemp("web"), _server.redpin.url) as lane:
        server = lane.parts.web("--workers", "6", "--preload", "--max-requests", "1")
        server.wait()
        yield lane.at(server)


@pytest.fixture
def url(web: Lane, redpin: FakeRedpin, join: Callable[[Lane], None]) -> str:
    join(web)
    return web.web_url


def post_again(url: str, reference: str) -> int:
    """Post until there is an answer, as Redpin does; return its status."""

    def answer() -> int:
        try:
            return post(url, reference, event()).status_code
        except requests.ConnectionError:
            return 0

    return wait_for(answer)


def test_a20_a_process_killed_at_any_step_loses_no_event_that_it_stored(url: str) -> None:
    kill_points.order("web", 0)
    assert post(url, "ORDER-0", event()).status_code == 200
    steps = kill_points.outcome()
    assert steps is not None
    assert steps > 5

    was_there = []
    for step in range(1, steps + 1):
        reference = f"ORDER-{step}"
        kill_points.order("web", step)
        with pytest.raises(requests.ConnectionError):
            post(url, reference, event())
        assert kill_points.outcome() is None
        rows = WebhookEvent.objects.filter(client_reference_id=reference)
        was_there.append(rows.count())
        assert post_again(url, reference) == 200
        assert (rows.count(), rows.get().duplicates) == (1, was_there[-1]), f"step {step}"

    # Not there until it is committed, and from then on whatever happens.
    assert was_there == sorted(was_there)
    assert set(was_there) == {0, 1}


def test_a20_what_was_answered_is_there_when_the_process_dies_after_the_last_byte(
    url: str,
) -> None:
    kill_points.order("answered", 1)

    assert post(url, "ORDER-1", event()).status_code == 200

    assert kill_points.outcome() is None
    assert WebhookEvent.objects.get().duplicates == 0
    assert post_again(url, "ORDER-1") == 200
    assert WebhookEvent.objects.get().duplicates == 1
