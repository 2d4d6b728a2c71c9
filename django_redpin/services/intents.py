"""Write an intent: the row of a session that Redpin has not been asked for yet, and its parts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from ..models import PaymentSession, SessionItem, SessionRecipient
from .leases import LEASE
from .one_statement import insert_with_parts, is_able


def write_intent(
    shares: Iterable[SessionRecipient],
    items: Iterable[SessionItem],
    *,
    is_claimed: bool,
    **columns: Any,
) -> PaymentSession:
    """Insert a session and its parts in one transaction, and return it.

    With `is_claimed` it is the caller's from the first moment, and its first request is about to
    leave: should the process die, the sweep takes over as after any unanswered request. Without, it
    is due for the next worker.
    """
    now = timezone.now()
    if is_claimed:
        columns |= {"attempts": 1, "leased_until": now + LEASE, "unanswered_at": now}
    session = PaymentSession(next_attempt_at=now, **columns)
    session_shares, session_items = list(shares), list(items)
    if is_able(PaymentSession):
        insert_with_parts(session, [*session_shares, *session_items], "session")
        return session
    with transaction.atomic():
        session.save(force_insert=True)
        for part in (*session_shares, *session_items):
            part.session = session
        SessionRecipient.objects.bulk_create(session_shares)
        SessionItem.objects.bulk_create(session_items)
    return session
