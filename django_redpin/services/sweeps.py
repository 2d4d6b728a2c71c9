"""Finish what a crash, a lost message or a dead broker left behind.

Each sweep takes the rows that are due, the longest due first, until its time or its number of rows
is used up; the rest stays due. Sweeps may overlap: the leases decide who works on a row.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db.models import Q, QuerySet

from ..exceptions import RedpinError
from ..exceptions.interrupts import is_interrupt
from ..models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from ..telemetry import LogEvent, Metric, Spans, measure, note, operation, tell
from .complete import complete_in_background
from .dispatch import dispatch_transition
from .leases import claim, due
from .opening import UNFINISHED
from .process import process_event
from .reconcile import MOST_SESSIONS, reconcile_payment_sessions
from .registration import register
from .transactions import require_no_transaction
from .watching import watch

logger: logging.Logger = logging.getLogger("django_redpin")

# What a sweep does at most: rows, and the seconds after which it begins no other. It then ends
# before the next one begins, and a slow last row keeps it within a task's time limits.
LIMIT: Final = 10_000
SECONDS: Final = 50.0
# Rows whose keys are read at once.
BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: how many rows it `tried`, and how many of those need a person now.

    Those on which the work itself broke are among them, though each is due again.
    """

    tried: int = 0
    stuck: int = 0


@dataclass(frozen=True, slots=True)
class Sweep:
    """One kind of row, what is done with each, and when one of them needs a person.

    `owner` is the field that names the account of a row.
    """

    rows: QuerySet[Any]
    work: Callable[[int], object]
    stuck: Q
    owner: str = "account"

    def of(self, account: str | None) -> Sweep:
        """Return the same for the rows of one account; for None, of all of them."""
        if account is None:
            return self
        return replace(self, rows=self.rows.filter(**{self.owner: account}))

    def due(self) -> QuerySet[Any]:
        """Return the rows that are due."""
        return due(self.rows.all())

    def run(self, limit: int = LIMIT, seconds: float = SECONDS) -> Swept:
        """Work on what is due, each row once, within these bounds. A row that fails is logged."""
        return self.told_of(self.work_on_due(limit, seconds))

    def work_on_due(self, limit: int, seconds: float) -> dict[int, bool]:
        """Work on what is due; return by primary key whether the work came to its end."""
        with operation(Spans.SWEEP):
            tried = self._worked_on(limit, time.monotonic() + seconds)
            table = self.rows.model._meta.model_name or ""
            note(Spans.SWEEP, table=table, count=len(tried))
        if tried:
            measure(Metric.SWEPT, len(tried), {"redpin.table": table})
        return tried

    def _worked_on(self, limit: int, deadline: float) -> dict[int, bool]:
        tried: dict[int, bool] = {}
        last: tuple[Any, int] | None = None
        while len(tried) < limit and time.monotonic() < deadline and watch().goes_on():
            found = self._after(last)[: min(BATCH, limit - len(tried))]
            batch = list(found.values_list("next_attempt_at", "pk"))
            if not batch:
                break
            for at, pk in batch:
                if time.monotonic() >= deadline or not watch().goes_on():
                    break
                tried[pk] = self._try(pk)
                watch().note()
                last = (at, pk)
        return tried

    def told_of(self, tried: dict[int, bool]) -> Swept:
        """Return what became of these rows."""
        keys = sorted(tried)
        stuck = {pk for pk, has_ended in tried.items() if not has_ended}
        for start in range(0, len(keys), BATCH):
            rows = self.rows.filter(self.stuck, pk__in=keys[start : start + BATCH])
            stuck.update(rows.values_list("pk", flat=True))
        return Swept(len(keys), len(stuck))

    def _after(self, last: tuple[Any, int] | None) -> QuerySet[Any]:
        """Return what is due after that row, so that one that stays due is not met again."""
        rows = self.due().order_by("next_attempt_at", "pk")
        if last is None:
            return rows
        at, pk = last
        return rows.filter(next_attempt_at__gte=at).exclude(next_attempt_at=at, pk__lte=pk)

    def _try(self, pk: int) -> bool:
        """Work on the row, and tell whether that came to its end."""
        try:
            self.work(pk)
        except Exception as error:
            if is_interrupt(error):
                raise
            # One row that can't be worked on holds up no other; its lease makes it due again.
            tell(
                logger,
                LogEvent.ROW_NOT_SWEPT,
                "Row %s could not be swept.",
                pk,
                exc_info=True,
                table=self.rows.model._meta.model_name or "",
                row=pk,
                failure=type(error).__name__,
            )
            return False
        return True


def complete_session(pk: int) -> None:
    """Complete one session; an outcome that is still unknown is left for the next sweep."""
    require_no_transaction("complete_session")
    try:
        complete_in_background(pk)
    except RedpinError as error:
        tell(
            logger,
            LogEvent.SESSION_NOT_COMPLETE,
            "A session is not complete: %s",
            error,
            session=pk,
            failure=type(error).__name__,
        )


def register_due_recipient(pk: int) -> None:
    """Register one recipient; what can't be told yet is left for the next sweep."""
    require_no_transaction("register_recipient")
    if not claim(Recipient, pk):
        return
    try:
        register(Recipient.objects.get(pk=pk))
    except RedpinError as error:
        tell(
            logger,
            LogEvent.RECIPIENT_NOT_REGISTERED,
            "A recipient is not registered: %s",
            error,
            recipient=pk,
            failure=type(error).__name__,
        )


_GIVEN_UP: Final = Q(next_attempt_at=None)
EVENTS: Final = Sweep(WebhookEvent.objects.all(), process_event, _GIVEN_UP & Q(processed_at=None))
# A receiver fails: it is tried again by itself, but mended by a person.
TRANSITIONS: Final = Sweep(
    StatusTransition.objects.all(),
    dispatch_transition,
    Q(dispatched_at=None) & ~Q(last_error=""),
    owner="session__account",
)
SESSIONS: Final = Sweep(
    PaymentSession.objects.filter(state__in=UNFINISHED), complete_session, ~Q(review_reason="")
)
RECIPIENTS: Final = Sweep(
    Recipient.objects.all(), register_due_recipient, _GIVEN_UP & Q(recipient_id=None)
)


def process_due_events(limit: int = LIMIT, seconds: float = SECONDS) -> int:
    """Process the events that are due; return how many were tried."""
    return EVENTS.run(limit, seconds).tried


def dispatch_due_transitions(limit: int = LIMIT, seconds: float = SECONDS) -> int:
    """Send the signals of the transitions that are due; return how many were tried."""
    return TRANSITIONS.run(limit, seconds).tried


def complete_due_sessions(limit: int = LIMIT, seconds: float = SECONDS) -> int:
    """Complete the sessions whose creation was deferred or cut off; return how many were tried."""
    return SESSIONS.run(limit, seconds).tried


def register_due_recipients(limit: int = LIMIT, seconds: float = SECONDS) -> int:
    """Register the recipients that wait for it; return how many were tried."""
    return RECIPIENTS.run(limit, seconds).tried


def sweep(
    limit: int = LIMIT, seconds: float = SECONDS, *, account: str | None = None
) -> dict[str, Swept]:
    """Do all of the above, and ask about the sessions that are due; return what each did.

    One after the other, each within this `limit`, and all of them within so many `seconds`: each
    has an equal part of what those before it have left, so that none takes the time of another.
    `account` leaves the rows of the others alone.
    """
    deadline = time.monotonic() + seconds

    def part(kinds: int) -> float:
        return max(0.0, deadline - time.monotonic()) / kinds

    # What needs no answer from Redpin comes first: a slow Redpin must not hold it up.
    transitions = TRANSITIONS.of(account)
    told = transitions.work_on_due(limit, part(6))
    done = {
        "events": EVENTS.of(account).run(limit, part(5)),
        "sessions asked about": reconcile(limit, part(4), account=account),
        "sessions to complete": SESSIONS.of(account).run(limit, part(3)),
        "recipients": RECIPIENTS.of(account).run(limit, part(2)),
    }
    told |= transitions.work_on_due(limit, part(1))  # What the others brought about.
    return {"transitions": transitions.told_of(told), **done}


def reconcile(
    limit: int = LIMIT,
    seconds: float = SECONDS,
    *,
    account: str | None = None,
    is_over: bool = False,
) -> Swept:
    """Ask about the sessions that are due. Those of an account need a person where nothing could be
    learnt of it, however well the others are answered.

    With `is_over`, only about those whose page has ended and that nobody is known to have paid.
    """
    limit = min(limit, MOST_SESSIONS)
    run = reconcile_payment_sessions(account=account, limit=limit, seconds=seconds, is_over=is_over)
    return Swept(run.asked + run.failed, run.unanswered)
