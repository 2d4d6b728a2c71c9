"""Ask Redpin what became of a session, and apply what it says."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from ..client import SessionRecord
from ..models import PaymentSession
from ..rules.statuses import is_known
from ..telemetry import LogEvent, Spans, note, tell, traced
from .complete import complete_payment_session
from .confirm import identity_mismatch
from .facts import Fact, apply_fact
from .journal import hold_for_review, move_state
from .lookup import look_up
from .opening import UNFINISHED
from .schedule import EXPIRY_GRACE, late_look
from .transactions import require_no_transaction

logger: logging.Logger = logging.getLogger("django_redpin")
State = PaymentSession.State

_UNLISTED_FOR: Final = timedelta(days=3)


@traced(Spans.REFRESH)
def refresh_payment_session(session: PaymentSession) -> PaymentSession:
    """Look the session up at Redpin and bring the row up to date; return it.

    A session past its `expires_at` becomes `expired` only once Redpin lists no payment for it: a
    local clock alone never decides that. One whose creation is unfinished is completed first.

    Args:
        session: Whose row is brought up to date.

    Returns:
        The session; where its creation had to be finished by a new one, that.

    Raises:
        NoAnswer: There was no answer to trust; the row is as it was.
        APIError: Redpin answered with an error; the row is as it was.
        OpenTransactionError: Inside a transaction; nothing was sent.
        SessionRejected: As by `complete_payment_session`, for one whose creation is unfinished.
        NotCreatedYet: As by `complete_payment_session`.
        OutcomeUnknown: As by `complete_payment_session`.
    """
    require_no_transaction("refresh_payment_session")
    session.refresh_from_db()
    note(
        Spans.REFRESH,
        account=session.account,
        session=session.pk,
        reference=session.client_reference_id,
    )
    if session.state in UNFINISHED:
        session = complete_payment_session(session)
    ask_and_apply(session)
    session.refresh_from_db()
    return session


def ask_and_apply(session: PaymentSession) -> SessionRecord | None:
    """Ask Redpin about an open or ended session and apply the answer, which is returned."""
    seen = session.payment_status_position
    record = look_up(session)
    if record is None:
        apply_absence(session)
    else:
        apply_record(session, record, seen)
    return record


def apply_absence(session: PaymentSession) -> None:
    """Call for a person where Redpin no longer lists a session whose page ended days ago.

    Nobody can then tell what became of its payment; before that, a list may only lag.
    """
    if session.state != State.OPEN or session.expires_at is None:
        return
    if timezone.now() > session.expires_at + _UNLISTED_FOR:
        hold_for_review(session, "Redpin lists this session no more.")


def apply_record(session: PaymentSession, record: SessionRecord, seen: str) -> bool:
    """Apply what Redpin lists of the session; return whether that moved it.

    `seen` is the position that its payment had here before Redpin was asked.
    """
    mismatch = identity_mismatch(session, record)
    if mismatch:
        hold_for_review(session, mismatch)
        return False
    if record.has_payment:
        return _apply_latest(session, record, seen)
    now = timezone.now()
    if not _is_over(session, record, now):
        return False
    # News of a payment that came in since Redpin was asked keeps the session open.
    return move_state(
        session,
        State.EXPIRED,
        {"payment_status_position": seen},
        session_url="",
        next_attempt_at=late_look(session, now),
    )


def _apply_latest(session: PaymentSession, record: SessionRecord, seen: str) -> bool:
    if not is_known(record.latest_status):
        tell(
            logger,
            LogEvent.SESSION_UNKNOWN_STATUS,
            "Redpin lists the undocumented status %r.",
            record.latest_status,
            account=session.account,
            session=session.pk,
            reference=session.client_reference_id,
        )
        return False
    if record.latest_status == session.payment_status:
        return False
    fact = Fact(
        status=record.latest_status,
        at=record.as_of,
        key="list",
        payment_id=record.payment_id,
        session_id=record.session_id,
        listed=record.latest_status,
        seen=seen,
    )
    return apply_fact(session, fact)


def _is_over(session: PaymentSession, record: SessionRecord, now: datetime) -> bool:
    """Tell whether the page of an open session has ended unpaid, by Redpin's clock and by ours.

    Redpin: "Once expired, the session URL becomes inaccessible". A payment that we know of, and
    that the list does not show (yet), stands against it.
    """
    expires_at = record.expires_at or session.expires_at
    if session.state != State.OPEN or session.payment_status or expires_at is None:
        return False
    return min(record.as_of, now) > expires_at + EXPIRY_GRACE
