"""Connections are kept, by each thread and each process for itself, and none carries an answer
into a call that it isn't meant for.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
import simplejson
from pytest_django import Settings

from django_redpin.client import transport
from django_redpin.exceptions import NoAnswer, RedpinError
from tests.redpin_server import FakeRedpin

from .calls import CALLS, Call, create, find
from .conftest import Aim, Authority
from .plays import FAULTS, Fault, body_of
from .server import FaultServer, Line, Play, Request, answer, in_turn, right_answer, serving
from .test_one_call import patience

each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
plain_and_tls = pytest.mark.parametrize("over_tls", [False, True], ids=["plain", "tls"])


@plain_and_tls
def test_b11_a_connection_is_kept(aim: Aim, authority: Authority, over_tls: bool) -> None:
    with FaultServer(serving(), authority.tls if over_tls else None) as server:
        aim(server, CA_BUNDLE=authority.ca_bundle)
        for number in range(50):
            assert create(f"A-{number}") == f"s-A-{number}"
            assert find(f"B-{number}") == f"s-B-{number}"

        assert server.connections == 1
        assert len(server.requests) == 100


def test_b11_each_thread_has_one_session(aim: Aim) -> None:
    with ThreadPoolExecutor(1) as another:
        sessions = [transport._session(), transport._session()]
        theirs = another.submit(transport._session).result()

    assert sessions[0] is sessions[1]
    assert theirs is not sessions[0]


@pytest.mark.slow
@plain_and_tls
def test_b11_each_thread_has_its_own_and_its_own_answers(
    aim: Aim, authority: Authority, over_tls: bool
) -> None:
    def fifty_calls(thread: int) -> list[str]:
        return [create(f"T-{thread}-{number}") for number in range(50)]

    with FaultServer(serving(), authority.tls if over_tls else None) as server:
        aim(server, CA_BUNDLE=authority.ca_bundle)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(fifty_calls, range(8)))

        assert answers == [[f"s-T-{thread}-{n}" for n in range(50)] for thread in range(8)]
        assert server.connections <= 8


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="This system has no fork.")
@plain_and_tls
def test_b11_forked_processes_have_their_own_and_their_own_answers(
    redpin: FakeRedpin, settings: Settings, authority: Authority, over_tls: bool
) -> None:
    with FaultServer(serving(), authority.tls if over_tls else None) as server:
        overrides = {
            **settings.REDPIN,
            "BASE_URL": server.url,
            "CA_BUNDLE": authority.ca_bundle,
            "READ_TIMEOUT": 10,
            "TOTAL_TIMEOUT": 10,
        }
        # In a process of its own: this one has threads, which no fork takes along.
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.forking", simplejson.dumps(overrides)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["400"], "")
        assert len(server.requests) == 401
        assert server.connections == 5  # The parent's, and one of each child.


TRUSTED: Final = [
    pytest.param(fault, id=name, marks=pytest.mark.slow if fault.waits else ())
    for name, fault in FAULTS.items()
    if fault.error in (None, NoAnswer)
]


@pytest.mark.parametrize("fault", TRUSTED)
def test_b11_after_any_fault_the_next_call_gets_its_own_answer(aim: Aim, fault: Fault) -> None:
    def right_then_wrong(line: Line) -> None:
        if request := line.request():
            line.send(right_answer(request))
            fault.play(line)

    with FaultServer(in_turn(right_then_wrong, serving())) as server:
        aim(server, **patience(fault))
        assert create("ORDER-1") == "s-ORDER-1"
        if fault.error:
            with pytest.raises(fault.error):
                create("ORDER-2")
        else:
            assert create("ORDER-2") == "s-ORDER-2"

        assert find("ORDER-3") == "s-ORDER-3"
        assert create("ORDER-4") == "s-ORDER-4"
        assert server.connections <= 2


def foreign(request: Request) -> bytes:
    """Answer as for another order, without saying so."""
    return right_answer(Request("GET", "/?client_reference_id=STOLEN", {}, b""))


def followed_by(more: bytes, *, size: int, pause: float) -> Play:
    """Return the play that answers rightly, in `size` bytes, and then says more."""

    def reply(line: Line) -> None:
        while request := line.request():
            body = body_of(request)
            excess = len(answer(200, body.ljust(size))) - size
            said = answer(200, body.ljust(size - excess))
            assert size in (0, len(said))
            if pause:
                line.send(said)
                line.pause(pause)
                line.send(more)
            else:
                line.send(said + more)

    return reply


STOLEN: Final = answer(
    201,
    b'{"session_id": "s-STOLEN", "session_url": "https://pay.redpin.test/",'
    b' "expires_at": "2030-01-01T00:00:00Z"}',
)


@plain_and_tls
@each_call
@pytest.mark.parametrize(
    ("size", "pause"),
    # What is read ahead are 8,192 bytes; a record of TLS holds twice that.
    [(0, 0), (8180, 0), (8192, 0), (8200, 0), (15000, 0), (0, 0.03)],
    ids=["at once", "in the buffer", "behind it", "beyond it", "far", "in a packet of its own"],
)
def test_b11_what_follows_an_answer_is_not_taken_for_the_next(
    aim: Aim, authority: Authority, call: Call, over_tls: bool, size: int, pause: float
) -> None:
    play = followed_by(STOLEN, size=size, pause=pause)
    with FaultServer(play, authority.tls if over_tls else None) as server:
        aim(server, CA_BUNDLE=authority.ca_bundle)
        for number in range(3):
            assert call(f"ORDER-{number}") == f"s-ORDER-{number}"
            time.sleep(pause * 2)

        assert server.connections == 3


@pytest.mark.parametrize(
    "wrong",
    [
        b"HTTP/1.1 204 No Content\r\nContent-Length: 200\r\n\r\n" + STOLEN,
        b"HTTP/1.1 304 Not Modified\r\n\r\n" + STOLEN,
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + STOLEN,
        answer(200, b"{}{}", length=2) + STOLEN,
        answer(200, b'{"session_id": "s", "client_reference_id": "ANOTHER"}'),
        answer(200, b'{"sessions": [{"session_id": 5}]}'),
    ],
    ids=["204", "304", "103", "two bodies", "half an answer", "a list for create"],
)
@each_call
def test_b11_what_makes_no_sense_ends_its_connection(aim: Aim, call: Call, wrong: bytes) -> None:
    def answer_wrongly(line: Line) -> None:
        while line.request():
            line.send(wrong)

    with FaultServer(in_turn(answer_wrongly, serving())) as server:
        aim(server)
        with pytest.raises(NoAnswer):
            call("ORDER-1")

        assert call("ORDER-2") == "s-ORDER-2"
        assert server.connections == 2


def test_b11_an_answer_to_another_call_ends_its_connection(aim: Aim) -> None:
    """Once out of step, a connection would answer each call with the one before."""
    late: list[bytes] = []

    def one_behind(line: Line) -> None:
        while request := line.request():
            body = simplejson.dumps(
                {
                    "session_id": f"s-{request.reference}",
                    "session_url": "https://pay.redpin.test/",
                    "expires_at": "2030-01-01T00:00:00Z",
                    "client_reference_id": request.reference,
                }
            ).encode()
            late.append(answer(201, body))
            line.send(late[-2] if len(late) > 1 else late[0])

    with FaultServer(in_turn(one_behind, serving())) as server:
        aim(server)
        assert create("ORDER-1") == "s-ORDER-1"
        with pytest.raises(NoAnswer, match="another client_reference_id"):
            create("ORDER-2")

        assert create("ORDER-3") == "s-ORDER-3"
        assert server.connections == 2


@each_call
def test_b11_a_connection_that_was_closed_in_between_is_replaced(aim: Aim, call: Call) -> None:
    def answer_once(line: Line) -> None:
        if request := line.request():
            line.send(right_answer(request))

    with FaultServer(answer_once) as server:
        aim(server)
        for number in range(3):
            assert call(f"ORDER-{number}") == f"s-ORDER-{number}"
            time.sleep(0.05)  # So that the end has come.

        assert server.connections == 3


@each_call
def test_b11_a_connection_that_closes_as_it_is_used_gives_no_answer(aim: Aim, call: Call) -> None:
    """It may have taken the request; whether to send it again is not for the connection to say."""

    def close_on_the_second(line: Line) -> None:
        if request := line.request():
            line.send(right_answer(request))
            line.request()

    with FaultServer(close_on_the_second) as server:
        aim(server)
        assert call("ORDER-1") == "s-ORDER-1"
        with pytest.raises(NoAnswer) as caught:
            call("ORDER-2")

        assert caught.type is NoAnswer
        assert len(server.requests) == 2


class Interrupt(BaseException):
    """What a Ctrl-C raises, under a name of its own."""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="This system has no setitimer.")
@plain_and_tls
@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"])
def test_b11_an_interrupted_call_leaves_no_answer_to_the_next(
    aim: Aim, authority: Authority, over_tls: bool, said: bytes
) -> None:
    def interrupt(*args: Any) -> None:
        raise Interrupt

    def answer_late(line: Line) -> None:
        while line.request():
            line.send(said)
            line.pause(0.2)
            line.send(STOLEN)

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        play = in_turn(answer_late, serving())
        with FaultServer(play, authority.tls if over_tls else None) as server:
            aim(server, CA_BUNDLE=authority.ca_bundle)
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(Interrupt):
                create("ORDER-1")
            time.sleep(0.2)

            assert create("ORDER-2") == "s-ORDER-2"
            assert server.connections == 2
    finally:
        signal.signal(signal.SIGALRM, previous)


def test_b11_many_failures_use_up_nothing(aim: Aim) -> None:
    """A pool has ten places; a call that is cut off must not keep one."""

    def cut_off(line: Line) -> None:
        line.request()
        line.send(answer(200, b"{", length=9))

    with FaultServer(in_turn(*[cut_off] * 25, serving())) as server:
        aim(server)
        for number in range(25):
            with contextlib.suppress(RedpinError):
                create(f"ORDER-{number}")
        connections = server.connections
        for number in range(25):
            assert create(f"AGAIN-{number}") == f"s-AGAIN-{number}"

        assert server.connections == connections + 1
