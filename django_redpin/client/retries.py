"""When a call that failed is made once more: a budget, a random pause, one retry of safe calls.

Calls that create something are never repeated here: whether they may be is for the services to
find out, which have the row.
"""

from __future__ import annotations

import os
import random
import threading
import time
from typing import Final

from ..exceptions import APIError, CircuitOpen, NoAnswer, RateLimitedError, ServerError
from .breaker import host

# Counted in tenths of a retry, which are exact where a float of 0.1 is not.
_EARNED: Final = 1
_PRICE: Final = 10
_RESERVE: Final = 3 * _PRICE
_CAP: Final = 10 * _PRICE

# What is worth waiting for with a caller behind us, in seconds.
_LONGEST_RETRY_AFTER: Final = 1.0

_random: Final = random.SystemRandom()  # Has no state that forked processes would share.


class RetryBudget:
    """Allows one retry for every ten first attempts, so that a Redpin in need gets no avalanche.

    It begins with three retries in reserve, and saves up to ten.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._saved = _RESERVE

    def deposit(self) -> None:
        """Earn a tenth of a retry: for each first attempt, and for no retry."""
        with self._lock:
            self._saved = min(self._saved + _EARNED, _CAP)

    def withdraw(self) -> bool:
        """Pay for one retry, and return True; or False where there is not enough for it."""
        with self._lock:
            if self._saved < _PRICE:
                return False
            self._saved -= _PRICE
            return True


# By process: a lock that another thread held at a fork would stay locked in the child for ever.
_budgets: Final[dict[tuple[int, str], RetryBudget]] = {}


def budget_for(url: str) -> RetryBudget:
    """Return this process's one budget for the URL's host.

    By host alone, though circuits are by route too: it bounds what reaches the host, and a reserve
    for each tenant would make an avalanche of many tenants. One whose proxy is dead costs the
    others no call, only retries, which the sweep makes up for.
    """
    key = (os.getpid(), host(url))
    return _budgets.get(key) or _budgets.setdefault(key, RetryBudget())


def reset() -> None:
    """Forget what was saved. For tests."""
    _budgets.clear()


def full_jitter(attempt: int, *, base: float = 0.5, longest: float = 5.0) -> float:
    """Return the seconds to wait after so many attempts (1 or more) have failed.

    Anything from nothing to `base`, which doubles with each attempt up to `longest`: callers that
    failed together do not come back together.
    """
    return _random.uniform(0, min(longest, base * 2 ** min(attempt - 1, 32)))


class OneRetry:
    """The one retry of a call that changes nothing at Redpin; made before its first attempt."""

    def __init__(self, budget: RetryBudget) -> None:
        budget.deposit()
        self._budget = budget
        self._is_spent = False

    def follows(self, error: NoAnswer | APIError) -> bool:
        """Wait, and return True, where to try again may help and is paid for; or return False.

        It may help where no answer came, where Redpin failed, and where it asks for a second's
        patience at most.
        """
        pause = _pause(error)
        if self._is_spent or pause is None or not self._budget.withdraw():
            return False
        self._is_spent = True
        time.sleep(pause)
        return True


def _pause(error: NoAnswer | APIError) -> float | None:
    """Return the seconds to wait before the retry, or None where none would help."""
    if isinstance(error, CircuitOpen):
        return None
    if isinstance(error, NoAnswer):
        return full_jitter(1)
    asked = error.retry_after
    may_pass = isinstance(error, ServerError) or (
        isinstance(error, RateLimitedError) and asked is not None
    )
    if not may_pass or (asked or 0) > _LONGEST_RETRY_AFTER:
        return None
    return (asked or 0) + full_jitter(1)
