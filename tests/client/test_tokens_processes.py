"""Real processes that share a cache share one token request, whoever is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Final, cast

import pytest
import redis as redis_client
from pytest_django import Settings

from tests.redpin_server import FakeRedpin, Handler

pytestmark = pytest.mark.slow

ROOT: Final = Path(__file__).resolve().parents[2]
REDIS: Final = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/9")
THREADS: Final = 16


class Process:
    """A process that waits for its start."""

    def __init__(self, order: dict[str, Any], database: Path) -> None:
        inherited = {name: value for name, value in os.environ.items() if name != "SQLITE_DEFAULTS"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.client.token_process", json.dumps(order)],
            cwd=ROOT,
            env={**inherited, "DATABASE_URL": f"sqlite:///{database}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_ready(self) -> None:
        assert cast("IO[str]", self._process.stdout).readline() == "ready\n"

    def start(self) -> None:
        pipe = cast("IO[str]", self._process.stdin)
        pipe.write("go\n")
        pipe.flush()

    def results(self) -> list[str]:
        """Return what its threads got."""
        out, _ = self._process.communicate(timeout=60)
        return cast("list[str]", json.loads(out))

    def kill(self) -> None:
        """Kill it as a system out of memory does: it can clean up nothing."""
        self._process.kill()
        self._process.communicate(timeout=60)


@pytest.fixture(params=["database", "redis"])
def cache_settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings of a cache that processes share, with keys that no other test has."""
    prefix = f"redpin-tests-{uuid.uuid4()}"
    if request.param == "database":
        backend = "django.core.cache.backends.db.DatabaseCache"
        return {"BACKEND": backend, "LOCATION": "cache", "KEY_PREFIX": prefix}
    try:
        with redis_client.Redis.from_url(REDIS, socket_connect_timeout=1) as connection:
            connection.ping()
    except redis_client.RedisError:
        pytest.skip(f"NO REDIS ANSWERS at {REDIS}, so that processes are not tested with it.")
    backend = "django.core.cache.backends.redis.RedisCache"
    return {"BACKEND": backend, "LOCATION": REDIS, "KEY_PREFIX": prefix}


@pytest.fixture
def launch(
    redpin: FakeRedpin, settings: Settings, cache_settings: dict[str, Any], tmp_path: Path
) -> Iterator[Callable[..., list[Process]]]:
    """Start processes of one project, and wait until each is ready to call."""
    redpin.expires_in = 100  # What is left in Redis is soon gone.
    with ExitStack() as stack:

        def run(count: int, *, threads: int = THREADS, total_timeout: float) -> list[Process]:
            order = {
                "redpin": {
                    **settings.REDPIN,
                    "CONNECT_TIMEOUT": min(10, total_timeout),
                    "READ_TIMEOUT": total_timeout,
                    "TOTAL_TIMEOUT": total_timeout,
                },
                "caches": {"default": cache_settings},
                "threads": threads,
                "creates_table": True,
            }
            processes: list[Process] = []
            for number in range(count):
                # The first makes the table; then the others may come at once.
                processes.append(
                    Process({**order, "creates_table": not number}, tmp_path / "db.sqlite3")
                )
                stack.callback(processes[-1].kill)
                if not number:
                    processes[0].wait_until_ready()
            for process in processes[1:]:
                process.wait_until_ready()
            return processes

        yield run


def test_b1_eight_cold_processes_of_sixteen_threads_make_one_token_request(
    redpin: FakeRedpin, launch: Callable[..., list[Process]]
) -> None:
    def answer_after_half_a_second(handler: Handler) -> None:
        time.sleep(0.5)
        handler.answer_token()

    redpin.token_script.extend([answer_after_half_a_second] * 8)
    processes = launch(8, total_timeout=15)
    for process in processes:
        process.start()
    results = [result for process in processes for result in process.results()]

    lists = [call for call in redpin.calls if call.method == "GET"]
    assert results == ["None"] * 8 * THREADS
    assert redpin.count("POST", "/token") == 1
    assert len(lists) == 8 * THREADS
    assert {call.headers.get("authorization") for call in lists} == {"Bearer canary-token-1"}


def test_b2_a_killed_process_is_succeeded_when_the_time_of_its_lock_is_over(
    redpin: FakeRedpin, launch: Callable[..., list[Process]]
) -> None:
    is_asked, may_end = threading.Event(), threading.Event()

    def hang(handler: Handler) -> None:
        is_asked.set()
        may_end.wait(30)

    def answer(handler: Handler) -> None:
        asked_again.append(time.monotonic())
        handler.answer_token()

    asked_again: list[float] = []
    redpin.token_script.extend([hang, answer])
    first, second = launch(2, threads=2, total_timeout=1.5)
    first.start()
    assert is_asked.wait(30)
    first.kill()
    killed_at = time.monotonic()
    second.start()

    assert second.results() == ["None"] * 2
    may_end.set()
    # It did wait for the lock, whose owner might have lived on.
    assert asked_again[0] - killed_at > 1
    assert redpin.count("POST", "/token") == 2


def test_b4_a_refusal_is_told_to_the_other_processes(
    redpin: FakeRedpin, launch: Callable[..., list[Process]]
) -> None:
    redpin.token_script.extend([lambda handler: handler.json(401, {"error": "invalid_client"})] * 8)
    processes = launch(3, threads=4, total_timeout=15)
    for process in processes:
        process.start()
    results = [result for process in processes for result in process.results()]

    assert {result.partition(":")[0] for result in results} == {"AuthenticationError"}
    assert redpin.count("POST", "/token") == 1
