"""How Redpin posts: one event or many at once, over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from tests.webhooks.posting import path


def event(event_id: str = "1", status: str = "AWAITING_FUNDS", payment_id: str = "9001") -> str:
    """Return an event's body."""
    return json.dumps(
        {
            "event_id": event_id,
            "payment_id": payment_id,
            "status": status,
            "customer_id": "0201001008132685",
            "event_timestamp": "2026-01-01T00:00:00Z",
            "data": {},
        }
    )


def post(web_url: str, reference: str, body: str, seconds: float = 30) -> requests.Response:
    """Post once, on a connection of its own. Raises as requests does."""
    headers = {"Content-Type": "application/json"}
    return requests.post(web_url + path(reference), body, headers=headers, timeout=seconds)


def post_at_once(
    web_url: str, posts: Sequence[tuple[str, str]], threads: int
) -> list[requests.Response]:
    """Post these events, by reference and body, from as many threads, all let go together."""
    barrier = threading.Barrier(threads)

    def one(share: Sequence[tuple[str, str]]) -> list[requests.Response]:
        barrier.wait(30)
        return [post(web_url, *each) for each in share]

    with ThreadPoolExecutor(threads) as pool:
        shares: Any = [posts[number::threads] for number in range(threads)]
        return [response for done in pool.map(one, shares) for response in done]
