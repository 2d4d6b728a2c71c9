"""How often a source failed to be verified, and how much of that is told: all in memory.

Only failures are counted, so nothing that Redpin sends with the right token is ever turned away.
Each process counts for itself; a source that failed too often costs it no line of a log.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

from django.http import HttpRequest

from ..accounts import redpin_settings
from ..rules.networks import neighbourhood
from ..telemetry import LogEvent, tell
from .sources import source_of

logger: logging.Logger = logging.getLogger("django_redpin.security")

PERIOD: Final = 60.0  # Seconds.
FAILURES: Final = 30  # Of one source, in a period.
TOLD: Final = 120  # Of all sources together, in a period.
SOURCES: Final = 4096  # Whose failures are remembered; those who failed last.


class Noted(NamedTuple):
    """Whether a failure is to be told, and for how many seconds its source should stay away."""

    is_told: bool
    retry_after: int = 0


class Budget:
    """So many in a period, for all; it counts those above, and tells their number later."""

    def __init__(self, limit: int = TOLD, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._began = -math.inf
        self._spent = 0
        self._withheld = 0

    def withhold(self) -> None:
        """Count one that is not told, whatever the budget."""
        with self._lock:
            self._withheld += 1

    def may_tell(self) -> bool:
        """Spend one, or count it as withheld."""
        now = self._clock()
        withheld = 0
        with self._lock:
            if now - self._began >= PERIOD:
                withheld, self._withheld = self._withheld, 0
                self._began, self._spent = now, 0
            is_told = self._spent < self._limit
            self._spent += is_told
            self._withheld += not is_told
        if withheld:
            text = "%d refused webhooks before this were not logged."
            tell(logger, LogEvent.WEBHOOK_WITHHELD, text, withheld, count=withheld)
        return is_told


class Failures:
    """The failures of each source within a period that begins with its first."""

    def __init__(
        self, budget: Budget, limit: int = FAILURES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._budget = budget
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._sources: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def note(self, source: str) -> Noted:
        """Count a failure, and return what is to be done about it."""
        now = self._clock()
        with self._lock:
            began, count = self._sources.pop(source, (now, 0))
            if now - began >= PERIOD:
                began, count = now, 0
            self._sources[source] = (began, count + 1)
            if len(self._sources) > SOURCES:
                self._sources.popitem(last=False)
        if count < self._limit:
            return Noted(is_told=self._budget.may_tell())
        self._budget.withhold()
        return Noted(is_told=False, retry_after=max(1, math.ceil(began + PERIOD - now)))


refusals = Failures(Budget())
# Of our own mistakes, whose lines must not drown in a stranger's.
faults = Budget()


def note_failure(request: HttpRequest) -> Noted:
    """Count a request that was not verified. Its source is told by the project's own proxies."""
    try:
        source = source_of(request.META, redpin_settings().get("WEBHOOK_TRUSTED_PROXIES", ()))
    except ValueError:  # The checks tell of it; here the peer will do.
        source = source_of(request.META, ())
    return refusals.note("" if source is None else neighbourhood(source))


def reset() -> None:
    """Forget all that was counted."""
    global refusals, faults
    refusals, faults = Failures(Budget()), Budget()
