"""Ask Redpin what became of a session, and apply what it says."""

from __future__ import annotations

import logging

from django.utils import timezone

from ..client import SessionRecord
from ..models import PaymentSession
from ..rules.statuses import is_known
from .complete import complete_payment_session
from .confirm import identity_mismatch
from .facts import Fact, apply_fact
from .journal import hold_for_review, move_state
from .lookup import look_up
from .opening import EXPIRY_GRACE, UNFINISHED
from .transactions import require_no_transaction

logger = logging.getLogger("django_redpin")
State = PaymentSession.State


def refresh_payment_session(session: PaymentSession) -> PaymentSession:
    """Look the session up at Redpin and bring the row up to date; return it.

    A session past its `expires_at` becomes `expired` only once Redpin lists no payment for it: a
    local clock alone never decides that. One whose creation is unfinished is completed first.

    Raises `NoAnswer` or `APIError` as the call does, and what `complete_payment_session` raises.
    """
    require_no_transaction("refresh_payment_session")
    session.refresh_from_db()
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
        return None
    mismatch = identity_mismatch(session, record)
    if mismatch:
        hold_for_review(session, mismatch)
    elif record.has_payment:
        _apply_latest(session, record, seen)
    elif session.state == State.OPEN and _is_over(session, record):
        move_state(session, State.EXPIRED, session_url="", next_attempt_at=None)
    return record


def _apply_latest(session: PaymentSession, record: SessionRecord, seen: str) -> None:
    if not is_known(record.latest_status):
        logger.warning("Redpin lists the undocumented status %r.", record.latest_status)
    elif record.latest_status != session.payment_status:
        apply_fact(
            session,
            Fact(
                status=record.latest_status,
                at=record.as_of,
                key="list",
                payment_id=record.payment_id,
                session_id=record.session_id,
                listed=record.latest_status,
                seen=seen,
            ),
        )


def _is_over(session: PaymentSession, record: SessionRecord) -> bool:
    expires_at = record.expires_at or session.expires_at
    return (
        expires_at is not None
        and record.as_of > expires_at + EXPIRY_GRACE
        and timezone.now() > expires_at
    )
