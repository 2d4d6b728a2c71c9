"""Try again what was given up: events that were not applied, transitions that were not told."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone

from ..models import StatusTransition, WebhookEvent
from .queue import DISPATCH_TRANSITION, PROCESS_EVENT, enqueue_on_commit
from .transactions import update
from .watching import watch

LIMIT: Final = 1000

# What was applied, or was nothing new, has nothing to be tried again for. A status or a type that
# was unknown may be known since an upgrade.
EVENT_OUTCOMES: Final = (
    WebhookEvent.Outcome.DEAD,
    WebhookEvent.Outcome.ORPHAN,
    WebhookEvent.Outcome.CONTRADICTED,
    WebhookEvent.Outcome.UNKNOWN_STATUS,
    WebhookEvent.Outcome.IGNORED,
)


@dataclass(frozen=True, slots=True)
class Redriven:
    """How many rows are due again, and how many were left: done, not given up, or purged."""

    due: int
    left: int


def redrive_events(
    events: QuerySet[WebhookEvent],
    *,
    dry_run: bool = False,
    per_second: float = 10.0,
    limit: int = LIMIT,
) -> Redriven:
    """Make the given-up ones of these events due again, and have them processed.

    An event that was applied is left alone, so that nothing is told twice; one whose body was
    purged can't be read again. Also a command, `redpin_redrive`, and an action in the admin.

    Args:
        events: Of these, the given-up ones.
        dry_run: Change nothing, and only count.
        per_second: How many calls to Redpin come of it at most, each second.
        limit: How many events at most, the oldest first.

    Returns:
        How many are due again, and how many were left.
    """
    total = events.count()  # Before: what is due again may no longer be among them.
    given_up = events.filter(outcome__in=EVENT_OUTCOMES).exclude(body=b"")
    fresh = {"outcome": WebhookEvent.Outcome.PENDING, "processed_at": None}
    due = _redrive(
        given_up, PROCESS_EVENT, fresh, dry_run=dry_run, per_second=per_second, limit=limit
    )
    return Redriven(due, total - due)


def redrive_transitions(
    transitions: QuerySet[StatusTransition],
    *,
    dry_run: bool = False,
    per_second: float = 10.0,
    limit: int = LIMIT,
) -> Redriven:
    """Have receivers told of the given-up ones of these transitions, as `redrive_events` does.

    One that is held back is left: `release_from_review` lets it go.

    Args:
        transitions: Of these, the given-up ones.
        dry_run: Change nothing, and only count.
        per_second: How many are told at most, each second.
        limit: How many transitions at most, the oldest first.

    Returns:
        How many are due again, and how many were left.
    """
    total = transitions.count()
    given_up = transitions.filter(outcome=StatusTransition.Outcome.DEAD)
    fresh = {"outcome": StatusTransition.Outcome.PENDING}
    due = _redrive(
        given_up, DISPATCH_TRANSITION, fresh, dry_run=dry_run, per_second=per_second, limit=limit
    )
    return Redriven(due, total - due)


def _redrive(
    given_up: QuerySet[Any],
    task_name: str,
    fresh: dict[str, Any],
    *,
    dry_run: bool,
    per_second: float,
    limit: int,
) -> int:
    waiting = given_up.filter(next_attempt_at=None).order_by("pk")
    rows = list(waiting.values_list("pk", "outcome")[:limit])
    if dry_run:
        return len(rows)
    due = 0
    for pk, outcome in rows:
        # Compare-and-set: another redrive, or a copy that Redpin sent, may have come first.
        row = given_up.model._default_manager.filter(pk=pk, outcome=outcome, next_attempt_at=None)
        again = {"attempts": 0, "leased_until": None, "next_attempt_at": timezone.now()}
        if not update(row, **again, **fresh):
            continue
        enqueue_on_commit(task_name, pk)
        due += 1
        watch().note()
        if not watch().goes_on():
            break
        if due < len(rows):
            time.sleep(1 / per_second)
    return due
