"""One claimed intent, pursued to its end: sent, looked up, sent again, adopted, refused, or left.

`PaymentSession.unanswered_at` is the time of the last request that may have been carried out though
nobody knows. It is written before the first byte leaves. While it is empty, the session surely does
not exist at Redpin. While it is set, Redpin is asked for the reference before anything is sent, and
that it has no such session counts only once its list has had the time to show one.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

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
    NotCreatedYet,
    OutcomeUnknown,
    PaymentUnderWay,
    RedpinError,
    SessionRejected,
)
from ..models import PaymentSession
from .journal import hold_for_review, move_state
from .leases import retry_at
from .lookup import client_of, look_up
from .opening import UNFINISHED, open_session
from .replace import replace_session
from .requests import stored_request
from .transactions import update

logger = logging.getLogger("django_redpin")
State = PaymentSession.State

# How long Redpin's list may take to show a session that was created. Nothing is documented.
LIST_LAG: Final = timedelta(seconds=10)

# How far Redpin's clock may be from ours before its session is taken for one older than our intent.
CLOCK_SKEW: Final = timedelta(minutes=10)

# How many sessions in a row may be left at Redpin for one payment, each without an answer that
# tells its page, before a person has to look.
MAX_LOST_ANSWERS: Final = 3

_REFERENCE: Final = "client_reference_id"


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is sent at most, and for how many seconds a further step is begun."""

    tries: int
    seconds: float


# Somebody waits for a page; a worker has until its lease ends.
INTERACTIVE: Final = Patience(tries=2, seconds=10.0)
BACKGROUND: Final = Patience(tries=3, seconds=60.0)


def pursue(session: PaymentSession, patience: Patience, *, is_new: bool = False) -> PaymentSession:
    """Bring a claimed intent as far as `patience` reaches, and return it once it is open.

    `is_new`: its row was stored as one whose first request is about to leave. Raises
    `SessionRejected`, `NotCreatedYet` and `OutcomeUnknown` as `create_payment_session` does.
    """
    account = get_account(session.account)
    steps = _Steps(patience, budget_for(account.base_url))
    failure: RedpinError = NoAnswer("An earlier attempt was cut off.")
    while True:
        if session.unanswered_at is not None and not is_new:
            settled = _settle(session, failure, patience)
            if settled is not None:
                return settled
        earlier = None if is_new else session.unanswered_at
        if not is_new and not _note(session):
            return session  # A webhook was faster, and has told what became of it.
        is_new = False
        try:
            created = client_of(session).create_session(stored_request(session, account))
        except RedpinError as error:
            failure, outcome = error, outcome_of(error)
        else:
            return _open(session, created)
        if _is_final(session, outcome, earlier):
            return _reject(session, failure)
        session.unanswered_at = earlier if outcome is Outcome.NOT_EXECUTED else timezone.now()
        if not steps.go_on_after(failure, outcome):
            return _leave(session, failure)


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
        if self._tries == self._patience.tries or time.monotonic() + pause > self._give_up_at:
            return False
        if is_retry and not self._budget.withdraw():
            return False
        time.sleep(pause)
        return True


def _settle(
    session: PaymentSession, failure: RedpinError, patience: Patience
) -> PaymentSession | None:
    """Return the session that an unanswered request made, or None where it surely made none."""
    if session.review_reason:
        return _leave(session, NoAnswer(f"A person has to look at it: {session.review_reason}"))
    try:
        record = look_up(session)
    except (NoAnswer, APIError) as error:
        return _leave(session, error)
    if record is not None:
        return _adopt(session, record, patience)
    if session.unanswered_at and timezone.now() < session.unanswered_at + LIST_LAG:
        return _leave(session, failure)
    return None


def _is_final(session: PaymentSession, outcome: Outcome, earlier: datetime | None) -> bool:
    """Tell whether Redpin refuses the request for good.

    A reference that is taken is a stranger's where none of our requests can have taken it, and
    where the attempt before this one met the same though Redpin's list shows no such session.
    """
    if outcome is Outcome.DUPLICATE:
        return earlier is None or session.last_error_field == _REFERENCE
    return outcome is Outcome.REFUSED


def _open(session: PaymentSession, created: CreatedSession) -> PaymentSession:
    try:
        return open_session(session, created)
    except IntegrityError:
        session.unanswered_at = timezone.now()
        return _leave(session, _clash(session))


def _clash(session: PaymentSession) -> NoAnswer:
    clash = NoAnswer("Redpin answered with the session id of another session.")
    hold_for_review(session, str(clash))
    return clash


def _note(session: PaymentSession) -> bool:
    """Write that a request is about to leave. Returns False where the row is finished by now."""
    session.unanswered_at = timezone.now()
    rows = PaymentSession.objects.filter(pk=session.pk, state__in=UNFINISHED)
    if update(rows, unanswered_at=session.unanswered_at):
        return True
    session.refresh_from_db()
    return False


def _adopt(session: PaymentSession, record: SessionRecord, patience: Patience) -> PaymentSession:
    """Take over the session that an earlier attempt left at Redpin."""
    is_older = record.created_at and record.created_at < session.created_at - CLOCK_SKEW
    if is_older or record.client_customer_ref not in ("", session.client_customer_ref):
        hold_for_review(session, "Redpin has another session with this reference.")
        return _leave(session, NoAnswer("Redpin's session is not the one that we sent."))
    expires_at = record.expires_at or timezone.now()
    if record.session_url or record.has_payment:
        return _open(session, CreatedSession(record.session_id, record.session_url, expires_at))
    unseen = NoAnswer("Redpin created it, but its answer, and so the page's address, was lost.")
    if session.lost_answers >= MAX_LOST_ANSWERS:
        hold_for_review(session, "Redpin's answers to create were lost again and again.")
        return _leave(session, unseen)
    try:
        row = PaymentSession.objects.filter(pk=session.pk)
        update(row, session_id=record.session_id, expires_at=expires_at)
        session.refresh_from_db()
        # Nobody can ever have seen its page, so that a second one can't be paid besides it.
        replacement = replace_session(session, lost_answers=session.lost_answers + 1)
    except PaymentUnderWay as error:  # A webhook was faster than this look-up.
        return _leave(session, error)
    except IntegrityError:
        return _leave(session, _clash(session))
    return pursue(replacement, patience, is_new=True)


def _reject(session: PaymentSession, error: RedpinError) -> PaymentSession:
    is_rejected = move_state(
        session,
        State.REJECTED,
        idempotency_key=None,  # Given back: a corrected request may use it.
        unanswered_at=None,
        leased_until=None,
        next_attempt_at=None,
        **_described(error),
    )
    if is_rejected:
        raise SessionRejected(session, cast("APIError", error))  # Nothing else is a refusal.
    return _leave(session, error)


def _leave(session: PaymentSession, error: RedpinError) -> PaymentSession:
    """Leave the intent for later, and say so by an exception; or return it if it is finished."""
    unanswered_at = session.unanswered_at
    due = retry_at(session.attempts)
    asked_to_wait = getattr(error, "retry_after", None)
    if asked_to_wait is not None:
        due = max(due, timezone.now() + timedelta(seconds=asked_to_wait))
    if unanswered_at is not None:
        due = max(due, unanswered_at + LIST_LAG)
    if session.state in UNFINISHED:
        move_state(
            session,
            State.CREATING if unanswered_at is None else State.UNKNOWN,
            unanswered_at=unanswered_at,
            leased_until=None,
            next_attempt_at=due,
            **_described(error),
        )
    if session.state not in UNFINISHED:  # A webhook or another attempt was faster.
        return session
    logger.warning("Session %s: %s", session.client_reference_id, error)
    if unanswered_at is None:
        raise NotCreatedYet(session, error)
    raise OutcomeUnknown(session, error)


def _described(error: RedpinError) -> dict[str, str]:
    """Return the columns that keep what Redpin, or the network, said."""
    described = {"last_error": str(error)[:500], "last_error_code": "", "last_error_field": ""}
    if isinstance(error, APIError):
        described["last_error"] = error.description[:500] or described["last_error"]
        described["last_error_code"] = error.code or str(error.status_code)
        is_duplicate = outcome_of(error) is Outcome.DUPLICATE
        described["last_error_field"] = _REFERENCE if is_duplicate else error.field
    return described
