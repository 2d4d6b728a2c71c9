"""A Redpin in a process of its own, which answers over TLS and posts each payment's events.

`python -m benchmarks.soak.redpin ORDER` (JSON). Of its answers and of its posts, a share goes
wrong: 503, slow, dropped before or after it did what was asked; posted twice, or late and so out of
order. Like Redpin it posts again until it is answered 2xx. `/report` tells what it saw, `/waiting`
how much it has yet to do, and `/faults?share=0.05` sets the share.
"""

from __future__ import annotations

import heapq
import itertools
import json
import random
import ssl
import statistics
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from tests.redpin_server import FakeRedpin, Handler, Script, Server

FLOW: Final = (
    "AWAITING_FUNDS",
    "RECEIVED_FUNDS",
    "FX_COMPLETED",
    "PAYOUT_INITIATED",
    "PAYOUT_CREDITED",
    "PAYMENT_COMPLETED",
)
# Seconds: from one status of a payment to the next, until a post is repeated, of a late post, and
# of a slow answer.
_STEP: Final = 0.1
_AGAIN: Final = 1.0
_LATE: Final = 3.0
_SLOW: Final = 1.0
_POSTERS: Final = 16


class Courier:
    """Posts events when it is time, each until it is taken, and keeps account of it."""

    def __init__(self, web_url: str) -> None:
        self._web_url = web_url
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._news = threading.Condition()
        self._local = threading.local()
        self._lock = threading.Lock()
        self.faults = 0.0
        self.events = 0
        self.waiting = 0  # Until it is done, not until it is begun.
        self.answers: Counter[str] = Counter()
        self.seconds: list[float] = []
        threading.Thread(target=self._run, daemon=True).start()

    def at(self, delay: float, work: Callable[[], None]) -> None:
        """Do the work after so many seconds."""
        with self._lock:
            self.waiting += 1
        with self._news:
            heapq.heappush(self._waiting, (time.monotonic() + delay, next(self._numbers), work))
            self._news.notify()

    def goes_wrong(self) -> bool:
        return random.random() < self.faults

    def post_event(self, url: str, body: str) -> None:
        """Post one event: now as a rule, at times twice, at times late."""
        with self._lock:
            self.events += 1
        delays = [0.0]
        if self.goes_wrong():
            delays = random.choice([[0.0, 0.0], [_LATE], [0.0, _LATE]])
        for delay in delays:
            self.at(delay, lambda: self._post(self._web_url + urlsplit(url).path, body))

    def _post(self, url: str, body: str) -> None:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
        begun = time.monotonic()
        try:
            response = self._local.session.post(
                url, body, headers={"Content-Type": "application/json"}, timeout=15
            )
            said = str(response.status_code)
        except requests.RequestException as error:
            said = type(error).__name__
        with self._lock:
            self.answers[said] += 1
            self.seconds.append(time.monotonic() - begun)
        if not said.startswith("2"):
            self.at(_AGAIN, lambda: self._post(url, body))

    def _run(self) -> None:
        with ThreadPoolExecutor(_POSTERS) as pool:
            while True:
                with self._news:
                    while not self._waiting or self._waiting[0][0] > time.monotonic():
                        rest = self._waiting[0][0] - time.monotonic() if self._waiting else None
                        self._news.wait(rest)
                    _, _, work = heapq.heappop(self._waiting)
                pool.submit(self._do, work)

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            with self._lock:
                self.waiting -= 1

    def report(self) -> dict[str, Any]:
        """Return the account, with latencies in milliseconds, and begin those anew."""
        with self._lock:
            seconds, self.seconds = self.seconds, []
            cuts = statistics.quantiles(seconds, n=100) if len(seconds) > 1 else [0.0] * 99
            return {
                "events": self.events,
                "posts": sum(self.answers.values()),
                "answers": dict(self.answers),
                "p50_ms": round(cuts[49] * 1000, 1),
                "p99_ms": round(cuts[98] * 1000, 1),
                "waiting": self.waiting,
            }


class SoakServer(Server):
    """Answers over TLS, which production asks for."""

    def __init__(self, order: dict[str, str]) -> None:
        super().__init__(FakeRedpin(list_shows_url=True))
        self.RequestHandlerClass = SoakHandler
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(order["certificate"])
        # The handshake is for the connection's own thread.
        self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.redpin.url = self.redpin.url.replace("http:", "https:")
        # What tests read would only grow here.
        self.redpin.calls = deque(maxlen=1)  # type: ignore[assignment]
        self.courier = Courier(order["web_url"])


class SoakHandler(Handler):
    server: SoakServer

    def do_GET(self) -> None:  # noqa: N802  http.server's own name.
        parts = urlsplit(self.path)
        if parts.path == "/report":
            self.json(200, self.server.courier.report())
        elif parts.path == "/waiting":
            self.json(200, self.server.courier.waiting)
        elif parts.path == "/faults":
            self.server.courier.faults = float(parts.query.partition("=")[2])
            self.json(200, {})
        else:
            super().do_GET()

    def _scripted(self, script: deque[Script], default: Callable[[], None]) -> None:
        """Answer, or do one of the things that go wrong."""
        if not self.server.courier.goes_wrong():
            default()
            return
        fault = random.choice(["503", "slow", "dropped", "lost"])
        if fault == "503":
            self.error(503, "UNAVAILABLE", "Try again.")
        elif fault == "slow":
            time.sleep(_SLOW)
            default()
        elif fault == "dropped":
            self.hang_up()
        else:
            self._lose(default)

    def _lose(self, default: Callable[[], None]) -> None:
        """Do what was asked, and hang up instead of answering."""
        answer, self.raw = self.raw, lambda *args, **kwargs: None  # type: ignore[method-assign]
        default()
        self.raw = answer  # type: ignore[method-assign]
        self.hang_up()

    def answer_create(self) -> None:
        """Create the session, whose payment begins at once."""
        super().answer_create()
        body = self.call.json
        record = self.redpin.sessions.get(body["client_reference_id"])
        if record is None or record.get("is_begun"):
            return
        record["is_begun"] = True
        for number, status in enumerate(FLOW):
            delay = (number + 1) * _STEP
            self.server.courier.at(delay, partial(self._move, body, status))

    def _move(self, body: dict[str, Any], status: str) -> None:
        reference = body["client_reference_id"]
        payment_id = f"p-{reference}"[:36]
        self.redpin.pay(reference, status, payment_id)
        event = {
            "event_id": f"{reference}-{status}",
            "payment_id": payment_id,
            "status": status,
            "customer_id": self.redpin.sessions[reference]["customer_id"],
            "event_timestamp": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "data": {},
        }
        for url in body["callbacks"]:
            self.server.courier.post_event(url, json.dumps(event))

    def answer_list(self) -> None:
        """Find the session that is asked for at once, however many there are."""
        reference = self.call.query.get("client_reference_id")
        if reference is None:
            super().answer_list()
            return
        if not self.is_authorized():
            return
        found = self.redpin.sessions.get(reference)
        url = f"{self.redpin.url}/pay/{reference}/"
        shown = [{**found, "session_url": url}] if found else []
        total = len(shown)
        meta = {"page": 1, "limit": 20, "total_records": total, "total_pages": total}
        self.json(200, {"sessions": shown, "meta": meta})


def main() -> None:
    order = json.loads(sys.argv[1])
    server = SoakServer(order)
    Path(order["told"]).write_text(server.redpin.url)
    server.serve_forever(0.05)


if __name__ == "__main__":
    main()
