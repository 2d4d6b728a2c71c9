"""One call ends at its deadline, whatever is slow, and takes no more memory than it may."""

from __future__ import annotations

import itertools
import socket
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from urllib3.util import connection

from django_redpin.client import connections
from django_redpin.client.adapter import open_session
from django_redpin.exceptions import NoAnswer, NotSent

from .calls import CALLS, Call, create
from .conftest import Aim, Authority
from .plays import (
    DRIP_BODY,
    DRIP_CHUNKS,
    FLOODS,
    SLOW_CONTINUES,
    SLOW_HEADERS,
    TLS_RECORD,
    accept_and_stay_silent,
    gzip_bomb,
    read_and_stay_silent,
    replying,
    saying,
)
from .server import FaultServer, Line, Play, answer, serving

# What trickles in keeps the read time-out from ever running out.
A_SECOND: Final[dict[str, Any]] = {"CONNECT_TIMEOUT": 5, "READ_TIMEOUT": 0.5, "TOTAL_TIMEOUT": 1}
MEBIBYTE: Final = 1024 * 1024

each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@contextmanager
def a_second() -> Iterator[None]:
    """Require that what is done takes a second: hardly less, little more."""
    started = time.monotonic()
    yield
    assert 0.9 <= time.monotonic() - started < 2


@pytest.mark.slow
@each_call
@pytest.mark.parametrize("over_tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    "play",
    [SLOW_HEADERS, DRIP_BODY, DRIP_CHUNKS, SLOW_CONTINUES],
    ids=["slow headers", "dripping body", "dripping chunks", "100 Continue for ever"],
)
def test_b8_what_trickles_in_ends_at_the_deadline(
    aim: Aim, authority: Authority, call: Call, play: Play, over_tls: bool
) -> None:
    with FaultServer(play, authority.tls if over_tls else None) as server:
        aim(server, CA_BUNDLE=authority.ca_bundle, **A_SECOND)

        with a_second(), pytest.raises(NoAnswer, match="TOTAL_TIMEOUT") as caught:
            call("ORDER-1")

    assert caught.type is NoAnswer


@pytest.mark.slow
def test_b8_silence_ends_at_the_deadline_where_that_comes_first(aim: Aim) -> None:
    with FaultServer(read_and_stay_silent) as server:
        aim(server, **{**A_SECOND, "READ_TIMEOUT": 5})

        with a_second(), pytest.raises(NoAnswer, match="TOTAL_TIMEOUT"):
            create("ORDER-1")


@pytest.mark.slow
def test_b8_a_request_that_is_taken_slowly_ends_at_the_deadline(
    aim: Aim, authority: Authority
) -> None:
    def read_slowly(line: Line) -> None:
        while not line.pause(0.1):
            for _ in range(40):
                line.sock.recv(16384)

    request = b"x" * 48 * MEBIBYTE
    with FaultServer(read_slowly, authority.tls) as server:  # noqa: SIM117  First the server.
        with a_second(), pytest.raises(NoAnswer) as caught:
            open_session().post(
                server.url,
                data=request,
                timeout=(5, 0.5, 1),  # type: ignore[arg-type]  # Our adapter's three.
                verify=authority.ca_bundle,
            )

    assert caught.type is NoAnswer


@pytest.mark.slow
def test_b8_a_tls_handshake_has_what_connecting_has_left_over(
    aim: Aim, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = connection.create_connection

    def connect_for_nine_seconds(*args: Any, **kwargs: Any) -> socket.socket:
        now = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: now() + 9)
        return connect(*args, **kwargs)

    with FaultServer(accept_and_stay_silent) as server:
        aim(server.url.replace("http", "https"), CONNECT_TIMEOUT=10, TOTAL_TIMEOUT=10)
        monkeypatch.setattr(connection, "create_connection", connect_for_nine_seconds)
        started = time.perf_counter()
        with pytest.raises(NotSent, match="TOTAL_TIMEOUT"):
            create("ORDER-1")
        monkeypatch.undo()

        assert 0.9 <= time.perf_counter() - started < 2


@pytest.mark.slow
def test_b8_all_addresses_of_a_name_have_one_deadline(
    aim: Aim, unreachable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    aim(unreachable.replace("127.0.0.1", "localhost"), **{**A_SECOND, "CONNECT_TIMEOUT": 0.4})
    let_localhost_be(monkeypatch, *["127.0.0.1"] * 8)

    with a_second(), pytest.raises(NotSent, match="TOTAL_TIMEOUT"):
        create("ORDER-1")


def test_b8_the_next_address_is_tried_where_one_refuses(
    aim: Aim, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer(serving()) as server:
        aim(server.url.replace("127.0.0.1", "localhost"))
        let_localhost_be(monkeypatch, "127.0.0.2", "127.0.0.1")

        assert create("ORDER-1") == "s-ORDER-1"


def let_localhost_be(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        if host != "localhost":
            return real(host, port, *args, **kwargs)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.mark.slow
@pytest.mark.parametrize("over_tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    ("said", "start", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-Slow: ", b"s"),
        (b"HTTP/1.1 200 OK\r\n\r\n", TLS_RECORD, b"\0"),
    ],
    ids=["in its answer", "in the tunnel"],
)
def test_b8_a_proxy_that_drips_ends_at_the_deadline(
    aim: Aim, authority: Authority, over_tls: bool, said: bytes, start: bytes, piece: bytes
) -> None:
    def drip(line: Line) -> None:
        line.request()
        line.send(said)
        line.pause(0.05)
        line.drip(itertools.chain([start], itertools.repeat(piece)))

    with FaultServer(drip, authority.tls if over_tls else None) as proxy:
        further = {"PROXIES": {"https": proxy.url}, "CA_BUNDLE": authority.ca_bundle}
        aim("https://redpin.test", **further, **A_SECOND)

        with a_second(), pytest.raises(NotSent, match="TOTAL_TIMEOUT"):
            create("ORDER-1")


def test_b8_a_deadline_that_passes_before_the_first_byte_leaves_it_unsent(
    aim: Aim, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = connections._BoundedConnection.connect

    def connect_for_hours(self: connections._BoundedConnection) -> None:
        connect(self)
        now = time.monotonic() + 7200
        monkeypatch.setattr(time, "monotonic", lambda: now)

    with FaultServer(serving()) as server:
        aim(server)
        monkeypatch.setattr(connections._BoundedConnection, "connect", connect_for_hours)

        with pytest.raises(NotSent, match="TOTAL_TIMEOUT"):
            create("ORDER-1")
        monkeypatch.undo()

        assert server.requests == []


@pytest.mark.slow
@pytest.mark.parametrize("play", FLOODS.values(), ids=FLOODS)
def test_b9_a_flood_takes_little_memory(aim: Aim, play: Play) -> None:
    with FaultServer(play) as server:
        aim(server, TOTAL_TIMEOUT=10, READ_TIMEOUT=10)

        with little_memory(), pytest.raises(NoAnswer) as caught:
            create("ORDER-1")

    assert "TOTAL_TIMEOUT" not in str(caught.value)  # It was cut off well before.


@pytest.mark.slow
def test_b9_a_gzip_bomb_takes_little_memory(aim: Aim) -> None:
    with FaultServer(saying(gzip_bomb(), "Content-Encoding: gzip")) as server:
        aim(server, TOTAL_TIMEOUT=10, READ_TIMEOUT=10)

        with little_memory(), pytest.raises(NoAnswer, match="larger than"):
            create("ORDER-1")


@contextmanager
def little_memory() -> Iterator[None]:
    """Require that the peak stays within 20 MB of where it began. It counts the server, too."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * 10**6


@pytest.mark.parametrize("blanks", [0, MEBIBYTE - 200])
def test_b9_an_answer_just_within_the_cap_is_read(aim: Aim, blanks: int) -> None:
    with FaultServer(replying(answer(200, b'{"sessions": []}' + b" " * blanks))) as server:
        aim(server)

        with pytest.raises(AssertionError):  # Nothing found: so it was read.
            CALLS["find"]("ORDER-1")
