"""What the tests of tokens share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.core.cache import cache

from django_redpin.client import tokens
from django_redpin.client.token_cache import SharedTokens
from django_redpin.client.tokens import TokenProvider
from django_redpin.conf import get_account
from django_redpin.exceptions import RedpinError
from tests.redpin_server import FakeRedpin, Handler


class Clock:
    """The time of day by which tokens live, which moves when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = time.time()
        monkeypatch.setattr(tokens, "_now", lambda: self.now)


def provider(**changes: Any) -> TokenProvider:
    """Return what another process would have: a memory of its own."""
    return TokenProvider(replace(get_account(), **changes))


def requests_for_tokens(redpin: FakeRedpin) -> int:
    return redpin.count("POST", "/token")


def answering(status: int, body: bytes, *headers: tuple[str, str]) -> Callable[[Handler], None]:
    return lambda handler: handler.raw(status, body, headers)


def slowly(handler: Handler) -> None:
    time.sleep(0.3)
    handler.answer_token()


def failing_slowly(handler: Handler) -> None:
    time.sleep(0.3)
    handler.raw(502, b"<html>")


def in_threads(count: int, work: Callable[[], str]) -> list[str]:
    """Return what each of the threads got, an exception's name where it got that."""
    barrier = threading.Barrier(count)

    def run(_: int) -> str:
        barrier.wait(30)
        try:
            return work()
        except RedpinError as error:
            return type(error).__name__

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def shared_keys() -> list[str]:
    """Return the keys in the cache, without Django's prefix."""
    return [key.split(":", 2)[2] for key in getattr(cache, "_cache", {})]


def key_of(kind: str) -> str:
    return str(getattr(SharedTokens(get_account()), f"_{kind}_key"))
