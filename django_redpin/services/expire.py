"""End a session whose page has ended unpaid, by Redpin's word."""

from __future__ import annotations

from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from ..client import SessionRecord
from ..conf import get_account
from ..exceptions import NotExpired
from ..models import PaymentSession
from .refresh import ask_and_apply
from .schedule import EXPIRY_GRACE, ended_unpaid
from .transactions import require_no_transaction

State = PaymentSession.State

# What is in one of these states has no page that could end.
_NO_PAGE: Final[dict[str, str]] = {
    State.CREATING: "its creation has not come to an end, so it has no page yet.",
    State.UNKNOWN: "nobody knows yet whether Redpin has created it.",
    State.REJECTED: "Redpin refused it, so it never had a page.",
    State.CLOSED: "its payment has come to an end.",
    State.SUPERSEDED: "another session stands in its place.",
}


def expire_payment_session(session: PaymentSession) -> PaymentSession:
    """Ask Redpin about an open session, and mark it `expired` where its page has ended unpaid.

    A local clock alone never decides that: Redpin has to list no payment for it, and its clock and
    ours have to be a minute past the end of the page. It closes no page: Redpin has no call for
    that.

    Args:
        session: One that is `expired` already is returned as it is, and nobody is asked.

    Returns:
        The session, `expired`.

    Raises:
        NotExpired: Its page can still be paid on, its payment is under way or done, or it has no
            page.
        NoAnswer: There was no answer to trust.
        APIError: Redpin answered with an error.
        OpenTransactionError: Inside a transaction; nothing was sent.
    """
    require_no_transaction("expire_payment_session")
    session.refresh_from_db()
    if session.state == State.EXPIRED:
        return session
    if session.state in _NO_PAGE:
        raise NotExpired(session, _NO_PAGE[session.state])
    record = ask_and_apply(session)
    session.refresh_from_db()
    if session.state == State.EXPIRED:
        return session
    raise NotExpired(session, _why_not(session, record))


def due_to_expire(account: str | None = None) -> QuerySet[PaymentSession]:
    """Return the open sessions without a payment whose page ended over a minute ago by our clock.

    One that needs review is left to whoever looks at it.

    Args:
        account: Whose sessions; `None` for those of all accounts.

    Returns:
        A queryset, the longest ended first.

    Raises:
        ConfigurationError: There is no such alias.
    """
    rows = PaymentSession.objects.filter(ended_unpaid())
    if account is not None:
        rows = rows.filter(account=get_account(account).alias)
    return rows.order_by("expires_at", "pk")


def why_not_expired(session: PaymentSession) -> str:
    """Return why an open session can't be expired as far as its row tells, or "" if it may be."""
    if session.state in _NO_PAGE:
        return _NO_PAGE[session.state]
    if session.state == State.EXPIRED:
        return "it is expired already."
    if session.payment_status:
        return f"its payment is {session.payment_status}."
    if session.expires_at is None:
        return "Redpin has not told when its page ends."
    if timezone.now() <= session.expires_at + EXPIRY_GRACE:
        return f"its page can be paid on until {session.expires_at:%Y-%m-%d %H:%M} UTC."
    return ""


def _why_not(session: PaymentSession, record: SessionRecord | None) -> str:
    """Return why a session that Redpin was asked about is not expired."""
    reason = why_not_expired(session)
    if reason:
        return reason
    if record is None:
        return "Redpin does not list it at this moment."
    if record.has_payment:
        return f"Redpin lists a payment for it: {record.latest_status or 'without a status'}."
    if session.review_reason:
        return "a person has to look at it first."
    return "Redpin's clock has not passed the end of its page yet."
