"""Ask Redpin about the sessions that are due, as if no webhook ever came."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Final

from django.db.models import Q, QuerySet

from ..conf import get_account
from ..models import PaymentSession
from ..telemetry import Spans, note, traced
from .leases import due
from .rounds import STATES, Round
from .schedule import ended_unpaid
from .transactions import require_no_transaction
from .watching import watch

# Of a run: well within a lease, and within a task's time limits.
MAX_SECONDS: Final = 120.0
MOST_SESSIONS: Final = 1000


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a run did. `asked` sessions were answered for, and `moved` of them had been behind.

    `calls` were made to Redpin's list. `failed` sessions are due again in 15 minutes, because the
    call about them, or their account as a whole, or the applying failed. `unanswered` are those of
    the failed for whose account nothing at all was learnt.
    """

    asked: int = 0
    moved: int = 0
    calls: int = 0
    failed: int = 0
    unanswered: int = 0


@traced(Spans.RECONCILE)
def reconcile_payment_sessions(
    *,
    account: str | None = None,
    limit: int = MOST_SESSIONS,
    seconds: float = MAX_SECONDS,
    is_over: bool = False,
) -> Reconciled:
    """Ask Redpin what became of the sessions that are due, by few calls, and apply what it says.

    Due are open sessions, at widening intervals (15 minutes to a day), and those that expired an
    hour and a day ago. Each is treated as by `refresh_payment_session`. May be called at any time,
    and by several at once; a sweep does so every two minutes. What fails is logged and holds up
    nothing else.

    Args:
        account: Whose sessions, by alias; `None` gives all accounts their turn.
        limit: How many sessions to ask about at most.
        seconds: After which nothing more is begun; what is not reached stays due.
        is_over: Ask only about sessions past their `expires_at`, without a payment that is known:
            those that Redpin lists without one expire.

    Returns:
        What the run did.

    Raises:
        ConfigurationError: There is no such alias.
        OpenTransactionError: Inside a transaction; nothing was sent.
    """
    deadline = time.monotonic() + seconds
    among = ended_unpaid() if is_over else Q()
    due_now = due_sessions(account, is_over=is_over)
    owners = list(due_now.values_list("account", "customer_id").distinct())
    if owners:
        require_no_transaction("reconcile_payment_sessions")
    # An account that takes its time must not always be the one before the others.
    secrets.SystemRandom().shuffle(owners)
    rounds: list[Round] = []
    for alias, customer_id in owners:
        left = limit - sum(len(done.answered) for done in rounds)
        if left <= 0 or time.monotonic() >= deadline or not watch().goes_on():
            break
        rounds.append(Round(alias, customer_id, among=among, limit=left, deadline=deadline))
        rounds[-1].run()
    note(Spans.RECONCILE, count=sum(len(done.answered) for done in rounds))
    return Reconciled(
        asked=sum(len(done.answered) for done in rounds),
        moved=sum(done.moved for done in rounds),
        calls=sum(done.calls for done in rounds),
        failed=sum(len(done.failed) for done in rounds),
        unanswered=sum(len(done.failed) for done in rounds if not done.answered),
    )


def due_sessions(account: str | None = None, *, is_over: bool = False) -> QuerySet[PaymentSession]:
    """Return the sessions that are due, of that account or of all. Raises as above."""
    rows = PaymentSession.objects.filter(ended_unpaid() if is_over else Q(), state__in=STATES)
    if account is not None:
        rows = rows.filter(account=get_account(account).alias)
    return due(rows).order_by()
