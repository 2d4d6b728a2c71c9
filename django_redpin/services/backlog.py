"""What waits to be worked on, and what needs a person: told by few statements, each by an index.

None of them counts a whole table: how long the work is behind is the age of one row, and what needs
a person is counted up to a cap. So a probe may ask every few seconds, at any number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone

from ..models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from .leases import due
from .opening import UNFINISHED
from .rounds import STATES

# Beyond this it is "many".
CAP: Final = 100


def _sessions(*states: str) -> tuple[QuerySet[Any], ...]:
    # One by one: over several states at once, the index gives no order by time.
    return tuple(PaymentSession.objects.filter(state=state) for state in sorted(states))


# The rows of each kind of work; each queryset has an index that ends in `next_attempt_at`.
WORK: Final[Mapping[str, tuple[QuerySet[Any], ...]]] = {
    "events": (WebhookEvent.objects.all(),),
    "transitions": (StatusTransition.objects.all(),),
    "recipients": (Recipient.objects.all(),),
    "sessions": _sessions(*UNFINISHED),
    "reconciliation": _sessions(*STATES),
}
# The field that names a row's account, where it is no column of its own.
_OWNERS: Final[Mapping[str, str]] = {"transitions": "session__account"}

_DEAD: Final[Mapping[str, Callable[[], QuerySet[Any]]]] = {
    "events": lambda: WebhookEvent.objects.filter(
        outcome__in=(WebhookEvent.Outcome.DEAD, WebhookEvent.Outcome.ORPHAN)
    ),
    "transitions": lambda: StatusTransition.objects.filter(outcome=StatusTransition.Outcome.DEAD),
    # Sent perhaps, and looked for in vain. Those that Redpin refused are their editor's affair.
    # One that was anonymised is registered no more, whatever became of it.
    "recipients": lambda: Recipient.objects.filter(
        unanswered_at__isnull=False, next_attempt_at=None, recipient_id=None, anonymised_at=None
    ),
}
DEAD: Final = tuple(_DEAD)


@dataclass(frozen=True, slots=True)
class Backlog:
    """How it stands `as_of` a moment (UTC).

    `due_since` tells for each kind of work when the row was due that is longest due and in nobody's
    hands; None where nothing is due. `dead` tells how many rows were given up, at most the cap.
    """

    as_of: datetime
    due_since: Mapping[str, datetime | None]
    dead: Mapping[str, int]

    def behind(self, work: str) -> timedelta:
        """Return for how long the longest due row of this kind waits."""
        since = self.due_since[work]
        return timedelta(0) if since is None else self.as_of - since


def backlog(cap: int = CAP) -> Backlog:
    """Return what waits and what needs a person, of all accounts, by ten statements.

    Each of them goes by an index; for health checks and dashboards.

    Args:
        cap: Up to how many given-up rows of a kind are counted.

    Returns:
        How it stands.
    """
    return Backlog(
        as_of=timezone.now(),
        due_since={work: due_since(work) for work in WORK},
        dead={table: dead(table, cap) for table in DEAD},
    )


def due_since(work: str, account: str | None = None) -> datetime | None:
    """Return when the row of this kind was due that is longest due, or None.

    Of that account, or of all. One that is tried again later, after a failure, is not due before
    that.
    """
    times = [
        rows.order_by("next_attempt_at").values_list("next_attempt_at", flat=True).first()
        for rows in _due(work, account)
    ]
    return min((at for at in times if at is not None), default=None)


def due_now(work: str, account: str | None = None, cap: int = CAP) -> int:
    """Return how many rows of this kind are due, of that account or of all; at most `cap`."""
    return min(cap, sum(rows.order_by()[:cap].count() for rows in _due(work, account)))


def _due(work: str, account: str | None) -> Iterator[QuerySet[Any]]:
    owned = {} if account is None else {_OWNERS.get(work, "account"): account}
    return (due(rows.filter(**owned)) for rows in WORK[work])


def dead(table: str, cap: int = CAP) -> int:
    """Return how many rows of the table were given up and wait for a person, at most `cap`."""
    # In no order: the models' own would have all of them sorted.
    return _DEAD[table]().order_by()[:cap].count()
