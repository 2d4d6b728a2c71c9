"""The access token of an account: from memory, from another process, or from Redpin.

A warm look-up reads one attribute. One thread of one process asks for a new token, a while before
the old one dies; the others go on with the old one, or wait for the new one if there is none.
"""

from __future__ import annotations

import hashlib
import logging
import os
import random
import threading
import time
import weakref
from collections import deque
from dataclasses import dataclass, replace
from typing import Final

from django.views.decorators.debug import sensitive_variables

from ..conf import Account
from ..exceptions import AuthenticationError, NotSent, RedpinError
from ..telemetry import LogEvent, Spans, note, operation, tell
from .token_cache import Failure, Grant, SharedTokens
from .token_endpoint import ask_for_token

_EARLY_SECONDS: Final = 60.0
_EARLY_SHARE: Final = 0.1
# Between two early attempts: after a failure, and while another process is at it.
_PAUSE_AFTER_FAILURE: Final = 10.0
_PAUSE_FOR_OTHERS: Final = 1.0
# Between two looks at what another process is fetching.
_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 0.25
# A lock that can't be taken though it isn't there, so many times in a row, is none.
_DOUBTS: Final = 3

logger: logging.Logger = logging.getLogger("django_redpin")

_now = time.time


@dataclass(frozen=True, slots=True)
class _Token:
    grant: Grant
    renew_at: float  # Seconds since the epoch, as the next one.
    dies_at: float


class TokenProvider:
    """Gives the access token of one account, to any number of threads."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._shared = SharedTokens(account)
        self._token: _Token | None = None
        self._refused: deque[bytes] = deque(maxlen=8)  # Digests.
        self._failure: Failure | None = None
        # The longest that another may take, killed or not, and a moment to succeed it.
        self._patience = self._shared.lock_seconds + 1
        self.make_locks()
        _every_provider.add(self)

    def __repr__(self) -> str:
        return f"<TokenProvider {self._account.alias}>"

    def make_locks(self) -> None:
        """Begin with locks that nobody holds: those of a parent process stay locked in its fork."""
        self._flight = threading.Lock()  # Held by the one who gets a token.
        self._state = threading.Lock()  # Held for an instant, to change `_token` and `_refused`.

    def get(self) -> str:
        """Return a token that outlives the call that it is for.

        Waits for the token request of another thread or process, at most three seconds longer
        than the account's total time-out, and asks itself if need be. Raises `AuthenticationError`
        where the token endpoint refuses the credentials (again for 5 seconds, without asking),
        `NotSent` where it gives no token, `ConfigurationError` for a token URL that is not HTTPS.
        """
        token = self._token
        if token is not None:
            now = _now()
            if now < token.renew_at:
                return token.grant.value
            if now < token.dies_at:
                return self._renewed(token).grant.value
        return self._awaited().grant.value

    @sensitive_variables()
    def forget(self, value: str) -> None:
        """Use this token no more, since Redpin refused it; a newer one stays.

        The shared cache is left alone: no process takes a token from there that it saw refused,
        and the next one overwrites it. So nobody deletes what another has just put there.
        """
        with self._state:
            if _digest(value) not in self._refused:
                self._refused.append(_digest(value))
            if self._token is not None and self._token.grant.value == value:
                self._token = None

    @sensitive_variables()
    def _renewed(self, old: _Token) -> _Token:
        """Return a new token in time, or the old one while another is at it or it can't be had."""
        if not self._flight.acquire(blocking=False):
            return old
        try:
            if self._token is not old:
                return self._token or old
            new = self._obtained(_now(), patience=0, old=old)
        except RedpinError as error:
            self._postpone(old, _PAUSE_AFTER_FAILURE)
            left = old.dies_at - _now()
            tell(
                logger,
                LogEvent.TOKEN_NOT_RENEWED,
                "The access token was not renewed; it lasts %d s more. %s",
                left,
                error,
                account=self._account.alias,
                failure=type(error).__name__,
                seconds=round(left),
            )
            return old
        else:
            if new is None:
                self._postpone(old, _PAUSE_FOR_OTHERS)
            return new or old
        finally:
            self._flight.release()

    @sensitive_variables()
    def _awaited(self) -> _Token:
        """Return a token, whoever gets it."""
        began, started = _now(), time.monotonic()
        if not self._flight.acquire(timeout=self._patience):
            raise NotSent("There is no access token: other threads wait for it, too.")
        try:
            token = self._token
            if token is not None and _now() < token.dies_at:
                return token
            left = max(0.0, self._patience - (time.monotonic() - started))
            token = self._obtained(began, patience=left)
        finally:
            self._flight.release()
        if token is None:
            raise NotSent("There is no access token: another process still asks for one.")
        return token

    @sensitive_variables()
    def _obtained(
        self, began: float, *, patience: float, old: _Token | None = None
    ) -> _Token | None:
        """Return a token given after `old`: to another process, or now.

        None where another process holds the lock for longer than `patience`, in seconds.
        """
        give_up_at = time.monotonic() + patience
        pause, doubts = _FIRST_PAUSE, 0
        while True:
            seen = self._shared.look()
            token = self._adopted(seen.grant, old)
            if token is not None:
                return token
            for failure in (seen.failure, self._failure):
                if failure is not None and failure.concerns(began, _now()):
                    raise failure.error()
            if self._shared.lock() or doubts == _DOUBTS:
                try:
                    # It may have come between the look and the lock.
                    return self._adopted(self._shared.look().grant, old) or self._fetched()
                finally:
                    self._shared.unlock()
            doubts = 0 if seen.is_locked else doubts + 1
            if time.monotonic() >= give_up_at:
                return None
            time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  To meet others less often.
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    @sensitive_variables()
    def _fetched(self) -> _Token:
        """Return a new token from the endpoint; let the others know, of a failure as well."""
        asked_at = _now()
        try:
            with operation(Spans.TOKEN):
                note(Spans.TOKEN, account=self._account.alias)
                value, life = ask_for_token(self._account)
        except AuthenticationError as error:
            self._fail(Failure(error.status_code, error.code, _now()))
            raise
        except NotSent:
            self._fail(Failure(0, "", _now()))
            raise
        grant = Grant(value, asked_at, life)
        token = self._token_of(grant)
        with self._state:
            # Given anew, it counts anew.
            if _digest(value) in self._refused:
                self._refused.remove(_digest(value))
            self._token = token
        self._shared.keep(grant, seconds=token.dies_at - _now())
        return token

    def _fail(self, failure: Failure) -> None:
        self._failure = failure
        self._shared.keep_failure(failure)

    def _adopted(self, grant: Grant | None, old: _Token | None) -> _Token | None:
        """Take a token that was shared, if it is news, alive, and was not refused here."""
        if grant is None or (old is not None and grant == old.grant):
            return None
        token = self._token_of(grant)
        with self._state:
            if _digest(grant.value) in self._refused or not _now() < token.dies_at:
                return None
            self._token = token
        return token

    def _token_of(self, grant: Grant) -> _Token:
        """Date its renewal, for each process a little apart, and its end."""
        expires_at = grant.asked_at + grant.life
        early = min(max(_EARLY_SECONDS, grant.life * _EARLY_SHARE), grant.life / 2)
        # No token dies on its way: the call that it is for may take this long.
        margin = min(self._account.total_timeout, grant.life / 4)
        jitter = random.uniform(0.8, 1)  # noqa: S311
        return _Token(grant, expires_at - early * jitter, expires_at - margin)

    def _postpone(self, old: _Token, seconds: float) -> None:
        again_at = _now() + seconds * random.uniform(0.5, 1)  # noqa: S311
        later = replace(old, renew_at=min(again_at, old.dies_at))
        with self._state:
            if self._token is old:
                self._token = later


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode()).digest()


_every_provider: Final[weakref.WeakSet[TokenProvider]] = weakref.WeakSet()


def _after_fork() -> None:
    for provider in _every_provider:
        provider.make_locks()


if hasattr(os, "register_at_fork"):  # pragma: no branch  Windows has no fork.
    os.register_at_fork(after_in_child=_after_fork)
