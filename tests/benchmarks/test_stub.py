"""The little Redpin that all clients of a race call."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
import requests

from benchmarks import stub

HEAD = b"POST /v1/customers/1/sessions HTTP/1.1\r\nContent-Length: 30\r\nHost: x"
BODY = b'{"client_reference_id": "A-1"}'
WHOLE = HEAD + b"\r\n\r\n" + BODY


@pytest.mark.parametrize("length", [0, 10, len(HEAD) + 2, len(HEAD) + 4, len(WHOLE) - 1])
def test_a_request_is_not_taken_before_it_is_whole(length: int) -> None:
    assert stub.taken(WHOLE[:length]) is None


def test_what_follows_a_request_is_kept() -> None:
    assert stub.taken(WHOLE + b"GET") == (HEAD, BODY, b"GET")


def test_it_ends_with_who_began_it() -> None:
    with stub.running() as url:
        pass

    with pytest.raises(requests.ConnectionError):
        requests.post(url, timeout=5)


def test_killed_or_not_nobody_leaves_one_behind() -> None:
    script = """
import os, signal
from benchmarks import stub
with stub.running() as url:
    print(url, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    told = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=False)
    url = told.stdout.decode().strip()

    with pytest.raises(requests.ConnectionError):
        ask_until(url, time.monotonic() + 30)


def ask_until(url: str, end: float) -> None:
    while time.monotonic() < end:
        requests.post(f"{url}/token", timeout=5)


def test_over_one_connection_it_creates_sessions_and_gives_tokens() -> None:
    with stub.running() as url, requests.Session() as session:
        session.trust_env = False
        token = session.post(f"{url}/auth/oauth/v2/token", data={"grant_type": "x"}).json()
        created = [
            session.post(f"{url}/v1/customers/1/sessions", json={"client_reference_id": "A-1"})
            for _ in range(2)
        ]

    assert token["access_token"]
    assert [answer.status_code for answer in created] == [201, 201]
    bodies = [json.loads(answer.content) for answer in created]
    assert {body["client_reference_id"] for body in bodies} == {"A-1"}
    assert len({body["session_id"] for body in bodies}) == 2
