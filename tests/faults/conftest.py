"""Fixtures: settings that lead to a fault server, and certificates that nobody trusts."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from pytest_django import Settings

from django_redpin.client import RedpinClient
from django_redpin.conf import get_account
from tests.redpin_server import FakeRedpin

from .server import FaultServer

Aim = Callable[..., None]


@dataclass(frozen=True)
class Authority:
    """A certificate for this machine, and the file that makes it trusted."""

    tls: ssl.SSLContext
    ca_bundle: str


@pytest.fixture(autouse=True)
def _one_call_is_one_request(no_retries: None) -> None:
    """What is tried here is one request; retries and the circuit have their own tests."""


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    ca = trustme.CA()
    path: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(tls)
    return Authority(tls, str(path))


@pytest.fixture
def aim(redpin: FakeRedpin, settings: Settings) -> Aim:
    """Let the API's calls go to another server; the token comes from Redpin, and is there already.

    Keywords are further settings.
    """

    def lead_to(server: FaultServer | str, **further: object) -> None:
        url = server if isinstance(server, str) else server.url
        RedpinClient(get_account()).find_session("NONE")
        redpin.calls.clear()
        settings.REDPIN = {**settings.REDPIN, "BASE_URL": url, **further}

    return lead_to


@pytest.fixture
def unreachable() -> Iterator[str]:
    """A port that lets nobody in: the queue of its listener is full, so that SYNs are dropped."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        for sock in waiting:
            sock.close()


@pytest.fixture
def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return int(closed.getsockname()[1])
