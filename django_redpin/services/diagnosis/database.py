"""What a diagnosis finds in the database: its tables, what waits in them, what is given up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from django.db import Error as DatabaseError
from django.db import connections, router
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Q, QuerySet
from django.utils import timezone

from ...models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from ..backlog import CAP, WORK, due_now, due_since
from .findings import ERROR, OK, WARNING, Finding

# Sweeps begin every minute or two; after so long none is running, or they can't keep up.
_LATE: Final = timedelta(minutes=10)
_SWEEPS: Final = (
    "Run Celery's beat with django_redpin.tasks.beat_schedule(), or manage.py redpin_sweep by cron;"
    " where they do run, their log says what keeps them."
)
_Event: Final = WebhookEvent.Outcome
_REDRIVE: Final = "Find out why, and try again: manage.py redpin_redrive --outcome {}."

# How each kind of work is said.
_WORK: Final = {
    "events": "events to process",
    "transitions": "signals to send",
    "sessions": "sessions to create",
    "recipients": "recipients to register",
    "reconciliation": "sessions to ask about",
}
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
        Q(needs_review__in=(True,)),  # By an index; for a column alone some databases find none.
        "sessions wait for a review",
        "Read review_reason in the admin, and release them from review.",
    ),
    (
        Recipient.objects.all(),
        "account",
        Q(recipient_id=None, next_attempt_at=None) & ~Q(last_error=""),
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
    late, numbers = [], []
    for work in WORK:
        numbers.append(due_now(work, account))
        oldest = due_since(work, account)
        if oldest is not None and now - oldest > _LATE:
            number = _said(numbers[-1])
            late.append(f"{number} {_WORK[work]}, the first for {_minutes(now - oldest)}")
    if late:
        yield Finding("sweeps", ERROR, f"Nobody does what is due: {'; '.join(late)}.", _SWEEPS)
    else:
        limit = _minutes(_LATE)
        count = f"{sum(numbers)} or more" if CAP in numbers else sum(numbers)
        yield Finding("sweeps", OK, f"{count} rows are due, none for more than {limit}.")


def _said(number: int) -> str:
    """Return a number that was counted up to `CAP`: a large table is never counted as a whole."""
    return f"{number} or more" if number >= CAP else str(number)


def _minutes(age: timedelta) -> str:
    return f"{age // timedelta(minutes=1)} minutes"


def _trouble(account: str | None) -> Iterator[Finding]:
    is_fine = True
    for rows, owner, which, text, cure in _TROUBLE:
        found = rows.filter(which)
        if account is not None:
            found = found.filter(**{owner: account})
        if number := found.order_by()[:CAP].count():
            is_fine = False
            yield Finding("rows", WARNING, f"{_said(number)} {text}.", cure)
    if is_fine:
        yield Finding("rows", OK, "Nothing was given up, and nothing waits for a person.")
