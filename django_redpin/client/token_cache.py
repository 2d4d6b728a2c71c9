"""What the processes of a project share about one account's token, in Django's cache.

The token, the last failure to get one, and the lock under which one process asks. A cache that is
away, or that keeps nothing, costs token requests and never a call: nothing here raises, but for
the time limit of the task that it is called in.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Final

from django.core.cache import caches
from django.utils.crypto import salted_hmac

from ..conf import Account
from ..exceptions import NotSent, RedpinError
from ..exceptions.interrupts import is_interrupt
from ..telemetry import LogEvent, tell
from .token_endpoint import is_token, refusal

_REFUSAL_SECONDS: Final = 5.0
# Long enough for all who wait to see it.
_FAILURE_SECONDS: Final = 2.0
_AWAY_SECONDS: Final = 5.0
_AWAY: Final = object()

logger: logging.Logger = logging.getLogger("django_redpin")


@dataclass(frozen=True, slots=True)
class Grant:
    """A token as it was given. Times in seconds, the first since the epoch."""

    value: str = field(repr=False)
    asked_at: float
    life: float


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no token: refused with this status (4xx), or, with 0, not to be had."""

    status: int
    code: str
    at: float  # Seconds since the epoch.

    def concerns(self, began: float, now: float) -> bool:
        """Tell whether a caller who began then has to fail with it.

        Wrong credentials stay wrong for a while. Any other failure is shared by those who waited
        for its outcome, so that they don't ask one after the other; the next one may ask. Where
        clocks disagree, or one is set back, the doubtful failure is nobody's.
        """
        if self.status:
            return abs(now - self.at) < _REFUSAL_SECONDS
        return began <= self.at <= now

    def error(self) -> RedpinError:
        """Return the exception that says so."""
        if self.status:
            return refusal(self.status, self.code)
        return NotSent("There is no access token: another caller has just asked for it in vain.")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the cache holds at one moment."""

    grant: Grant | None = None
    failure: Failure | None = None
    is_locked: bool = False


class SharedTokens:
    """The shared side of one account's token. For one thread at a time."""

    def __init__(self, account: Account) -> None:
        self._alias = account.token_cache
        # A changed secret is another key, so that nothing old stands in its way; and no key lets
        # the secret be guessed by someone who doesn't know SECRET_KEY.
        identity = [account.alias, account.token_url, account.client_id, account.client_secret]
        name = salted_hmac(__name__, json.dumps(identity), algorithm="sha256").hexdigest()
        self._token_key = f"redpin:token:{name}"
        self._failure_key = f"redpin:token-failure:{name}"
        self._lock_key = f"redpin:token-lock:{name}"
        # A token request is over by then, even where caches count in whole seconds: a lock that is
        # older has lost its owner.
        self.lock_seconds: Final = account.total_timeout + 2
        self._owner = ""
        self._owned_until = 0.0
        self._away_until = 0.0

    def look(self) -> Seen:
        """Return what is there, in one round trip."""
        found = self._do("get_many", [self._token_key, self._failure_key, self._lock_key])
        if not isinstance(found, dict):
            return Seen()
        return Seen(
            grant=_grant(found.get(self._token_key)),
            failure=_failure(found.get(self._failure_key)),
            is_locked=found.get(self._lock_key) is not None,
        )

    def keep(self, grant: Grant, *, seconds: float) -> None:
        """Share a token for so long. Plain JSON, for caches that are not pickled."""
        entry = [grant.value, grant.asked_at, grant.life]
        self._do("set", self._token_key, entry, timeout=seconds)

    def keep_failure(self, failure: Failure) -> None:
        """Let the others know that it failed."""
        entry = [failure.status, failure.code, failure.at]
        seconds = _REFUSAL_SECONDS if failure.status else _FAILURE_SECONDS
        self._do("set", self._failure_key, entry, timeout=seconds)

    def lock(self) -> bool:
        """Take the lock, unless another process holds it; True, too, where there is no cache."""
        self._owner = secrets.token_hex(8)
        self._owned_until = time.monotonic() + self.lock_seconds
        is_added = self._do("add", self._lock_key, self._owner, timeout=self.lock_seconds)
        return is_added is _AWAY or bool(is_added)

    def unlock(self) -> None:
        """Give the lock back, if it is still ours: after its time another may hold it."""
        is_ours = self._do("get", self._lock_key) == self._owner
        if is_ours and time.monotonic() < self._owned_until:
            self._do("delete", self._lock_key)

    def _do(self, verb: str, *args: Any, **kwargs: Any) -> Any:
        """Return what the cache answers, or `_AWAY`; then leave it alone for a while."""
        if self._alias is None or time.monotonic() < self._away_until:
            return _AWAY
        try:
            return getattr(caches[self._alias], verb)(*args, **kwargs)
        except Exception as error:
            if is_interrupt(error):
                raise
            self._away_until = time.monotonic() + _AWAY_SECONDS
            tell(
                logger,
                LogEvent.TOKEN_CACHE_AWAY,
                "The cache %r is out of reach (%s); access tokens are not shared for %d seconds.",
                self._alias,
                type(error).__name__,
                _AWAY_SECONDS,
                cache=self._alias,
                failure=type(error).__name__,
                seconds=_AWAY_SECONDS,
            )
            return _AWAY


def _grant(entry: object) -> Grant | None:
    match entry:
        case [str(value), int() | float() as asked_at, int() | float() as life] if is_token(value):
            return Grant(value, asked_at, life)
    return None


def _failure(entry: object) -> Failure | None:
    match entry:
        case [int(status), str(code), int() | float() as at]:
            return Failure(status, code, at)
    return None
