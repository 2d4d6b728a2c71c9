"""Let go of what was posted: first the bodies, which tell of people, then the events themselves.

Only of events that are done. An event's key outlives its body, so that a late copy is still told
from a new event. An empty body means that it is purged: there is nothing left to process.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from ..conf import project_settings
from ..models import StatusTransition, WebhookEvent
from .transactions import retried, update

# Events whose keys are read at once: few enough for a batch to take some 10 ms in a large table.
BATCH: Final = 200
# Of a run, as of a sweep; the rest is left to the next one.
LIMIT: Final = 1_000_000
SECONDS: Final = 240.0

_Outcome: Final = WebhookEvent.Outcome
# Whoever has an event processed again sets `next_attempt_at`, which takes it out of this at once.
DONE: Final = Q(next_attempt_at=None) & (
    Q(processed_at__isnull=False)
    | Q(outcome__in=(_Outcome.DEAD, _Outcome.ORPHAN, _Outcome.CONTRADICTED))
)
# A transition keeps the event that it came from.
_REFERRED: Final = Exists(StatusTransition.objects.filter(event=OuterRef("pk")))


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a run let go of: the `bodies` of events that stay, and whole `events`."""

    bodies: int = 0
    events: int = 0


def prune(limit: int = LIMIT, seconds: float = SECONDS) -> Pruned:
    """Empty the bodies, and delete the events, that are kept for longer than the settings say.

    Looks at `limit` events at most, the oldest first, and begins no other batch after so many
    seconds. Each batch is two statements, which say themselves what is done; so runs may overlap,
    and be killed, and the next one goes on. Raises `ConfigurationError` for wrong settings.
    """
    deadline = time.monotonic() + seconds
    bodies = events = 0
    for keys in _batches(_old(), limit):
        batch = WebhookEvent.objects.filter(pk__in=keys)
        events += _delete(deletable(batch))
        bodies += update(emptiable(batch), body=b"")
        if time.monotonic() >= deadline:
            break
    return Pruned(bodies, events)


def prunable() -> Pruned:
    """Return what `prune` would let go of now, were it not bounded."""
    events = deletable(_old()).count()
    return Pruned(emptiable(_old()).count() - deletable(_old()).exclude(body=b"").count(), events)


def deletable(rows: QuerySet[WebhookEvent]) -> QuerySet[WebhookEvent]:
    """Return those of the events that are done, past their time, and referred to by nothing."""
    days = project_settings().webhook_event_retention_days
    return rows.filter(DONE, ~_REFERRED, received_at__lt=_ago(days))


def emptiable(rows: QuerySet[WebhookEvent]) -> QuerySet[WebhookEvent]:
    """Return those of the events that are done and have a body whose time is over."""
    return rows.filter(DONE, received_at__lt=_ago(_body_days())).exclude(body=b"")


def _old() -> QuerySet[WebhookEvent]:
    return WebhookEvent.objects.filter(received_at__lt=_ago(_body_days()))


def _body_days() -> int:
    """Return after how many days a body goes: with its event at the latest."""
    project = project_settings()
    return min(project.webhook_body_retention_days, project.webhook_event_retention_days)


def _ago(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)


def _batches(rows: QuerySet[WebhookEvent], limit: int) -> Iterator[list[int]]:
    """Yield the keys of the rows, the oldest first.

    All rows, done with or not: each batch then reads so many entries of the index and no more.
    """
    rows = rows.order_by("received_at", "pk")
    left = rows
    while limit > 0 and (found := list(left.values_list("received_at", "pk")[: min(BATCH, limit)])):
        yield [pk for _, pk in found]
        limit -= len(found)
        at, pk = found[-1]
        left = rows.filter(received_at__gte=at).exclude(received_at=at, pk__lte=pk)


@retried
def _delete(rows: QuerySet[WebhookEvent]) -> int:
    # One statement with its conditions in it. Django's own way reads the rows, bodies and all, and
    # then deletes by key what may not be done any more.
    return rows._raw_delete(rows.db)
