"""What is counted and timed, where opentelemetry-api is installed; else nothing is done.

A label takes one of the values that stand here, and "other" for any else: whatever Redpin, a
stranger or a project's own exceptions say, the number of series is bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Final

from .. import exceptions

try:
    from opentelemetry import metrics
except ImportError:
    _meter: Any = None
else:
    # A proxy, until the project sets its provider.
    _meter = metrics.get_meter("django_redpin")

OTHER: Final = "other"

_ERRORS: Final = frozenset(exceptions.__all__)
_RESOURCES: Final = frozenset({"recipients", "sessions", "token"})

# Of events and of transitions, as the models name them; of tokens, and of the webhook's answers.
_EVENTS: Final = frozenset(
    {
        *("pending", "applied", "known", "ignored", "unknown_status"),
        *("waiting", "orphan", "contradicted", "dead"),
    }
)
_DISPATCHES: Final = frozenset({"pending", "told", "held", "dead"})
_POSTS: Final = frozenset(
    {
        *("stored", "repeated", "unknown_account", "wrong_token", "not_verified"),
        *("not_json", "too_large", "unreadable", "misconfigured", "failed", "not_allowed"),
    }
)
_OPERATIONS: Final = frozenset(
    {
        *("session.create", "session.complete", "session.refresh", "session.renew"),
        *("recipient.register", "token.fetch", "webhook", "event.process"),
        *("transition.dispatch", "reconcile", "reconcile.round", "sweep"),
    }
)
_TABLES: Final = frozenset({"paymentsession", "recipient", "statustransition", "webhookevent"})

# Seconds: of what a person waits for, and of what may wait for days.
_SHORT: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
_LONG: Final = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400, 259_200)


@dataclass(frozen=True)
class Instrument:
    """A counter, or with `buckets` (seconds) a histogram; the values that its labels may have."""

    name: str
    labels: Mapping[str, frozenset[str]]
    meaning: str
    buckets: tuple[float, ...] = ()


class Metric(Enum):
    """The table."""

    CALLS = Instrument(
        "redpin.client.call.duration",
        {
            "http.request.method": frozenset({"GET", "POST"}),
            "redpin.resource": _RESOURCES,
            "http.response.status_code": frozenset(map(str, range(200, 600))) | {""},
            "error.type": _ERRORS | {""},
        },
        "calls of Redpin's API and of its token endpoint, by what they met; how long they took",
        _SHORT,
    )
    OPERATIONS = Instrument(
        "redpin.operation.duration",
        {"redpin.operation": _OPERATIONS, "error.type": _ERRORS | {""}},
        "what this package was asked to do, by how it ended; how long it took",
        _SHORT,
    )
    POSTS = Instrument(
        "redpin.webhook.posts", {"redpin.outcome": _POSTS}, "posts to the webhook, by their answer"
    )
    EVENTS = Instrument(
        "redpin.event.attempts",
        {"redpin.outcome": _EVENTS},
        "attempts at events, by what became of them",
    )
    EVENT_LAG = Instrument(
        "redpin.event.lag", {}, "from an event's arrival to its being done with", _LONG
    )
    DISPATCHES = Instrument(
        "redpin.transition.attempts",
        {"redpin.outcome": _DISPATCHES},
        "attempts to tell receivers of a transition, by what became of them",
    )
    DISPATCH_LAG = Instrument(
        "redpin.transition.lag", {}, "from a transition to its receivers' having heard of it", _LONG
    )
    SWEPT = Instrument(
        "redpin.sweep.rows", {"redpin.table": _TABLES}, "rows that the sweeps worked on"
    )


@cache
def _made(what: Metric) -> Any:
    """Return the instrument, made on first use: most processes need a few of them."""
    kind = what.value
    if kind.buckets:
        return _meter.create_histogram(
            kind.name, "s", kind.meaning, explicit_bucket_boundaries_advisory=kind.buckets
        )
    return _meter.create_counter(kind.name, "{row}", kind.meaning)


def measure(what: Metric, amount: float = 1, labels: Mapping[str, object] | None = None) -> None:
    """Count by `amount`, or record so many seconds. A label that is empty is left out."""
    if _meter is None:
        return
    given, kind, told = labels or {}, what.value, {}
    for name, allowed in kind.labels.items():
        value = str(given.get(name, ""))
        value = value if value in allowed else OTHER
        if value:
            told[name] = value
    made = _made(what)
    if kind.buckets:
        made.record(amount, told)
    else:
        made.add(amount, told)
