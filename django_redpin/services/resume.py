"""A create call that is repeated with its idempotency key: find its session, and finish it."""

from __future__ import annotations

import time
from typing import Final

from django.utils import timezone

from ..conf import Account, get_account
from ..exceptions import IdempotencyConflict, OutcomeUnknown, SessionRejected
from ..models import PaymentSession
from .attempts import INTERACTIVE
from .complete import complete_payment_session
from .opening import UNFINISHED, in_place_of

State = PaymentSession.State

_POLL_SECONDS: Final = 0.1


def session_of(settings: Account, idempotency_key: str | None) -> PaymentSession | None:
    """Return the session that this key stands for, or None."""
    if idempotency_key is None:
        return None
    return PaymentSession.objects.filter(
        account=settings.alias, idempotency_key=idempotency_key
    ).first()


def require_same(session: PaymentSession, idempotency_key: str | None, fingerprint: str) -> None:
    """Raise `IdempotencyConflict` where the session is that of another payment.

    Where the database takes "order-a" and "order-A" for the same, one order must not get the
    other's session.
    """
    if session.fingerprint != fingerprint or session.idempotency_key != idempotency_key:
        raise IdempotencyConflict(session)


def resume(session: PaymentSession) -> PaymentSession:
    """Return the session once it is open: wait for who creates it, or finish what was cut off."""
    account = get_account(session.account)
    deadline = time.monotonic() + INTERACTIVE.seconds + account.total_timeout
    session = in_place_of(session)
    while session.state in UNFINISHED and _is_leased(session):
        if time.monotonic() > deadline:
            raise OutcomeUnknown(session)
        time.sleep(_POLL_SECONDS)
        session.refresh_from_db()
        session = in_place_of(session)
    if session.state == State.REJECTED:
        raise SessionRejected(session)
    return complete_payment_session(session) if session.state in UNFINISHED else session


def _is_leased(session: PaymentSession) -> bool:
    return session.leased_until is not None and session.leased_until > timezone.now()
