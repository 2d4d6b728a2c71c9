"""The access token: from memory, and how often it is asked for when all begins at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Final, cast
from unittest import mock

from ..options import Options
from ..rounds import Way, race
from ..suite import Row, Suite

ROOT: Final = Path(__file__).resolve().parents[2]
REDIS: Final = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/9")
PROCESSES: Final = 8
THREADS: Final = 16
LOOK_UPS: Final = 10_000


def run(options: Options) -> Iterable[Row]:
    from ..shop import open_shop
    from ..stub import running

    with running() as url, open_shop(url):
        yield from _warm(options)
    yield _cold()


def _warm(options: Options) -> Iterable[Row]:
    """Look a token up that is there: an absolute time, as there is nothing to race it with."""
    from django_redpin.client import RedpinClient
    from django_redpin.conf import get_account

    client = RedpinClient(get_account())
    client.require_token()

    def look_up() -> None:
        for _ in range(LOOK_UPS):
            client.require_token()

    def with_a_new_client() -> None:
        for _ in range(LOOK_UPS // 100):
            RedpinClient(get_account()).require_token()

    plan = replace(options.plan, calls=3)
    found = race([Way("warm", look_up), Way("new client", with_a_new_client)], plan)
    details = {
        "p99_us": round(found["warm"].p99 / LOOK_UPS * 1e6, 3),
        "with a new client, us": round(found["new client"].median / (LOOK_UPS // 100) * 1e6, 3),
    }
    each = found["warm"].median / LOOK_UPS * 1e6
    yield Row("token_warm_us", each, note="an absolute time", details=details)
    with counting_cache_calls() as calls:
        look_up()
    yield Row("token_warm_cache_calls", calls.total() / LOOK_UPS, details={"calls": dict(calls)})


@contextmanager
def counting_cache_calls() -> Iterator[Counter[str]]:
    """Return, as a context, how often each method of the default cache is called by its name."""
    from django.core.cache import caches

    kind, calls = type(caches["default"]), Counter[str]()
    with ExitStack() as stack:
        for name in ("add", "delete", "get", "get_many", "get_or_set", "incr", "set", "touch"):
            method = getattr(kind, name)

            def counted(*args: Any, _name: str = name, _method: Any = method, **kwargs: Any) -> Any:
                calls[_name] += 1
                return _method(*args, **kwargs)

            stack.enter_context(mock.patch.object(kind, name, counted))
        yield calls


def _cold() -> Row:
    """Start the processes, have all their threads call at once, and count the token requests."""
    from django.conf import settings

    from tests.redpin_server import FakeRedpin, Server

    redpin = FakeRedpin(expires_in=100)  # What is left in the cache is soon gone.
    server = Server(redpin)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    cache = shared_cache()
    order = {
        "redpin": {
            **settings.REDPIN,
            "CA_BUNDLE": "",
            "BASE_URL": redpin.url,
            "TOKEN_URL": f"{redpin.url}/auth/oauth/v2/token",
            "TOTAL_TIMEOUT": 20,
        },
        "caches": {"default": cache},
        "threads": THREADS,
    }
    began = time.monotonic()
    try:
        answers = _answers(order)
    finally:
        server.shutdown()
        server.server_close()
    if answers != ["None"] * (PROCESSES * THREADS):
        raise RuntimeError(f"Not all calls were answered: {Counter(answers).most_common(3)}")
    details = {"cache": cache["BACKEND"], "seconds": round(time.monotonic() - began, 1)}
    return Row("token_cold_requests", redpin.count("POST", "/token"), details=details)


def shared_cache() -> dict[str, str]:
    """Return the settings of a cache that processes share: Redis, or a table where none answers."""
    import redis

    prefix = f"bench-{uuid.uuid4()}"
    try:
        with redis.Redis.from_url(REDIS, socket_connect_timeout=1) as connection:
            connection.ping()
    except redis.RedisError:
        table = "django.core.cache.backends.db.DatabaseCache"
        return {"BACKEND": table, "LOCATION": "cache", "KEY_PREFIX": prefix}
    backend = "django.core.cache.backends.redis.RedisCache"
    return {"BACKEND": backend, "LOCATION": REDIS, "KEY_PREFIX": prefix}


def _answers(order: dict[str, Any]) -> list[str]:
    """Return what each thread of each process got."""
    with ExitStack() as stack:
        processes = []
        for number in range(PROCESSES):
            command = [sys.executable, "-m", "tests.client.token_process"]
            processes.append(
                subprocess.Popen(  # noqa: S603
                    [*command, json.dumps({**order, "creates_table": not number})],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(processes[-1].kill)
            if not number:
                _wait_until_ready(processes[0])  # It makes the table, where there is one.
        for process in processes[1:]:
            _wait_until_ready(process)
        for process in processes:
            pipe = cast("IO[str]", process.stdin)
            pipe.write("go\n")
            pipe.flush()
        told = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
    return [answer for answers in told for answer in answers]


def _wait_until_ready(process: subprocess.Popen[str]) -> None:
    if cast("IO[str]", process.stdout).readline() != "ready\n":
        raise RuntimeError("A process did not start.")


SUITE: Final = Suite(
    "tokens", ("token_warm_us", "token_warm_cache_calls", "token_cold_requests"), run
)
