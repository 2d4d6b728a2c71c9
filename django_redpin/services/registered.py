"""How an attempt to register a recipient can end: registered, held, left for later, given up.

Each writes under the lease that the attempt holds; where that is over, nothing is written.
"""

from __future__ import annotations

import logging
import re
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from ..exceptions import APIError, RecipientNotConfirmed, RedpinError
from ..models import Recipient
from ..models.fields import unsealed
from ..telemetry import LogEvent, tell
from .endings import described, due_after
from .transactions import retried

logger: logging.Logger = logging.getLogger("django_redpin")

NO_ERROR: Final = {"last_error": "", "last_error_code": "", "last_error_field": ""}
NO_CHECK: Final = {"check_request_identifier": "", "check_event_id": ""}
_SHOWN: Final = 4  # Characters of an account; what is shorter is none.

SETTLED: Final = {"unanswered_at": None, "next_attempt_at": None, "attempts": 0}


def content(recipient: Recipient) -> tuple[object, ...]:
    """Return what Redpin is told of the recipient.

    Raises `ConfigurationError` where it is encrypted under a key that the settings don't have.
    """
    return (
        *(recipient.name, recipient.type, recipient.country_code, recipient.currency),
        *(unsealed(recipient.bank_details), recipient.is_own_account),
        *(unsealed(recipient.address), unsealed(recipient.further_details)),
    )


def hold(recipient: Recipient, mismatch: RecipientNotConfirmed) -> None:
    """Leave it to a person: the sweep has nothing more to do with it."""
    write(
        recipient,
        **SETTLED,
        check_request_identifier=mismatch.check.request_identifier,
        check_event_id=mismatch.check.event_id,
        last_error=mismatch.description[:500],
        last_error_code=mismatch.code,
        last_error_field="",
    )


def store_id(recipient: Recipient, recipient_id: str) -> None:
    done = SETTLED | NO_CHECK | NO_ERROR
    try:
        is_as_sent = _store(recipient, done | {"recipient_id": recipient_id})
    except IntegrityError:
        said = f"Redpin has it as {recipient_id}, which is another recipient here. Use that one."
        write(recipient, **done | {"last_error": said})
        return
    if is_as_sent:
        recipient.refresh_from_db()
        return
    said = f"Changed while Redpin registered it as {recipient_id}: the new one is registered anew."
    tell(
        logger,
        LogEvent.RECIPIENT_CHANGED,
        "Recipient %s: %s",
        recipient.client_reference_id,
        said,
        account=recipient.account,
        recipient=recipient.pk,
        reference=recipient.client_reference_id or "",
    )
    anew = {"client_reference_id": None, "fingerprint": "", "next_attempt_at": timezone.now()}
    write(recipient, **done | anew | {"last_error": said})


@retried
def _store(recipient: Recipient, changes: dict[str, Any]) -> bool:
    """Write that Redpin has it, and let it go. Returns False if the row is another payee by now.

    Its `recipient_id` would lead the money to the account that the row no longer shows.
    """
    with transaction.atomic():
        # A write comes first: from then on nobody else changes what is read and compared.
        if not update_held(recipient, leased_until=recipient.leased_until):
            return True  # Another worker has it, and finds out.
        row = Recipient.objects.get(pk=recipient.pk)
        if (row.account, content(row)) != (recipient.account, content(recipient)):
            return False
        return update_held(recipient, leased_until=None, **changes)


def leave(recipient: Recipient, error: RedpinError) -> None:
    """Leave it for the sweep, which sends no decision: such a row keeps its mismatch."""
    reference = recipient.client_reference_id or recipient.pk
    tell(
        logger,
        LogEvent.RECIPIENT_LEFT,
        "Recipient %s: %s",
        reference,
        _without_description(error),
        account=recipient.account,
        recipient=recipient.pk,
        reference=recipient.client_reference_id or "",
        attempt=recipient.attempts,
        failure=type(error).__name__,
    )
    changes: dict[str, Any] = {
        "unanswered_at": recipient.unanswered_at,
        "next_attempt_at": due_after(error, recipient.attempts, recipient.unanswered_at),
    }
    if recipient.pending_check is None:
        changes |= described(error)
    write(recipient, **changes)


def give_up(recipient: Recipient, error: RedpinError) -> None:
    """Leave it to a person: dozens of calls an hour would be made in vain for ever."""
    said = f"Given up after {recipient.attempts} attempts. {error} Ask Redpin for its recipient_id."
    tell(
        logger,
        LogEvent.RECIPIENT_GIVEN_UP,
        "Recipient %s: %s",
        recipient.client_reference_id,
        said,
        account=recipient.account,
        recipient=recipient.pk,
        reference=recipient.client_reference_id or "",
        attempt=recipient.attempts,
        failure=type(error).__name__,
    )
    told_of = {} if recipient.pending_check else NO_ERROR | {"last_error": said}
    write(recipient, unanswered_at=recipient.unanswered_at, next_attempt_at=None, **told_of)


def _without_description(error: RedpinError) -> str:
    """Return what a log may have of the error: Redpin's description may repeat bank details."""
    if isinstance(error, APIError):
        return f"Redpin answered {error.status_code} ({error.code or 'no code'})."
    return str(error)


def write(recipient: Recipient, **changes: Any) -> None:
    """Write the outcome, and let the recipient go."""
    update_held(recipient, leased_until=None, **changes)
    recipient.refresh_from_db()


@retried
def update_held(recipient: Recipient, *conditions: Q, **changes: Any) -> bool:
    """Write to the row, if it is still in our hands and the conditions hold."""
    if said := changes.get("last_error"):
        changes["last_error"] = _without_account(said, recipient)
    with transaction.atomic():
        ours = Recipient.objects.filter(pk=recipient.pk, leased_until=recipient.leased_until)
        return bool(ours.filter(*conditions).update(**changes))


@sensitive_variables()
def _without_account(said: str, recipient: Recipient) -> str:
    """Return Redpin's words with all but the end of each number of the account hidden.

    They may repeat it, spaced as it is printed, and their column is plain, and shown.
    """
    details = recipient.bank_details
    for value in details.values() if isinstance(details, dict) else ():
        plain = "".join(str(value).split())
        if len(plain) >= _SHOWN and any(map(str.isdigit, plain)):
            spaced = r"[\s-]*".join(map(re.escape, plain))
            shown = plain[-_SHOWN:] if len(plain) > 2 * _SHOWN else ""
            said = re.sub(spaced, f"••••••{shown}", said, flags=re.IGNORECASE)
    return said
