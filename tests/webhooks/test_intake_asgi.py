"""The webhook by ASGI: bodies in pieces, without a length, and longer than they should be."""

from __future__ import annotations

import asyncio
import http.client
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from asgiref.sync import async_to_sync
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connections

from django_redpin.models import WebhookEvent
from django_redpin.shapes import DEFAULTS

from .posting import BODY, REFERENCE, path

pytestmark = pytest.mark.django_db
LIMIT = DEFAULTS["WEBHOOK_MAX_BODY_BYTES"]
FORGED = path().replace(REFERENCE, "ORDER-2")


@pytest.fixture
def _the_connection_stays_open() -> Iterator[None]:
    """Keep the handler from closing a connection that is within the test's transaction.

    As Django's own test clients do.
    """
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@async_to_sync
async def call(url: str, pieces: list[bytes], *headers: tuple[bytes, bytes]) -> list[Any]:
    """Post the pieces by ASGI, and return what was sent in answer."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": url,
        "raw_path": url.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"merchant.test"),
            (b"content-type", b"application/json"),
            *headers,
        ],
        "server": ("merchant.test", 80),
        "client": ("192.0.2.1", 5000),
    }
    left = list(pieces)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.sleep(60)  # A client that waits for its answer.
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def send(message: Any) -> None:
        sent.append(message)

    await ASGIHandler()(scope, receive, send)
    return sent


def status(sent: list[Any]) -> int:
    return int(sent[0]["status"])


def in_pieces(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


@pytest.mark.usefixtures("_the_connection_stays_open")
@pytest.mark.parametrize("size", [1, 50, 10_000])
def test_a14_by_asgi_a_body_in_pieces_without_a_length_is_stored(size: int) -> None:
    pieces = in_pieces(BODY.encode(), size)
    chunked = (b"transfer-encoding", b"chunked")

    assert status(call(FORGED, pieces, chunked)) == 401
    assert not WebhookEvent.objects.exists()
    assert status(call(path(), pieces, chunked)) == 200
    assert bytes(WebhookEvent.objects.get().body) == BODY.encode()


@pytest.mark.usefixtures("_the_connection_stays_open")
@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (None, 413),
        (b"5", 413),
        (b"0", 413),
        (b"-1", 413),
        (str(LIMIT + 1).encode(), 413),
        (b"many", 400),
        (b"10, 10", 400),
        ("\u0665".encode(), 400),
    ],
)
@pytest.mark.parametrize("project_limit", [None, 2_621_440])
def test_a11_by_asgi_a_body_that_is_too_long_is_refused_whatever_its_head_says(
    length: bytes | None, expected: int, project_limit: int | None, settings: Any
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = project_limit
    pieces = in_pieces(b'{"a":"' + b"x" * 3 * LIMIT + b'"}', 50_000)
    headers = [(b"content-length", length)] if length is not None else []

    assert status(call(path(), pieces, *headers)) == expected
    assert not WebhookEvent.objects.exists()


@pytest.fixture
def server(transactional_db: None) -> Iterator[tuple[str, int]]:
    """A real ASGI server."""
    config = uvicorn.Config(ASGIHandler(), port=0, lifespan="off", ws="none", log_config=None)
    served = uvicorn.Server(config)
    thread = threading.Thread(target=served.run)
    thread.start()
    while not served.started:
        time.sleep(0.01)
    yield served.servers[0].sockets[0].getsockname()
    served.should_exit = True
    thread.join()
    connections.close_all()


def test_a14_by_a_real_asgi_server_chunked_posts_are_stored_and_their_size_is_limited(
    server: tuple[str, int],
) -> None:
    def deliver(url: str, pieces: list[bytes], **headers: str) -> int:
        client = http.client.HTTPConnection(*server, timeout=20)
        head = {"Content-Type": "application/json", **headers}
        try:
            client.request("POST", url, iter(pieces), head, encode_chunked=not headers)
            return client.getresponse().status
        finally:
            client.close()

    assert deliver(FORGED, [BODY.encode()]) == 401
    assert deliver(path(), in_pieces(BODY.encode(), 20)) == 200
    assert deliver(path(), [BODY.encode()], **{"Content-Length": str(len(BODY))}) == 200
    assert deliver(path(), in_pieces(b" " * 3 * LIMIT, 9_000)) == 413
    assert WebhookEvent.objects.get().duplicates == 1
