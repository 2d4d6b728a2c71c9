"""PostgreSQL restarts, cuts connections and loses the answer to a commit, while Redpin posts.

Each answer 200 has its row, everything else is 503 with a Retry-After, and gunicorn's processes
find their way back by themselves.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
import requests

from .parts import Parts, Web, wait_for
from .posting import event, post
from .servers import PostgresCluster, Proxy, postgres_cluster

pytestmark = pytest.mark.slow

THREADS = 8


@dataclass
class Place:
    """A web server whose database is behind a proxy, and what it answered, by event id."""

    cluster: PostgresCluster
    proxy: Proxy
    web: Web
    folder: Path
    answers: dict[str, int] = field(default_factory=dict)
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def post(self) -> requests.Response:
        event_id = str(next(self.ids))
        response = post(self.web.url, "ORDER-1", event(event_id))
        self.answers[event_id] = response.status_code
        if response.status_code == 503:
            assert int(response.headers["Retry-After"]) > 0
        return response

    def post_during(self, work: Callable[[], object]) -> None:
        """Post from several threads before, while and after the work is done."""
        is_over = threading.Event()

        def go_on() -> None:
            while not is_over.is_set():
                self.post()

        with ThreadPoolExecutor(THREADS) as pool:
            posting = [pool.submit(go_on) for _ in range(THREADS)]
            try:
                self.wait_for_answers(THREADS * 5)
                work()
                self.wait_for_answers(THREADS * 5)
            finally:
                is_over.set()
            for each in posting:
                each.result()

    def wait_for_answers(self, count: int) -> None:
        """Wait for so many more answers 200."""
        enough = self.count(200) + count
        wait_for(lambda: self.count(200) >= enough, 30, self.web.child)

    def count(self, status: int) -> int:
        return list(self.answers.values()).count(status)

    def rows(self) -> list[str]:
        with psycopg.connect(self.direct) as connection:
            found = connection.execute("SELECT event_id FROM redpin_webhookevent")
            return [event_id for (event_id,) in found]

    @property
    def direct(self) -> str:
        return f"{self.cluster.url}/shop"

    def assert_sound(self) -> None:
        """Assert that what was answered 200 is there once, and that nothing but 503 was else."""
        rows = self.rows()
        assert len(rows) == len(set(rows))
        assert {key for key, status in self.answers.items() if status == 200} <= set(rows)
        assert set(self.answers.values()) <= {200, 503}


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("restart")
    with postgres_cluster() as cluster, Proxy(cluster.port) as proxy:
        with psycopg.connect(f"{cluster.url}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE shop")
        # Connections that stay are the ones that a restart leaves dead; one that was cut is the
        # more so without health checks.
        through = (
            f"postgres://postgres@127.0.0.1:{proxy.port}/shop?CONN_MAX_AGE=600&sslmode=disable"
        )
        with Parts(folder, DATABASE_URL=through) as parts:
            parts.manage("migrate", "redpin")
            web = parts.web("--workers", "2", "--threads", str(THREADS))
            web.wait()
            yield Place(cluster, proxy, web, folder)


@pytest.fixture
def place(_running: Place) -> Place:
    with psycopg.connect(_running.direct, autocommit=True) as connection:
        connection.execute("TRUNCATE redpin_webhookevent CASCADE")
    _running.answers.clear()
    wait_for(lambda: _running.post().status_code == 200)
    _running.answers.clear()
    return _running


def pids(place: Place) -> list[str]:
    """Return the lines in which gunicorn tells of a process that it starts."""
    return [line for line in place.web.child.lines() if "Booting worker" in line]


def test_a20_a_database_that_restarts_under_load_costs_no_event_that_was_answered(
    place: Place,
) -> None:
    before = pids(place)

    place.post_during(place.cluster.restart)

    place.assert_sound()
    assert place.count(503), "Nothing was posted while it restarted."
    assert pids(place) == before
    assert place.web.child.runs


def test_a20_connections_that_the_database_ends_cost_no_event_that_was_answered(
    place: Place,
) -> None:
    def end_them_all() -> None:
        with psycopg.connect(place.direct, autocommit=True) as connection:
            for _ in range(10):
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = 'shop' AND pid <> pg_backend_pid()"
                )
                place.wait_for_answers(THREADS)

    place.post_during(end_them_all)

    place.assert_sound()
    assert place.count(503), "No connection was in use when it was ended."


def test_a20_a_commit_whose_answer_is_lost_is_no_200_and_its_copy_makes_no_second_row(
    place: Place,
) -> None:
    body = event("lost")
    lost = place.proxy.lost
    # One statement, which commits itself.
    place.proxy.lose_answer_to(b'INSERT INTO "redpin_webhookevent"')

    first = post(place.web.url, "ORDER-1", body)

    assert place.proxy.lost == lost + 1
    assert (first.status_code, first.headers["Retry-After"]) == (503, "60")
    assert "lost" in place.rows(), "It did not arrive."
    wait_for(lambda: post(place.web.url, "ORDER-1", body).status_code == 200)
    assert place.rows().count("lost") == 1
    with psycopg.connect(place.direct) as connection:
        count = "SELECT duplicates FROM redpin_webhookevent WHERE event_id = 'lost'"
        assert connection.execute(count).fetchone() == (1,)
