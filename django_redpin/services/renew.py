"""Start again: a new session in place of one that can no longer be paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

from django.db import IntegrityError

from ..client import SessionRecord
from ..conf import get_account
from ..exceptions import InvalidPaymentSession, PaymentUnderWay, SessionRejected
from ..models import PaymentSession
from ..rules.faults import Fault
from ..rules.references import new_reference
from ..rules.requests import request_faults
from ..rules.statuses import CANCELLED, REFUNDED
from ..telemetry import Spans, note, traced
from .attempts import INTERACTIVE, pursue
from .complete import complete_payment_session
from .opening import UNFINISHED
from .refresh import ask_and_apply
from .replace import replace_session
from .requests import stored_request
from .transactions import require_no_transaction

State = PaymentSession.State

_ANONYMISED: Final = Fault(
    "client_customer_ref",
    "anonymised",
    "The payer was taken out of this session: create another one.",
)
_ENDED_UNPAID: Final = frozenset({CANCELLED, REFUNDED})


@traced(Spans.RENEW)
def renew_payment_session(
    session: PaymentSession, *, due_date: date | None = None
) -> PaymentSession:
    """Put a new session in the place of one that expired, or whose payment was called off.

    Called off is cancelled or refunded. The new session has a new reference and the same content.
    It takes over the idempotency key, which still stands for the call that it was first given to,
    its due date included. Redpin is asked first whether a payment is under way. Calling again
    returns the same renewal.

    Args:
        session: The one to be replaced.
        due_date: The new day by which the money has to be credited, where the old one is too near.
            Redpin: at least 5 calendar days from today (UTC).

    Returns:
        The session in its place.

    Raises:
        PaymentUnderWay: The old session was paid, is being paid, or can still be paid. Redpin has
            no call that closes a page, so a second session could be paid twice.
        SessionRejected: Redpin refused it: create another.
        InvalidPaymentSession: The due date is too near, or the payer was taken out.
        NoAnswer: Redpin could not be asked, and nothing was done.
        APIError: Redpin answered the question with an error, and nothing was done.
        OpenTransactionError: Inside a transaction; nothing was sent.
        NotCreatedYet: As by `create_payment_session`.
        OutcomeUnknown: As by `create_payment_session`.
    """
    require_no_transaction("renew_payment_session")
    note(
        Spans.RENEW,
        account=session.account,
        session=session.pk,
        reference=session.client_reference_id,
    )
    renewal = _renewal(session)
    if renewal is not None:
        return renewal
    current = complete_payment_session(session)
    if current.pk != session.pk:  # Replaced in the meantime; its page is a new one.
        return current
    session = current
    record = ask_and_apply(session)
    session.refresh_from_db()
    _require_whole(session)
    reason = _why_not(session, record)
    if reason and session.state == State.SUPERSEDED:  # By another caller, in the meantime.
        renewal = _renewal(session)
        if renewal is not None:
            return renewal
    if reason:
        raise PaymentUnderWay(session, reason)
    account = get_account(session.account)
    request = replace(
        stored_request(session, account),
        client_reference_id=new_reference(),  # The old one may be longer than it may be by now.
        due_date=due_date or session.due_date,
    )
    faults = request_faults(request, account.policy())
    if faults:
        raise InvalidPaymentSession(faults)
    try:
        replacement = replace_session(session, due_date=due_date)
    except (IntegrityError, PaymentUnderWay):  # Perhaps another caller's renewal was faster.
        renewal = _renewal(session)
        if renewal is None:
            raise
        return renewal
    return pursue(replacement, INTERACTIVE, is_new=True)


def _require_whole(session: PaymentSession) -> None:
    """Raise where the session holds nothing that Redpin would take once more."""
    if session.state == State.REJECTED:
        raise SessionRejected(session)
    if session.anonymised_at:
        raise InvalidPaymentSession((_ANONYMISED,), session)


def _why_not(session: PaymentSession, record: SessionRecord | None) -> str:
    """Return why a second session could be paid besides this one, or "" where it could not."""
    if session.review_reason:
        return "a person has to look at it first."
    if record is None:
        return "Redpin does not list it at this moment."
    if record.has_payment:
        is_ended = session.payment_status in _ENDED_UNPAID
        if is_ended and record.latest_status == session.payment_status:
            return ""
        return f"its payment is {session.payment_status or record.latest_status}."
    if session.state == State.EXPIRED and not session.payment_status:
        return ""
    return "its page can still be paid until it expires."


def _renewal(session: PaymentSession) -> PaymentSession | None:
    """Return what stands in the session's place by now, finished where that was cut off."""
    renewal = PaymentSession.objects.filter(renews=session.pk).first()
    if renewal is None:
        return None
    return complete_payment_session(renewal) if renewal.state in UNFINISHED else renewal
