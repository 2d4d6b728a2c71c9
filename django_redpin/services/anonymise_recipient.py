"""Take a payee out of its row. What is left tells of money."""

from __future__ import annotations

import logging
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from ..models import Recipient, SessionRecipient
from ..telemetry import LogEvent, tell
from .anonymise import OVER, Anonymised, Refused
from .anonymous import pseudonym, rename_in_history
from .transactions import retried

logger: logging.Logger = logging.getLogger("django_redpin")

_PAID_LATER: Final = "a session that is not over pays it"
_IN_HAND: Final = "it is being registered at Redpin: wait for that"


def anonymise_recipient(recipient: Recipient, *, dry_run: bool = False) -> Anonymised:
    """Take a payee's name, bank details, address and further details out of its row.

    Redpin's `recipient_id`, country, currency and type stay, by which late news of a payout are
    understood. No session can be created with it any more. Calling again is harmless.

    Args:
        recipient: One that a session which is not over pays, or that is being registered, is in
            `refused`.
        dry_run: Change nothing, and only tell.

    Returns:
        What was done, and what was refused.
    """
    rows = Recipient.objects.filter(pk=recipient.pk, anonymised_at=None)
    unpaid = SessionRecipient.objects.filter(recipient=OuterRef("pk")).exclude(
        session__state__in=OVER, session__next_attempt_at=None
    )
    if rows.exclude(next_attempt_at=None).exists():
        return Anonymised(refused=(Refused(str(recipient.pk), _IN_HAND),))
    if rows.filter(Exists(unpaid)).exists():
        return Anonymised(refused=(Refused(str(recipient.pk), _PAID_LATER),))
    if dry_run:
        return Anonymised(recipients=rows.count())
    done = _anonymise_payee(rows.filter(~Exists(unpaid), next_attempt_at=None), recipient.pk)
    recipient.refresh_from_db()
    if done:
        text = "Recipient %s was anonymised."
        tell(logger, LogEvent.RECIPIENT_ANONYMISED, text, recipient.pk, recipient=recipient.pk)
    return Anonymised(recipients=done)


@retried
def _anonymise_payee(rows: QuerySet[Recipient], pk: int) -> int:
    name = pseudonym()
    with transaction.atomic():
        done = rows.update(
            name=name,
            bank_details={},
            address={},
            further_details={},
            fingerprint="",
            check_request_identifier="",
            check_event_id="",
            last_error="",
            anonymised_at=timezone.now(),
        )
        if done:
            rename_in_history(Recipient, pk, name)
    return done
