"""How an attempt at an intent can end: opened, refused, left for later, or overtaken by others.

Each of them writes under the lease that the attempt holds. Where that is over, somebody else knows
better, and what they made of the row is told instead.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError
from django.utils import timezone

from ..client import CreatedSession, Outcome, outcome_of
from ..exceptions import (
    APIError,
    NoAnswer,
    NotCreatedYet,
    OutcomeUnknown,
    RedpinError,
    SessionRejected,
)
from ..models import PaymentSession
from ..telemetry import LogEvent, tell
from .journal import hold_for_review, move_state
from .leases import retry_at
from .opening import UNFINISHED, in_place_of, open_session

logger: logging.Logger = logging.getLogger("django_redpin")
State = PaymentSession.State

# How long Redpin's list may take to show a session that was created. Nothing is documented.
LIST_LAG: Final = timedelta(seconds=10)

REFERENCE: Final = "client_reference_id"


def opened(session: PaymentSession, created: CreatedSession) -> PaymentSession:
    """Open the session that Redpin has created, and return what stands for it by now.

    Not only under our lease: that it exists is true whoever is at it.
    """
    lease = session.leased_until
    try:
        session = open_session(session, created)
    except IntegrityError:
        session.leased_until = lease  # Not the one that another has by now.
        session.unanswered_at = timezone.now()
        return leave(session, clash(session))
    return session if session.state == State.OPEN else elsewhere(session)


def reject(session: PaymentSession, error: RedpinError) -> PaymentSession:
    """Write that Redpin refuses the session, and raise `SessionRejected`."""
    is_rejected = move_state(
        session,
        State.REJECTED,
        _is_held(session),
        idempotency_key=None,  # Given back: a corrected request may use it.
        unanswered_at=None,
        leased_until=None,
        next_attempt_at=None,
        **described(error),
    )
    if is_rejected:
        raise SessionRejected(session, error if isinstance(error, APIError) else None)
    return elsewhere(session)


def leave(session: PaymentSession, error: RedpinError) -> PaymentSession:
    """Leave the intent for later, and raise `NotCreatedYet` or `OutcomeUnknown`."""
    unanswered_at = session.unanswered_at
    is_left = session.state in UNFINISHED and move_state(
        session,
        State.CREATING if unanswered_at is None else State.UNKNOWN,
        _is_held(session),
        unanswered_at=unanswered_at,
        leased_until=None,
        next_attempt_at=due_after(error, session.attempts, unanswered_at),
        **described(error),
    )
    if not is_left:
        return elsewhere(session)
    tell(
        logger,
        LogEvent.SESSION_LEFT,
        "Session %s: %s",
        session.client_reference_id,
        error,
        account=session.account,
        session=session.pk,
        reference=session.client_reference_id,
        state=session.state,
        failure=type(error).__name__,
        attempt=session.attempts,
    )
    if unanswered_at is None:
        raise NotCreatedYet(session, error)
    raise OutcomeUnknown(session, error)


def elsewhere(session: PaymentSession) -> PaymentSession:
    """Return what others have made of the intent by now, or raise that it has no page yet."""
    session.refresh_from_db()
    session = in_place_of(session)
    if session.state == State.REJECTED:
        raise SessionRejected(session)
    if session.state in UNFINISHED:
        raise OutcomeUnknown(session)
    return session


def clash(session: PaymentSession) -> NoAnswer:
    """Call for a person, since Redpin gave the id of another session; return the failure."""
    failure = NoAnswer("Redpin answered with the session id of another session.")
    hold_for_review(session, str(failure))
    return failure


def _is_held(session: PaymentSession) -> dict[str, object]:
    return {"leased_until": session.leased_until}


def due_after(error: RedpinError, attempts: int, unanswered_at: datetime | None) -> datetime:
    """Return when to try again: after a growing pause, and not before it can be of use."""
    due = retry_at(attempts)
    asked_to_wait = getattr(error, "retry_after", None)
    if asked_to_wait is not None:
        due = max(due, timezone.now() + timedelta(seconds=asked_to_wait))
    if unanswered_at is not None:
        due = max(due, unanswered_at + LIST_LAG)
    return due


def described(error: RedpinError) -> dict[str, str]:
    """Return the columns that keep what Redpin, or the network, said."""
    described = {"last_error": str(error)[:500], "last_error_code": "", "last_error_field": ""}
    if isinstance(error, APIError):
        described["last_error"] = error.description[:500] or described["last_error"]
        described["last_error_code"] = error.code or str(error.status_code)
        is_duplicate = outcome_of(error) is Outcome.DUPLICATE
        described["last_error_field"] = REFERENCE if is_duplicate else error.field
    return described
