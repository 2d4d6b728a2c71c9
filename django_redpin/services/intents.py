"""Write an intent: the row of a session that Redpin has not been asked for yet, and its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from ..models import PaymentSession, Recipient, SessionItem, SessionRecipient
from .leases import LEASE
from .one_statement import Others, insert_with_parts, is_able
from .requests import PAYEE_COLUMNS


@dataclass(frozen=True, slots=True)
class Intent:
    """A session that is stored, and those of its recipients that were read by the way."""

    session: PaymentSession
    recipients: Mapping[int, Recipient] = field(default_factory=dict)


def write_intent(
    shares: Sequence[SessionRecipient],
    items: Sequence[SessionItem],
    *,
    is_claimed: bool,
    **columns: Any,
) -> Intent:
    """Insert a session and its parts in one transaction, and return it.

    With `is_claimed` it is the caller's from the first moment, and its first request is about to
    leave: should the process die, the sweep takes over as after any unanswered request. Without, it
    is due for the next worker.
    """
    now = timezone.now()
    if is_claimed:
        columns |= {"attempts": 1, "leased_until": now + LEASE, "unanswered_at": now}
    session = PaymentSession(next_attempt_at=now, **columns)
    if is_able(PaymentSession):  # pragma: no cover  SQLite takes the other way.
        paid = Others(Recipient, PAYEE_COLUMNS, [share.recipient_id for share in shares])
        recipients = insert_with_parts(session, [*shares, *items], "session", paid)
        return Intent(session, {recipient.pk: recipient for recipient in recipients})
    with transaction.atomic():
        session.save(force_insert=True)
        for share in shares:
            share.session = session
        for item in items:
            item.session = session
        SessionRecipient.objects.bulk_create(shares)
        SessionItem.objects.bulk_create(items)
    return Intent(session)
