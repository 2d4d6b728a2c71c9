"""Posts over sockets, as gunicorn gets them, and how long a task took to start."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.load import Load, Refused, request
from benchmarks.options import Plan
from benchmarks.suites import end_to_end


class Recorder(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str | None, bytes]] = []
        self.status = 200


class Handler(BaseHTTPRequestHandler):
    server: Recorder

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, self.headers["X-Signature"], body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Recorder]:
    with Recorder() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def posts(count: int) -> list[bytes]:
    return [request("/bare/", b"%d" % number, {"X-Signature": "s"}) for number in range(count)]


def test_each_post_arrives_whole_and_once(server: Recorder) -> None:
    with Load(server.server_port) as load:
        load.post(posts(20))

    assert sorted(server.seen) == sorted(("/bare/", "s", b"%d" % number) for number in range(20))


def test_a_post_that_is_refused_ends_the_run(server: Recorder) -> None:
    server.status = 503
    with Load(server.server_port) as load, pytest.raises(Refused, match="503"):
        load.post(posts(1))


def roundtrip(told: str) -> end_to_end.Roundtrip:
    """Return one whose task says this, in place of a worker's."""
    heard, worker = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    def post(event_id: str) -> None:
        with worker:
            worker.send(told.format(event_id=event_id, at=time.monotonic() + 5).encode())

    return end_to_end.Roundtrip(None, iter(()), heard, post)  # type: ignore[arg-type]


def test_a_round_trip_ends_when_the_task_says_it_started() -> None:
    made = roundtrip("{event_id} {at}")
    with made.heard:
        made.floor()

    (posted,), (answered,) = made.seconds["floor, posted"], made.seconds["floor, answered"]
    assert posted >= 5 >= answered > 0


def test_a_task_of_another_event_is_not_taken_for_it() -> None:
    made = roundtrip("another {at}")
    with made.heard, pytest.raises(RuntimeError, match="of another started"):
        made.floor()


def test_what_warms_up_is_left_out_of_what_was_noted() -> None:
    plan = Plan(rounds=2, calls=3, warm_up=1)

    assert end_to_end._rounds(list(map(float, range(9))), plan).rounds == [[3, 4, 5], [6, 7, 8]]
