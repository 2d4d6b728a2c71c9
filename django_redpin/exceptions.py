"""What can go wrong, as a small tree. Every text names the cause and the cure, and no secret.

`RedpinError` is the root. Below it: what the caller can mend (`ConfigurationError`,
`InvalidPaymentSession`, `OpenTransactionError`, `IdempotencyConflict`, `PaymentUnderWay`), what
became of a session (`SessionRejected`, `OutcomeUnknown`) or of a recipient (`RecipientRejected`,
`RecipientNotRegistered`, `RecipientNotConfirmed`), and what the HTTP call met (`NoAnswer`,
`APIError`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

from .rules.faults import Fault
from .rules.recipients import RecipientCheck

if TYPE_CHECKING:
    from .models import PaymentSession, Recipient


class RedpinError(Exception):
    """The root of every error of this package."""


class ConfigurationError(RedpinError, ImproperlyConfigured):
    """The project's `REDPIN` settings don't allow what was asked."""


class OpenTransactionError(RedpinError):
    """A call to Redpin was asked for while the caller's database transaction was open.

    A rollback would then lose the record of a session that exists at Redpin.
    """

    def __init__(self, verb: str) -> None:
        super().__init__(
            f"{verb}() was called inside an open database transaction, whose rollback would lose"
            " the record of what Redpin was asked. Call it outside transaction.atomic(); in a view"
            " with ATOMIC_REQUESTS, decorate the view with transaction.non_atomic_requests."
        )


class InvalidPaymentSession(RedpinError, ValueError):
    """The request breaks rules of Redpin's page. Nothing was stored and nothing was sent.

    `faults` lists every broken rule, each with the field's path in Redpin's names.
    """

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(str(fault) for fault in faults))

    @property
    def message_dict(self) -> dict[str, list[str]]:
        """The messages by field path, as Django's `ValidationError` gives them."""
        messages: dict[str, list[str]] = {}
        for fault in self.faults:
            messages.setdefault(fault.field, []).append(fault.message)
        return messages


class IdempotencyConflict(RedpinError):
    """The idempotency key was used before, for a session with other content."""

    def __init__(self, session: PaymentSession) -> None:
        self.session = session
        super().__init__(
            f"This idempotency key belongs to the session {session.client_reference_id}, which has"
            " another amount, date, payee or other content. Use a new key for a new payment."
        )


class PaymentUnderWay(RedpinError):
    """The session can't be replaced: its payer has begun to pay, or may have."""

    def __init__(self, session: PaymentSession, reason: str) -> None:
        self.session = session
        super().__init__(
            f"The session {session.client_reference_id} can't be renewed: {reason}"
            " A second session could be paid twice. Wait for this one's outcome."
        )


class SessionRejected(RedpinError):
    """Redpin refused the session. It is kept as `rejected`; no money can move through it.

    `code`, `description` and `field` are Redpin's own words.
    """

    def __init__(self, session: PaymentSession, error: APIError | None = None) -> None:
        self.session = session
        self.code = session.last_error_code
        self.description = session.last_error
        self.field = session.last_error_field
        where = f" (field {self.field})" if self.field else ""
        super().__init__(
            f"Redpin refused the session {session.client_reference_id}: {self.code}{where}:"
            f" {self.description} Correct the request and create a new session."
        )
        self.__cause__ = error


class OutcomeUnknown(RedpinError):
    """Redpin gave no answer to trust, so nobody knows yet whether the session exists there.

    The row is kept as `unknown`. It is looked up by the sweep; calling again with the same
    `idempotency_key`, or `complete_payment_session(error.session)`, looks it up at once.
    """

    def __init__(self, session: PaymentSession, error: RedpinError | None = None) -> None:
        self.session = session
        super().__init__(
            f"Nobody knows yet whether Redpin created the session {session.client_reference_id}:"
            f" {session.last_error or 'its answer is still awaited.'} Don't create another one for"
            " the same payment; call again with the same idempotency key."
        )
        self.__cause__ = error


class NotCreatedYet(OutcomeUnknown):
    """Redpin surely has no such session yet: nothing was sent, or it asked to wait.

    The row stays `creating`. The sweep sends it again; calling again with the same
    `idempotency_key` does so at once.
    """


class RecipientRejected(RedpinError):
    """Redpin refused to register the recipient. It is not tried again by itself.

    `code`, `description` and `field` are Redpin's own words. The description may repeat what was
    sent, and so stands in no text of this error.
    """

    def __init__(self, recipient: Recipient) -> None:
        self.recipient = recipient
        self.code = recipient.last_error_code
        self.description = recipient.last_error
        self.field = recipient.last_error_field
        where = f" (field {self.field})" if self.field else ""
        super().__init__(
            f"Redpin refused the recipient {recipient.client_reference_id}:"
            f" {self.code or 'no code'}{where}. Correct the recipient, save it, and call again."
        )


class RecipientNotRegistered(RedpinError):
    """Redpin has not registered the recipient yet, or gave no answer to trust.

    The sweep goes on with it; calling again does so at once, and looks an unanswered request up
    first. `recipient.unanswered_at` is empty where Redpin surely has no such recipient.
    """

    def __init__(self, recipient: Recipient) -> None:
        self.recipient = recipient
        known = "surely not yet" if recipient.unanswered_at is None else "nobody knows yet"
        super().__init__(
            f"Is the recipient {recipient.client_reference_id or recipient.pk} registered at"
            f" Redpin: {known}. It is tried again by the sweep, or at once by calling again."
        )


class RecipientNotConfirmed(RedpinError):
    """The payee's bank says that the name is not that of the account (CoP, VoP): not registered.

    `code` (such as ANNM or NMTC) and `description` are for the person who decides; the description
    may name the account's holder, and so stands in no text of this error. `check` goes back with
    the decision: `register_recipient(recipient, confirmation=error.check, customer_action=...)`.
    """

    def __init__(self, code: str, description: str, check: RecipientCheck) -> None:
        self.code = code
        self.description = description
        self.check = check
        super().__init__(
            f"The recipient's name doesn't match its account ({code or 'no code'}). Somebody has to"
            " decide: correct the recipient, save it and call again, or call again with"
            " confirmation=error.check and a customer_action."
        )


class NoAnswer(RedpinError):
    """The call ended without an answer to trust: a time-out, a broken connection, or garbage.

    The request may have been carried out.
    """


class NotSent(NoAnswer):
    """The request never left: no connection, no TLS, no token. It was not carried out."""


class CircuitOpen(NotSent):
    """Redpin failed so often just now that it is left alone for a while; nothing was sent."""


class APIError(RedpinError):
    """Redpin answered with an error. The attributes are those of its envelope.

    `request_id` is the id that Redpin gave the call, for its support; `retry_after` are the seconds
    that it asks to wait, or None.
    """

    def __init__(
        self,
        status_code: int,
        *,
        code: str = "",
        description: str = "",
        type: str = "",  # noqa: A002  Redpin's own name.
        field: str = "",
        details: Any = None,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.status_code = status_code
        self.code = code
        self.description = description
        self.type = type
        self.field = field
        self.details = details
        self.request_id = request_id
        self.retry_after = retry_after
        named = f", field {field}" if field else ""
        super().__init__(
            f"Redpin answered {status_code} ({code or 'no code'}{named}):"
            f" {description or 'no description'}"
        )


class AuthenticationError(APIError):
    """Redpin refuses the credentials or the token (401, or an error of the token endpoint)."""


class InvalidRequestError(APIError):
    """Redpin refuses the request as it is (400, 422, or another 4xx): not carried out."""


class NotFoundError(InvalidRequestError):
    """Redpin knows no such customer or entity (404)."""


class ConflictError(InvalidRequestError):
    """The request conflicts with what exists (409), such as a reference used before."""


class RateLimitedError(APIError):
    """Redpin asks to wait (429): not carried out."""


class ServerError(APIError):
    """Redpin failed (5xx). The request may have been carried out."""


class UnreadableEvent(RedpinError, ValueError):
    """The body that was posted to the webhook is no JSON object."""
