"""Who works on a row, and when it is tried again: leases and back-off, the same for all tables.

A row waits while `next_attempt_at` is set. A worker takes it by one conditional UPDATE; a lease
that a killed worker leaves behind runs out. Nothing here needs a row lock.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias, TypeVar

from django.db.models import F, Model, Q, QuerySet
from django.utils import timezone

from ..models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from .transactions import update

# Longer than an attempt takes as a rule: a call ends after TOTAL_TIMEOUT (20 seconds at most), and
# the last step is begun within a minute (`attempts.BACKGROUND`). One that takes longer, with a new
# token and a retry at each step, can write nothing any more (`endings.py`).
LEASE: Final = timedelta(seconds=300)
_FIRST_DELAY: Final = 5.0
# After so many attempts an event or a transition is given up. The waits double up to an hour, so
# that they are some three days: longer than Redpin, or a merchant's broker, is away.
MAX_ATTEMPTS: Final = 80
# A message may come to a worker whose clock is behind that of the one who wrote the row.
SKEW: Final = timedelta(seconds=2)
_MAX_DELAY: Final = 3600.0

_Row = TypeVar("_Row", bound=Model)
Leased: TypeAlias = (
    type[PaymentSession] | type[Recipient] | type[StatusTransition] | type[WebhookEvent]
)


def claim(
    model: Leased, pk: int, *, even_if_not_due: bool = False, states: Collection[str] = ()
) -> bool:
    """Take the row for one attempt, and count it. Returns False if it is done, taken or not due.

    `states` are those that a session has to be in at that very moment: what was read before may
    have been moved on by the worker whose lease has just ended.
    """
    waiting = Q(pk=pk, next_attempt_at__isnull=False)
    if states:
        waiting &= Q(state__in=states)
    rows, changes = claiming(model, waiting, timezone.now(), even_if_not_due=even_if_not_due)
    return bool(update(rows, **changes))


def claiming(
    model: Leased, waiting: Q, now: datetime, *, even_if_not_due: bool = False
) -> tuple[QuerySet[Any], dict[str, Any]]:
    """Return those of the waiting rows that can be claimed, and what claims them."""
    if not even_if_not_due:
        waiting &= Q(next_attempt_at__lte=now + SKEW)
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=now)
    rows = model._default_manager.filter(waiting & free)
    return rows, {"leased_until": now + LEASE, "attempts": F("attempts") + 1}


def due(rows: QuerySet[_Row]) -> QuerySet[_Row]:
    """Return those of the rows that wait for an attempt by now and are in nobody's hands."""
    now = timezone.now()
    return rows.filter(next_attempt_at__lte=now).exclude(leased_until__gte=now)


def retry_at(attempts: int) -> datetime:
    """Return when to try again after so many attempts: doubling, at most an hour, with jitter."""
    delay = min(_FIRST_DELAY * 2 ** min(attempts, 20), _MAX_DELAY)
    return timezone.now() + timedelta(seconds=delay * (0.5 + secrets.randbelow(501) / 1000))
