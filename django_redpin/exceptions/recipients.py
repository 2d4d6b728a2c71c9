"""What became of a recipient's registration. Redpin's descriptions may repeat what was sent, or
name an account's holder, and so stand in no text here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .base import RedpinError

if TYPE_CHECKING:
    from ..models import Recipient
    from ..rules.recipients import RecipientCheck


class RecipientRejected(RedpinError):
    """Redpin refused to register the `recipient`. It is not tried again by itself.

    `code`, `description` and `field` are Redpin's own words. No money has moved: a recipient is an
    address for it, and no payment.
    """

    next_step: str = "Correct the recipient, save it, and call again."

    def __init__(self, recipient: Recipient) -> None:
        self.recipient = recipient
        self.code: str = recipient.last_error_code
        self.description: str = recipient.last_error
        self.field: str = recipient.last_error_field
        where = f" (field {self.field})" if self.field else ""
        super().__init__(
            f"Redpin refused the recipient {recipient.client_reference_id}:"
            f" {self.code or 'no code'}{where}. {self.next_step}"
        )


class RecipientNotRegistered(RedpinError):
    """Redpin has not registered the `recipient` yet, or gave no answer to trust.

    `recipient.unanswered_at` is empty where Redpin surely has no such recipient. No money has
    moved: a recipient is an address for it, and no payment.
    """

    next_step: str = (
        "Leave it to the sweep, or call again: an unanswered request is looked up before anything"
        " is sent again."
    )

    def __init__(self, recipient: Recipient) -> None:
        self.recipient = recipient
        if recipient.next_attempt_at is None:  # The sweep has given it up.
            self.next_step = "Read its last_error, then call again: it is looked up once more."
        known = "surely not yet" if recipient.unanswered_at is None else "nobody knows yet"
        super().__init__(
            f"Is the recipient {recipient.client_reference_id or recipient.pk} registered at"
            f" Redpin: {known}. {self.next_step}"
        )


class RecipientNotConfirmed(RedpinError):
    """The payee's bank says that the name is not that of the account (CoP, VoP): not registered.

    `code` (such as ANNM or NMTC) and `description` are for the person who decides. `check` goes
    back with the decision: `register_recipient(recipient, confirmation=error.check,
    customer_action=...)`. No money has moved: a recipient is an address for it, and no payment.
    """

    next_step: str = (
        "Let a person decide: correct the recipient, save it and call again, or call again with"
        " confirmation=error.check and a customer_action."
    )

    def __init__(self, code: str, description: str, check: RecipientCheck) -> None:
        self.code = code
        self.description = description
        self.check = check
        super().__init__(
            f"The recipient's name doesn't match its account ({code or 'no code'})."
            f" {self.next_step}"
        )
