"""Circuit breakers: a Redpin that keeps failing is left alone for a while, rather than queued for.

One for each host, purpose and route to it, in each process. Whether a call that failed is made once
more is for others to say (`retries.py`, the services).
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from ..exceptions import APIError, CircuitOpen, NoAnswer
from ..telemetry import LogEvent, tell

CLOSED: Final = "closed"
OPEN: Final = "open"
HALF_OPEN: Final = "half-open"
_TOLD: Final = {
    CLOSED: LogEvent.CIRCUIT_CLOSED,
    OPEN: LogEvent.CIRCUIT_OPENED,
    HALF_OPEN: LogEvent.CIRCUIT_PROBED,
}

# It opens after so many failures in a row, or when this share of the latest calls has failed.
_FAILURES_IN_A_ROW: Final = 5
_FAILURE_RATIO: Final = 0.5
_FEWEST_CALLS: Final = 20
_LATEST_CALLS: Final = 100
_LATEST_SECONDS: Final = 60.0

# A pause is between one and two times this long, and doubles with each probe that fails.
_PAUSE: Final = 5.0
_LONGEST_PAUSE: Final = 30.0

# Longer than a call may take (conf.py bounds TOTAL_TIMEOUT), so that only a lost probe runs out.
_PROBE_SECONDS: Final = 30.0

_HOSTS_KEPT: Final = 256  # By the URLs that lead there.

logger: logging.Logger = logging.getLogger("django_redpin")
_random: Final = random.SystemRandom()  # Has no state that forked processes would share.


# Own code, for what others do to threads: pybreaker (1.4) holds its lock for as long as the call
# takes, so that all threads queue behind one; others let every caller through once the pause is
# over, just when a Redpin that comes back can bear it least.
class CircuitBreaker:
    """Lets calls through while they succeed, and for a while none when they keep failing.

    Closed, all pass. Open, none does: each raises `CircuitOpen` at once. After a pause (5 to 10
    seconds at random, doubling to at most 60) it is half-open: one call, the probe, passes. Its
    success closes the circuit, its failure opens it again.

    A failure is `NoAnswer`, 408 or 5xx. Any other answer is a sign of life, 4xx and 429 among them;
    an error of this machine's own making is neither. `clock` returns seconds.
    """

    def __init__(self, name: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.state = CLOSED
        self._clock = clock
        self._lock = threading.Lock()
        self._turn = 0  # Counts the changes: the outcome of a call from an earlier turn is stale.
        self._latest: deque[tuple[float, bool]] = deque(maxlen=_LATEST_CALLS)
        self._in_a_row = 0
        self._pause = _PAUSE
        self._next_probe_at = 0.0

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Make one call inside. Raises `CircuitOpen`, before anything is sent, while it is open."""
        turn = self._enter()
        try:
            yield
        except BaseException as error:
            self._leave(turn, _is_failure(error))
            raise
        self._leave(turn, False)

    def _enter(self) -> int:
        with self._lock:
            before = self.state
            if before != CLOSED:
                self._take_probe()
            after, turn = self.state, self._turn
        self._tell(before, after)
        return turn

    def _take_probe(self) -> None:
        now = self._clock()
        if now < self._next_probe_at:
            raise CircuitOpen(
                f"{self.name} failed so often just now that nothing is sent to it for a while."
                " Nothing was sent; try again later."
            )
        self._change(HALF_OPEN)
        # Should the probe never come back, another one follows.
        self._next_probe_at = now + _PROBE_SECONDS

    def _leave(self, turn: int, has_failed: bool | None) -> None:
        with self._lock:
            if turn != self._turn:
                return
            before = self.state
            if has_failed is None:
                self._next_probe_at = self._clock()  # A probe's place goes to whoever comes next.
            elif before == HALF_OPEN and not has_failed:
                self._close()
            elif before == HALF_OPEN or self._is_too_much(has_failed):
                self._open()
            after = self.state
        self._tell(before, after)

    def _is_too_much(self, has_failed: bool) -> bool:
        """Count the outcome, and tell whether the circuit has to open for it."""
        now = self._clock()
        self._latest.append((now, has_failed))
        if not has_failed:
            self._in_a_row = 0
            return False
        self._in_a_row += 1
        latest = [failed for at, failed in self._latest if now - at <= _LATEST_SECONDS]
        is_ratio = len(latest) >= _FEWEST_CALLS and sum(latest) >= _FAILURE_RATIO * len(latest)
        return is_ratio or self._in_a_row >= _FAILURES_IN_A_ROW

    def _open(self) -> None:
        self._change(OPEN)
        self._next_probe_at = self._clock() + self._pause * _random.uniform(1, 2)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _close(self) -> None:
        self._change(CLOSED)
        self._pause = _PAUSE
        self._in_a_row = 0
        self._latest.clear()

    def _change(self, state: str) -> None:
        self.state = state
        self._turn += 1

    def _tell(self, before: str, after: str) -> None:
        """Log a change of state; not while the lock is held, for a log may be slow."""
        if before != after:
            text = "The circuit of %s is %s; it was %s."
            tell(logger, _TOLD[after], text, self.name, after, before, circuit=self.name)


def _is_failure(error: BaseException) -> bool | None:
    """Tell whether Redpin is failing; None where the error says nothing about Redpin."""
    if isinstance(error, APIError):
        return error.status_code >= 500 or error.status_code == 408
    if isinstance(error, NoAnswer) and not isinstance(error, CircuitOpen):
        return True
    return None


# By process: a lock that another thread held at a fork would stay locked in the child for ever.
_breakers: Final[dict[tuple[int, str, int], CircuitBreaker]] = {}

_FROM_BEST_TO_WORST: Final = (CLOSED, HALF_OPEN, OPEN)


def breaker_for(url: str, purpose: str = "", *, route: int = 0) -> CircuitBreaker:
    """Return this process's one breaker for the URL's host, and for what is asked of it there.

    `route` is the account's (`Account.route`): what fails through one tenant's proxy says nothing
    about the others, who don't take that way. It is not part of the name, which logs show.
    """
    name = f"{host(url)} ({purpose})" if purpose else host(url)
    key = (os.getpid(), name, route)
    return _breakers.get(key) or _breakers.setdefault(key, CircuitBreaker(name))


@lru_cache(maxsize=_HOSTS_KEPT)
def host(url: str) -> str:
    """Return the URL's host, with its port if it names one, and without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def circuit_states() -> dict[str, str]:
    """Return whether Redpin's hosts are left alone, as this process has met them.

    A host that was not called yet is missing. Where accounts reach a host by ways of their own
    (proxies, certificates, time-outs), the worst state of them all is told.

    Returns:
        By host, each `"closed"` (all is well), `"open"` or `"half-open"`, such as
        `{"api.redpincompany.com": "closed", "api.currenciesdirect.com (token)": "open"}`.
    """
    pid = os.getpid()
    worst: dict[str, str] = {}
    for (owner, name, _), found in list(_breakers.items()):
        if owner == pid:
            both = (found.state, worst.get(name, CLOSED))
            worst[name] = max(both, key=_FROM_BEST_TO_WORST.index)
    return worst


def reset() -> None:
    """Forget all that was met. For tests."""
    _breakers.clear()
