"""What a diagnosis finds in the database: its tables, what waits in them, what is given up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import Error as DatabaseError
from django.db import connections, router
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Min, Q, QuerySet
from django.utils import timezone

from ...models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from ..reconcile import due_sessions
from ..sweeps import EVENTS, RECIPIENTS, SESSIONS, TRANSITIONS
from .findings import ERROR, OK, WARNING, Finding

# Sweeps begin every minute or two; after so long none is running, or they can't keep up.
_LATE: Final = timedelta(minutes=10)
_SWEEPS: Final = (
    "Run Celery's beat with django_redpin.tasks.beat_schedule(), or manage.py redpin_sweep by cron;"
    " where they do run, their log says what keeps them."
)
_Event: Final = WebhookEvent.Outcome
_REDRIVE: Final = "Find out why, and try again: manage.py redpin_redrive --outcome {}."

# What needs a person: whose rows, which of them, how it is said, and what to do.
_TROUBLE: Final[tuple[tuple[QuerySet[Any], str, Q, str, str], ...]] = (
    (
        WebhookEvent.objects.all(),
        "account",
        Q(outcome=_Event.DEAD),
        "events were given up",
        _REDRIVE.format(_Event.DEAD.value),
    ),
    (
        WebhookEvent.objects.all(),
        "account",
        Q(outcome=_Event.ORPHAN),
        "events are of sessions that never came",
        _REDRIVE.format(_Event.ORPHAN.value),
    ),
    (
        WebhookEvent.objects.all(),
        "account",
        Q(outcome=_Event.CONTRADICTED),
        "events say what Redpin's API does not",
        "Somebody may have forged them, or Redpin's list may lag: look at them in the admin.",
    ),
    (
        StatusTransition.objects.all(),
        "session__account",
        Q(outcome=StatusTransition.Outcome.DEAD),
        "transitions were told to no receiver",
        "Mend the receiver, and tell it again: manage.py redpin_redrive --transition ID.",
    ),
    (
        PaymentSession.objects.all(),
        "account",
        ~Q(review_reason=""),
        "sessions wait for a review",
        "Read review_reason in the admin, and release them from review.",
    ),
    (
        Recipient.objects.all(),
        "account",
        Q(recipient_id=None) & ~Q(last_error=""),
        "recipients are not registered at Redpin",
        "Read last_error in the admin; a mismatch of names needs a decision.",
    ),
)


def database_findings(account: str | None) -> Iterator[Finding]:
    """Yield whether the tables are there, and how the rows of the account are, or all."""
    alias = router.db_for_write(WebhookEvent)
    try:
        executor = MigrationExecutor(connections[alias])
        targets = executor.loader.graph.leaf_nodes("redpin")
        missing = [str(migration) for migration, _ in executor.migration_plan(targets)]
        if missing:
            text = f"Migrations are not applied: {', '.join(missing)}."
            yield Finding("database", ERROR, text, "Run manage.py migrate.")
            return
        yield Finding("database", OK, "Its migrations are applied.")
        yield from _waiting(account)
        yield from _trouble(account)
    except DatabaseError as error:  # Its own text may quote a row.
        text = f"The database {alias!r} can't be used ({type(error).__name__})."
        cure = f"Is it up? Does DATABASES[{alias!r}] lead to it?"
        yield Finding("database", ERROR, text, cure)


def _waiting(account: str | None) -> Iterator[Finding]:
    now = timezone.now()
    # An account that the settings don't know has no sessions to be asked about.
    kinds: dict[str, QuerySet[Any]] = {
        "events to process": EVENTS.of(account).due(),
        "signals to send": TRANSITIONS.of(account).due(),
        "sessions to create": SESSIONS.of(account).due(),
        "recipients to register": RECIPIENTS.of(account).due(),
        "sessions to ask about": due_sessions(account),
    }
    late, count = [], 0
    for name, rows in kinds.items():
        number = rows.count()
        oldest: datetime | None = rows.order_by().aggregate(at=Min("next_attempt_at"))["at"]
        count += number
        if oldest is not None and now - oldest > _LATE:
            late.append(f"{number} {name}, the first for {_minutes(now - oldest)}")
    if late:
        yield Finding("sweeps", ERROR, f"Nobody does what is due: {'; '.join(late)}.", _SWEEPS)
    else:
        limit = _minutes(_LATE)
        yield Finding("sweeps", OK, f"{count} rows are due, none for more than {limit}.")


def _minutes(age: timedelta) -> str:
    return f"{age // timedelta(minutes=1)} minutes"


def _trouble(account: str | None) -> Iterator[Finding]:
    is_fine = True
    for rows, owner, which, text, cure in _TROUBLE:
        found = rows.filter(which)
        if account is not None:
            found = found.filter(**{owner: account})
        if number := found.count():
            is_fine = False
            yield Finding("rows", WARNING, f"{number} {text}.", cure)
    if is_fine:
        yield Finding("rows", OK, "Nothing was given up, and nothing waits for a person.")
