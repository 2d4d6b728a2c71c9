"""Our tokens against an OAuth server that is not ours: django-oauth-toolkit, over a real socket."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final, cast

import pytest
import requests
from pytest_django import Settings

from django_redpin.client import RedpinClient, api
from django_redpin.conf import get_account
from django_redpin.exceptions import AuthenticationError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("oauth2_provider") is None,
        reason="django-oauth-toolkit is not installed; it is in the dependency group `test`.",
    ),
]

ROOT: Final = Path(__file__).resolve().parents[2]
CLIENT_ID: Final = "canary-client-id"
SECRET: Final = "canary-secret & +%=é"  # A form has to encode it, and the server to decode it.


@pytest.fixture(scope="module")
def start_server() -> Iterator[Callable[[int], str]]:
    """Start servers whose tokens live so many seconds; give their addresses."""
    with ExitStack() as stack:

        def start(life: int) -> str:
            process = stack.enter_context(
                subprocess.Popen(
                    [
                        sys.executable,
                        "-m",
                        "tests.client.oauth_server",
                        CLIENT_ID,
                        SECRET,
                        str(life),
                    ],
                    cwd=ROOT,
                    env={**os.environ, "PYTHONUTF8": "1"},
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            port = cast("IO[str]", process.stdout).readline().strip()
            assert port.isdigit(), "The server did not start; its error is above."
            return f"http://127.0.0.1:{port}"

        yield start


@pytest.fixture(scope="module")
def server(start_server: Callable[[int], str]) -> str:
    return start_server(3600)


@pytest.fixture
def use(settings: Settings) -> Callable[[str], None]:
    """Let the settings lead to this server."""

    def use_server(url: str) -> None:
        settings.DEBUG = True  # Plain HTTP to this machine.
        settings.REDPIN = {
            **settings.REDPIN,
            "BASE_URL": url,
            "TOKEN_URL": f"{url}/o/token/",
            "CLIENT_ID": CLIENT_ID,
            "CLIENT_SECRET": SECRET,
        }

    return use_server


def client() -> RedpinClient:
    return RedpinClient(get_account())


def token() -> str:
    return client()._tokens.get()


def revoke(url: str, value: str) -> None:
    form = {"token": value, "client_id": CLIENT_ID, "client_secret": SECRET}
    assert requests.post(f"{url}/o/revoke_token/", data=form, timeout=10).status_code == 200


def test_b1_a_call_is_let_in_with_the_token_that_was_fetched(
    server: str, use: Callable[[str], None]
) -> None:
    use(server)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: client().find_session("ORDER-1"), range(32)))

    assert found == [None] * 32
    assert len(token()) >= 30


def test_b2_another_process_uses_the_same_token(server: str, use: Callable[[str], None]) -> None:
    use(server)
    ours = token()
    api._providers.clear()

    assert token() == ours
    assert client().find_session("ORDER-1") is None


def test_b4_a_revoked_token_is_replaced(server: str, use: Callable[[str], None]) -> None:
    use(server)
    old = token()
    revoke(server, old)

    assert client().find_session("ORDER-1") is None
    assert token() != old


def test_b4_wrong_credentials_are_refused_and_the_right_ones_are_not_held_up(
    server: str, use: Callable[[str], None], settings: Settings
) -> None:
    use(server)
    right = settings.REDPIN
    for wrong in ({"CLIENT_SECRET": "wrong-but-long-enough"}, {"CLIENT_ID": "nobody"}):
        settings.REDPIN = {**right, **wrong}
        with pytest.raises(AuthenticationError, match="CLIENT_ID and CLIENT_SECRET") as caught:
            client().find_session("ORDER-1")
        assert (caught.value.status_code, caught.value.code) == (401, "invalid_client")

    settings.REDPIN = right
    assert client().find_session("ORDER-1") is None


def test_b4_an_address_without_a_token_endpoint_is_named(
    server: str, use: Callable[[str], None], settings: Settings
) -> None:
    use(server)
    settings.REDPIN = {**settings.REDPIN, "TOKEN_URL": f"{server}/elsewhere/"}

    with pytest.raises(AuthenticationError, match="TOKEN_URL"):
        client().find_session("ORDER-1")


def test_b3_a_short_life_is_renewed_before_its_end_and_no_call_is_ever_refused(
    start_server: Callable[[int], str], use: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(start_server(4))
    refused: list[str] = []
    provider = client()._tokens
    monkeypatch.setattr(provider, "forget", refused.append)
    used = set()
    until = time.monotonic() + 6
    while time.monotonic() < until:
        assert client().find_session("ORDER-1") is None
        used.add(provider.get())
        time.sleep(0.05)

    assert 3 <= len(used) <= 8
    assert refused == []


def test_b4_an_expired_token_is_replaced(
    start_server: Callable[[int], str], use: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(start_server(2))
    old = token()
    # Our clock stands still, so that we don't see it die.
    stopped = time.time()
    monkeypatch.setattr("django_redpin.client.tokens._now", lambda: stopped)
    time.sleep(2.2)

    assert token() == old
    assert client().find_session("ORDER-1") is None
    assert token() != old
