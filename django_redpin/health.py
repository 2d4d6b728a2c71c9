"""Checks for django-health-check 4, which has to be installed: the extra `health`.

For whoever watches the site and for alerts. Not for a probe that restarts processes: a restart
mends none of what they tell.
"""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any, Final

from asgiref.sync import sync_to_async
from django import db
from django.utils import timezone
from health_check.base import HealthCheck
from health_check.exceptions import HealthCheckException, ServiceUnavailable, ServiceWarning

from .accounts import DEFAULT_ACCOUNT
from .exceptions import NotSent, RedpinError
from .services import circuit_states, require_token
from .services.backlog import CAP, DEAD, WORK, dead, due_since

# Seconds. A worker, or a sweep each minute, is done with a row long before.
BEHIND: Final = 300


class _Check(HealthCheck):  # type: ignore[misc]  # It has no types.
    """Looks in the thread, and by the connection, that the request's other queries have."""

    def problem(self) -> HealthCheckException | None:
        """Return what is wrong, in words that are fit for anybody, or None."""
        raise NotImplementedError

    async def run(self) -> None:
        """Raise what is wrong, with nothing hanging on it that knows more."""
        found = await sync_to_async(self._found)()
        if found is not None:
            raise found

    def _found(self) -> HealthCheckException | None:
        try:
            return self.problem()
        except db.Error as error:
            return ServiceUnavailable(f"The database does not answer ({type(error).__name__}).")


@dataclasses.dataclass
class AccessToken(_Check):
    """Whether an access token can be had for the account: from memory as a rule, without a call."""

    account: str = DEFAULT_ACCOUNT

    timeout = datetime.timedelta(seconds=25)  # A new token takes TOTAL_TIMEOUT, 20 at most.

    def problem(self) -> HealthCheckException | None:
        try:
            require_token(self.account)
        except RedpinError as error:
            kind, is_away = type(error).__name__, isinstance(error, NotSent)
            cure = "See that this machine reaches TOKEN_URL." if is_away else error.next_step
            return ServiceUnavailable(
                f"There is no access token for the account {self.account!r} ({kind}). {cure}"
            )
        return None


@dataclasses.dataclass
class Waiting(_Check):
    """Whether a kind of work (`backlog.WORK`) is behind by more than so many seconds."""

    work: str = "events"
    seconds: float = BEHIND

    def __post_init__(self) -> None:
        _require(self.work, tuple(WORK))

    def problem(self) -> HealthCheckException | None:
        since = due_since(self.work)
        if since is None or (timezone.now() - since).total_seconds() <= self.seconds:
            return None
        behind = (timezone.now() - since).total_seconds()
        return ServiceUnavailable(
            f"The {self.work} are behind by {behind:.0f} seconds. See that the workers, and what"
            " sends the sweeps (beat, or cron), run."
        )


@dataclasses.dataclass
class DeadRows(_Check):
    """Whether more than `most` rows of a table (`backlog.DEAD`) were given up."""

    table: str = "events"
    most: int = 0

    def __post_init__(self) -> None:
        _require(self.table, DEAD)

    def problem(self) -> HealthCheckException | None:
        cap = self.most + CAP
        found = dead(self.table, cap)
        if found <= self.most:
            return None
        count = f"{found} or more" if found == cap else str(found)
        return ServiceUnavailable(f"Given up, and waiting for a person: {count} {self.table}.")


@dataclasses.dataclass
class Circuits(_Check):
    """Whether this process leaves one of Redpin's hosts alone, as it failed so often just now."""

    def problem(self) -> HealthCheckException | None:
        failing = sorted(name for name, state in circuit_states().items() if state == "open")
        if not failing:
            return None
        return ServiceWarning(
            f"Left alone, after many failures: {', '.join(failing)}. Calls begin by themselves"
            " again, once it answers."
        )


# For `HealthCheckView.as_view(checks=...)`. Tokens are left out: name the accounts that matter.
CHECKS: Final[list[Any]] = [
    Waiting,
    (Waiting, {"work": "transitions"}),
    (Waiting, {"work": "sessions"}),
    (Waiting, {"work": "recipients"}),
    (Waiting, {"work": "reconciliation", "seconds": 900}),
    *((DeadRows, {"table": table}) for table in DEAD),
    Circuits,
]


def _require(name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise ValueError(f"There is no {name!r} to be checked; give one of {', '.join(known)}.")
