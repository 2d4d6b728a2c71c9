"""What a call costs: no question to the cache where the token is warm, and one write."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.core.cache import caches

from django_redpin.client import RedpinClient
from django_redpin.client.connections import _BoundedSocket
from django_redpin.conf import get_account
from django_redpin.exceptions import NotSent
from tests.redpin_server import FakeRedpin

from .test_client import request


@pytest.fixture
def client(redpin: FakeRedpin) -> RedpinClient:
    """A client that has its token, and its connection."""
    found = RedpinClient(get_account())
    found.find_session("NONE")
    return found


@pytest.fixture
def cache_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the cache is asked for, by name."""
    backend, called = type(caches["default"]), []

    def noting(name: str) -> Callable[..., Any]:
        original = getattr(backend, name)

        def note(*args: Any, **kwargs: Any) -> Any:
            called.append(name)
            return original(*args, **kwargs)

        return note

    for name in ("add", "delete", "get", "get_many", "has_key", "incr", "set", "touch"):
        monkeypatch.setattr(backend, name, noting(name))
    return called


def test_a_warm_token_asks_no_cache(client: RedpinClient, cache_calls: list[str]) -> None:
    for _ in range(100):
        client.require_token()
        RedpinClient(get_account()).require_token()

    assert cache_calls == []


def test_a_cold_token_asks_the_cache(redpin: FakeRedpin, cache_calls: list[str]) -> None:
    RedpinClient(get_account()).require_token()

    assert "get_many" in cache_calls


def test_a_call_is_one_write(client: RedpinClient, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    send = _BoundedSocket.sendall

    def noting(self: _BoundedSocket, data: bytes) -> None:
        written.append(data)
        send(self, data)

    monkeypatch.setattr(_BoundedSocket, "sendall", noting)
    client.create_session(request("ORDER-1"))
    client.find_session("ORDER-1")

    verbs = [data.partition(b" ")[0] for data in written]
    assert verbs == [b"POST", b"GET"]
    assert written[0].endswith(b"}")  # Its body, too.


def test_a_connection_is_not_kept_for_who_goes_another_way(
    redpin: FakeRedpin, client: RedpinClient
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        proxy = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    elsewhere = RedpinClient(replace(get_account(), proxies=(("http", proxy),)))
    elsewhere._tokens = client._tokens  # It is the call that goes another way.
    client.create_session(request("ORDER-1"))
    with pytest.raises(NotSent):
        elsewhere.create_session(request("ORDER-2"))

    client.create_session(request("ORDER-3"))
    assert [call.json["client_reference_id"] for call in redpin.creates] == ["ORDER-1", "ORDER-3"]
