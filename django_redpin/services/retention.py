"""Let go of what was posted: first the bodies, which tell of people, then the events themselves.

Only of events that are done. An event's key outlives its body, so that a late copy is still told
from a new event. An empty body means that it is purged: there is nothing left to process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from ..conf import project_settings
from ..models import StatusTransition, WebhookEvent
from .transactions import retried, update
from .watching import watch

# Events whose keys are read at once: few enough for a batch to take some 10 ms in a large table.
BATCH: Final = 200
# Of a run, for the bodies and for the events; the rest is left to the next one.
LIMIT: Final = 1_000_000
SECONDS: Final = 240.0

_Outcome: Final = WebhookEvent.Outcome
# Whoever has an event processed again sets `next_attempt_at`, which takes it out of this at once.
DONE: Final = Q(next_attempt_at=None) & (
    Q(processed_at__isnull=False)
    | Q(outcome__in=(_Outcome.DEAD, _Outcome.ORPHAN, _Outcome.CONTRADICTED))
)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a run let go of: so many `bodies`, and so many whole `events`, emptied before or not."""

    bodies: int = 0
    events: int = 0


def prune(limit: int = LIMIT, seconds: float = SECONDS, *, account: str | None = None) -> Pruned:
    """Empty the bodies, and delete the events, that are kept for longer than the settings say.

    Of each `limit` at most, the oldest first; none is begun after so many seconds, of which the
    bodies take half at most. What has to stay counts for nothing, however much of it there is. Each
    batch is a statement that says itself what is done; so runs may overlap, and be killed, and the
    next one goes on. `account` leaves the events of the others alone. Raises `ConfigurationError`
    for wrong settings.
    """
    began, events = time.monotonic(), _events(account)
    bodies = _each_batch(emptiable(events), _empty, limit, began + seconds / 2)
    return Pruned(bodies, _each_batch(deletable(events), _delete, limit, began + seconds))


def prunable(account: str | None = None) -> Pruned:
    """Return what `prune` would let go of now, were it not bounded."""
    events = _events(account)
    return Pruned(emptiable(events).count(), deletable(events).count())


def _events(account: str | None) -> QuerySet[WebhookEvent]:
    events = WebhookEvent.objects.all()
    return events if account is None else events.filter(account=account)


def deletable(rows: QuerySet[WebhookEvent]) -> QuerySet[WebhookEvent]:
    """Return those of the events that are done, past their time, and referred to by nothing."""
    days = project_settings().webhook_event_retention_days
    return rows.filter(DONE, ~_is_referred(), received_at__lt=_ago(days))


def _is_referred() -> Exists:
    """A transition keeps the event that it came from."""
    return Exists(StatusTransition.objects.filter(event=OuterRef("pk")))


def emptiable(rows: QuerySet[WebhookEvent]) -> QuerySet[WebhookEvent]:
    """Return those of the events that are done and have a body whose time is over."""
    project = project_settings()
    # With its event at the latest, which may have to stay.
    days = min(project.webhook_body_retention_days, project.webhook_event_retention_days)
    # Not `has_body=True`: some databases find no index for a condition that is a column alone.
    return rows.filter(DONE, has_body__in=(True,), received_at__lt=_ago(days))


def _ago(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)


def _each_batch(
    rows: QuerySet[WebhookEvent],
    work: Callable[[QuerySet[WebhookEvent]], int],
    limit: int,
    deadline: float,
) -> int:
    """Do it with the rows, the oldest first, within these bounds; return with how many."""
    ordered = rows.order_by("received_at", "pk").values_list("received_at", "pk")
    left, done = ordered, 0
    while limit > 0 and watch().goes_on() and (found := list(left[: min(BATCH, limit)])):
        # With the conditions in it: a copy may have made an event due again meanwhile.
        done += work(rows.filter(pk__in=[pk for _, pk in found]))
        limit -= len(found)
        watch().note(len(found))
        if time.monotonic() >= deadline:
            break
        at, pk = found[-1]
        left = ordered.filter(received_at__gte=at).exclude(received_at=at, pk__lte=pk)
    return done


def _empty(rows: QuerySet[WebhookEvent]) -> int:
    return update(rows, body=b"")


@retried
def _delete(rows: QuerySet[WebhookEvent]) -> int:
    # One statement. Django's own way reads the rows, bodies and all, and then deletes by key.
    return rows._raw_delete(rows.db)
