"""Write an intent: the row of a session that Redpin has not been asked for yet, and its parts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from ..models import PaymentSession, SessionItem, SessionRecipient
from .leases import LEASE


def write_intent(
    shares: Iterable[SessionRecipient],
    items: Iterable[SessionItem],
    *,
    is_claimed: bool,
    **columns: Any,
) -> PaymentSession:
    """Insert a session and its parts, and return it. Call it in a transaction.

    With `is_claimed` it is the caller's from the first moment, and its first request is about to
    leave: should the process die, the sweep takes over as after any unanswered request. Without, it
    is due for the next worker.
    """
    now = timezone.now()
    if is_claimed:
        columns |= {"attempts": 1, "leased_until": now + LEASE, "unanswered_at": now}
    session = PaymentSession.objects.create(next_attempt_at=now, **columns)
    session_shares, session_items = list(shares), list(items)
    for share in session_shares:
        share.session = session
    for item in session_items:
        item.session = session
    SessionRecipient.objects.bulk_create(session_shares)
    SessionItem.objects.bulk_create(session_items)
    return session
