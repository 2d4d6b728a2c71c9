"""Register a payee at Redpin: commit the intent, then call, once however many ask."""

from __future__ import annotations

import time
from typing import Final

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from ..conf import get_account
from ..models import Recipient
from ..models.fields import unsealed
from ..rules.bank_details import bank_details_faults
from ..rules.recipients import RecipientCheck
from ..telemetry import Spans, note, traced
from .attempts import INTERACTIVE
from .leases import claim
from .queue import REGISTER_RECIPIENT, enqueue_on_commit
from .registration import register, told
from .transactions import require_no_transaction, update

_POLL_SECONDS: Final = 0.1


@sensitive_variables()
@traced(Spans.REGISTER)
def register_recipient(
    recipient: Recipient,
    *,
    confirmation: RecipientCheck | None = None,
    customer_action: str = "",
    defer: bool = False,
) -> Recipient:
    """Register a saved recipient at Redpin, and return it with its `recipient_id`.

    An earlier request that may have been carried out is looked up by its reference first. The row
    is read anew: what is not saved is not sent. A recipient that Redpin has is changed by nothing
    here: for another account, save another recipient.

    Redpin checks the name of payees in the UK (CoP) and the SEPA (VoP). `RecipientNotConfirmed`
    tells of a mismatch, to be shown to whoever decides. Either the corrected recipient is saved
    and registered as it is now; or the call is repeated with `confirmation` and `customer_action`.
    Such a call is made once, and never by the sweep.

    With `defer=True` nothing is sent yet: that it has to be registered is committed with the
    caller's own transaction (or rolled back with it), and a Celery task calls Redpin. What became
    of it is told by the row: `recipient_id`, `pending_check`, `last_error`.

    Args:
        recipient: One that has its `recipient_id` is returned as it is.
        confirmation: The error's `check`. That of an older mismatch confirms nothing.
        customer_action: The decision about the mismatch, in Redpin's words.
        defer: Leave the call to a task, after the commit.

    Returns:
        The recipient, with its `recipient_id` unless deferred.

    Raises:
        ValueError: The recipient can't be sent.
        ConfigurationError: The settings don't allow it.
        OpenTransactionError: Inside a transaction; nothing was sent. Not if deferred, as those
            below.
        RecipientRejected: Redpin refuses.
        RecipientNotConfirmed: The name is not that of the account.
        RecipientNotRegistered: Redpin can't be reached, or nobody can tell; the sweep goes on.
    """
    if bool(confirmation) != bool(customer_action) or (confirmation and defer):
        raise ValueError(
            "A confirmation goes with its customer_action, and without defer: the decision of a"
            " person is sent at once, or not at all."
        )
    if not defer:
        require_no_transaction("register_recipient")
    _require_sendable(recipient)
    note(Spans.REGISTER, account=recipient.account, recipient=recipient.pk)
    if recipient.recipient_id:
        return recipient
    idle = Recipient.objects.filter(pk=recipient.pk, recipient_id=None, next_attempt_at=None)
    update(idle, next_attempt_at=timezone.now())
    if defer:
        enqueue_on_commit(REGISTER_RECIPIENT, recipient.pk)
        recipient.refresh_from_db()
        return recipient
    if claim(Recipient, recipient.pk, even_if_not_due=True):
        recipient.refresh_from_db()
        return register(recipient, confirmation, customer_action)
    _wait_for_who_is_at_it(recipient)
    return told(recipient)


def _require_sendable(recipient: Recipient) -> None:
    """Read the recipient anew, and raise what is wrong before anything is written or sent."""
    if recipient._state.adding:
        raise ValueError("Save the recipient first.")
    recipient.refresh_from_db()
    account = get_account(recipient.account)
    if recipient.recipient_id:
        return
    for name in ("customer_id", "client_id", "client_secret"):
        account.required(name)
    for name in ("bank_details", "address", "further_details"):
        if not isinstance(unsealed(getattr(recipient, name)), dict):
            raise ValueError(f"The recipient's {name} have to be a dict.")  # noqa: TRY004
    if not recipient.bank_details:
        raise ValueError("The recipient has no bank details to register, such as an iban.")
    for fault in bank_details_faults(recipient.bank_details, recipient.currency, "bank_details"):
        raise ValueError(str(fault))


def _wait_for_who_is_at_it(recipient: Recipient) -> None:
    """Wait until the worker who has the recipient lets it go, or as long as that may take."""
    deadline = time.monotonic() + INTERACTIVE.seconds + get_account(recipient.account).total_timeout
    recipient.refresh_from_db()
    while recipient.leased_until is not None and recipient.leased_until > timezone.now():
        if time.monotonic() > deadline:
            return
        time.sleep(_POLL_SECONDS)
        recipient.refresh_from_db()
