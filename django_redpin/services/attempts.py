"""One claimed intent, pursued to its end: sent, looked up, sent again, adopted, refused, or left.

`PaymentSession.unanswered_at` is the time of the last request that may have been carried out though
nobody knows. It is written before the first byte leaves. While it is empty, the session surely does
not exist at Redpin. While it is set, Redpin is asked for the reference before anything is sent, and
that it has no such session counts only once its list has had the time to show one.

Who holds the row's lease may write, and nobody else (`endings.py`): an attempt that outlasts its
lease learns what others made of the row, and changes nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError
from django.utils import timezone

from ..client import (
    CreatedSession,
    Outcome,
    RetryBudget,
    SessionRecord,
    budget_for,
    full_jitter,
    outcome_of,
)
from ..conf import get_account
from ..exceptions import (
    APIError,
    AuthenticationError,
    CircuitOpen,
    ConfigurationError,
    NoAnswer,
    PaymentUnderWay,
    RedpinError,
)
from ..models import PaymentSession
from .endings import LIST_LAG, REFERENCE, clash, elsewhere, leave, opened, reject
from .journal import hold_for_review
from .leases import LEASE
from .lookup import client_of, look_up
from .opening import UNFINISHED
from .replace import replace_session
from .requests import Parts, stored_request
from .transactions import update

# How many sessions in a row may be left at Redpin for one payment, each without an answer that
# tells its page, before a person has to look.
MAX_LOST_ANSWERS: Final = 3

# How exact the ages are that Redpin's clock gives: it writes whole seconds.
_AGE_MARGIN: Final = timedelta(seconds=10)

_NO_LOOK_UP: Final = (APIError, ConfigurationError, NoAnswer)


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is sent at most, and for how many seconds a further step is begun."""

    tries: int
    seconds: float


# Somebody waits for a page; a worker has until its lease ends.
INTERACTIVE: Final = Patience(tries=2, seconds=10.0)
BACKGROUND: Final = Patience(tries=3, seconds=60.0)


def pursue(
    session: PaymentSession,
    patience: Patience,
    *,
    is_new: bool = False,
    parts: Parts | None = None,
) -> PaymentSession:
    """Bring a claimed intent as far as `patience` reaches, and return it once it is open.

    `is_new`: its row was stored as one whose first request is about to leave. `parts` are
    those that were stored with it, where they are at hand. Raises
    `SessionRejected`, `NotCreatedYet` and `OutcomeUnknown` as `create_payment_session` does.
    """
    if session.state not in UNFINISHED:  # Closed by a webhook just after it was claimed.
        return elsewhere(session)
    try:
        budget = budget_for(get_account(session.account).base_url)
    except ConfigurationError as error:  # The account has left the settings.
        if is_new:
            session.unanswered_at = None
        return leave(session, error)
    return _pursue(session, _Steps(patience, budget), is_new=is_new, parts=parts)


def _pursue(
    session: PaymentSession,
    steps: _Steps,
    *,
    is_new: bool,
    parts: Parts | None = None,
) -> PaymentSession:
    failure: RedpinError = NoAnswer("An earlier attempt was cut off.")
    while True:
        if session.unanswered_at is not None and not is_new:
            settled = _settle(session, failure, steps)
            if settled is not None:
                return settled
        earlier = None if is_new else session.unanswered_at
        if not is_new and not _note(session):
            return elsewhere(session)
        is_new = False
        try:
            request = stored_request(session, get_account(session.account), parts)
            created = client_of(session).create_session(request)
        except RedpinError as error:
            failure, outcome = error, outcome_of(error)
        else:
            return opened(session, created)
        parts = None  # A payee may be another by the next time.
        if _is_final(session, outcome, earlier):
            return reject(session, failure)
        session.unanswered_at = earlier if outcome is Outcome.NOT_EXECUTED else timezone.now()
        if not steps.go_on_after(failure, outcome):
            return leave(session, failure)


class _Steps:
    """What is left of the caller's patience, and of the budget that all calls to Redpin share."""

    def __init__(self, patience: Patience, budget: RetryBudget) -> None:
        budget.deposit()
        self._budget = budget
        self._patience = patience
        self._tries = 0
        self._give_up_at = time.monotonic() + patience.seconds

    def go_on_after(self, failure: RedpinError, outcome: Outcome) -> bool:
        """Wait, and return True, where a further step may help; False where it is left for later.

        After a request that may have been carried out the step is a look-up, which needs no pause.
        """
        self._tries += 1
        is_retry = outcome is Outcome.NOT_EXECUTED
        pause = full_jitter(self._tries) if is_retry else 0.0
        is_in_vain = isinstance(failure, (AuthenticationError, CircuitOpen, ConfigurationError))
        # A Redpin that asks to wait is not waited for here: the row can wait, and holds up nobody.
        if is_in_vain or getattr(failure, "retry_after", None):
            return False
        if time.monotonic() + pause > self._give_up_at or (is_retry and not self.may_send()):
            return False
        time.sleep(pause)
        return True

    def may_send(self) -> bool:
        """Tell whether another request may be sent; from the second on, the budget pays for it."""
        if self._tries >= self._patience.tries or time.monotonic() > self._give_up_at:
            return False
        return self._tries == 0 or self._budget.withdraw()


def _settle(session: PaymentSession, failure: RedpinError, steps: _Steps) -> PaymentSession | None:
    """Return the session that an unanswered request made, or None where it surely made none."""
    if session.review_reason:
        return leave(session, NoAnswer(f"A person has to look at it: {session.review_reason}"))
    # Redpin's list is as old as the question, whatever time its answer takes.
    asked_at = timezone.now()
    try:
        record = look_up(session)
    except _NO_LOOK_UP as error:
        return leave(session, error)
    if record is not None:
        return _adopt(session, record, steps)
    if session.unanswered_at and asked_at < session.unanswered_at + LIST_LAG:
        return leave(session, failure)
    return None


def _is_final(session: PaymentSession, outcome: Outcome, earlier: datetime | None) -> bool:
    """Tell whether Redpin refuses the request for good.

    A reference that is taken is a stranger's where none of our requests can have taken it, and
    where the attempt before this one met the same though Redpin's list shows no such session.
    """
    if outcome is Outcome.DUPLICATE:
        return earlier is None or session.last_error_field == REFERENCE
    return outcome is Outcome.REFUSED


def _is_ours(session: PaymentSession, record: SessionRecord) -> bool:
    """Tell whether Redpin's session can have been made by a request for this intent.

    Its age is Redpin's clock against Redpin's clock; ours may differ.
    """
    age = record.as_of - record.created_at if record.created_at else timedelta(0)
    return (
        record.client_customer_ref in ("", session.client_customer_ref)
        and age <= timezone.now() - session.created_at + _AGE_MARGIN
    )


def _note(session: PaymentSession) -> bool:
    """Write that a request is about to leave, and renew the lease.

    Returns False where the lease has ended: somebody else may be at it.
    """
    now = timezone.now()
    rows = PaymentSession.objects.filter(
        pk=session.pk,
        state__in=UNFINISHED,
        leased_until=session.leased_until,
        leased_until__gt=now,
    )
    if not update(rows, unanswered_at=now, leased_until=now + LEASE):
        return False
    session.unanswered_at, session.leased_until = now, now + LEASE
    return True


def _adopt(session: PaymentSession, record: SessionRecord, steps: _Steps) -> PaymentSession:
    """Take over the session that an earlier request left at Redpin."""
    if not _is_ours(session, record):
        hold_for_review(session, "Redpin has another session with this reference.")
        return leave(session, NoAnswer("Redpin's session is not the one that we sent."))
    # A payment that we know of stands against a list that does not show it yet.
    if record.session_url or record.has_payment or session.payment_status:
        known = CreatedSession(record.session_id, record.session_url, record.expires_at)
        return opened(session, known)
    unseen = NoAnswer("The answer to an earlier call, and so its page's address, was lost.")
    if session.lost_answers >= MAX_LOST_ANSWERS:
        hold_for_review(session, "Redpin's answers to create were lost again and again.")
        return leave(session, unseen)
    try:
        # Nobody can ever have seen its page, so that a second one can't be paid besides it.
        replacement = replace_session(session, lost=record)
    except PaymentUnderWay as error:  # A webhook or another attempt was faster than this look-up.
        session.refresh_from_db(fields=["state", "payment_status", "unanswered_at"])
        return leave(session, error)
    except IntegrityError:
        return leave(session, clash(session))
    if steps.may_send():
        return _pursue(replacement, steps, is_new=True)
    replacement.unanswered_at = None
    return leave(replacement, unseen)
