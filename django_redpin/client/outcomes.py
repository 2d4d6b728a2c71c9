"""What became of a create call that did not succeed: the table, closed by default.

The first rule that fits decides. The last one fits all else: that may have been carried out, so it
is looked up by its reference before anything is sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ..exceptions import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    NotSent,
    RateLimitedError,
    RedpinError,
)


class Outcome(Enum):
    """Whether the session was created, and so what follows."""

    NOT_EXECUTED = "surely not: it is sent again, under the same reference"
    UNKNOWN = "perhaps: its reference is looked up before anything is sent again"
    DUPLICATE = (
        "its reference is taken: looked up if an earlier request is unanswered, else a stranger's"
    )
    REFUSED = "no, and it won't be: the request has to be corrected"


@dataclass(frozen=True, slots=True)
class Rule:
    """`fits` tells whether an error is of this kind."""

    kind: str
    fits: Callable[[RedpinError], bool]
    outcome: Outcome


def _is_busy(error: RedpinError) -> bool:
    return (
        isinstance(error, APIError) and error.status_code == 503 and error.retry_after is not None
    )


def _is_duplicate(error: RedpinError) -> bool:
    # Redpin documents that duplicates are rejected, and not how: a 409, or an error of this field.
    return isinstance(error, ConflictError) or (
        isinstance(error, InvalidRequestError) and error.field == "client_reference_id"
    )


def _is(*kinds: type[RedpinError]) -> Callable[[RedpinError], bool]:
    return lambda error: isinstance(error, kinds)


RULES: Final = (
    Rule("no connection, no TLS, no token, an open circuit", _is(NotSent), Outcome.NOT_EXECUTED),
    Rule("settings that allow no call", _is(ConfigurationError), Outcome.NOT_EXECUTED),
    Rule("401, with a new token too", _is(AuthenticationError), Outcome.NOT_EXECUTED),
    Rule("429", _is(RateLimitedError), Outcome.NOT_EXECUTED),
    Rule("503 with Retry-After", _is_busy, Outcome.NOT_EXECUTED),
    Rule("409, or a 4xx for client_reference_id", _is_duplicate, Outcome.DUPLICATE),
    Rule("any other 4xx", _is(InvalidRequestError), Outcome.REFUSED),
    Rule(
        "all else: a time-out, a reset, 3xx, 5xx, a 2xx with garbage",
        _is(RedpinError),
        Outcome.UNKNOWN,
    ),
)


def outcome_of(error: RedpinError) -> Outcome:
    """Return what is known of a session whose create call ended in this error."""
    return next(rule.outcome for rule in RULES if rule.fits(error))
