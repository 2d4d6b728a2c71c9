"""What a caller of the services can meet: errors about a session, and about news of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

from ..rules.faults import Fault
from ..rules.quoting import bounded, quoted
from .answers import NO_NEWS, APIError, in_redpins_words
from .base import RedpinError, Words

if TYPE_CHECKING:
    from ..models import PaymentSession

_REASON_LENGTH: Final = 300
_MOST_FAULTS: Final = 20


class InvalidPaymentSession(RedpinError, ValueError):
    """The request breaks rules of Redpin's page. Nothing was stored and nothing was sent.

    `faults` lists every broken rule, each with the field's path in Redpin's names; `message_dict`
    has their messages by that path. No money has moved: there is no session to pay. But where the
    idempotency key, or the reference, already belongs to one, that is `session`; it may have been
    paid, and the error itself says True.
    """

    session: PaymentSession | None = None
    next_step: str = (
        "Correct what `faults` lists and call again; forms.add_faults shows it on a form."
    )
    user_message: Words = _(
        "Some details of this payment are not right. You were not charged. Please correct them and"
        " try again."
    )

    def __init__(self, faults: tuple[Fault, ...], session: PaymentSession | None = None) -> None:
        self.faults = faults
        told = [bounded(fault, _REASON_LENGTH) for fault in faults[:_MOST_FAULTS]]
        if len(faults) > _MOST_FAULTS:
            told.insert(0, f"{len(faults)} faults, the first {_MOST_FAULTS} of which are")
        if session is not None:
            self.session = session
            self.money_may_have_moved = True
            self.user_message = IdempotencyConflict.user_message
            reference = session.client_reference_id
            told.insert(0, f"there is the session {reference} already, which may have been paid")
        super().__init__("; ".join(told))

    @property
    def message_dict(self) -> dict[str, list[str]]:
        """The messages by field path, as Django's `ValidationError` gives them."""
        messages: dict[str, list[str]] = {}
        for fault in self.faults:
            messages.setdefault(fault.field, []).append(fault.message)
        return messages


class IdempotencyConflict(RedpinError):
    """The idempotency key was used before, for a session with other content: `session`.

    Money can have moved: through that session, which may have been paid.
    """

    money_may_have_moved = True
    next_step: str = "Use a new key for a new payment, once you know what became of `session`."
    user_message: Words = _(
        "A payment with other details was begun here before. If you have paid, please do not pay"
        " again."
    )

    def __init__(self, session: PaymentSession) -> None:
        self.session = session
        super().__init__(
            f"This idempotency key belongs to the session {session.client_reference_id}, which has"
            f" another amount, date, payee or other content. {self.next_step}"
        )


class PaymentUnderWay(RedpinError):
    """The session, `session`, can't be replaced: its payer has begun to pay, or may have.

    Money can have moved: through this very session.
    """

    money_may_have_moved = True
    next_step: str = "Wait for this session's outcome."
    user_message: Words = _("A payment may be under way already. Please do not pay again.")

    def __init__(self, session: PaymentSession, reason: str) -> None:
        self.session = session
        why = bounded(reason, _REASON_LENGTH)
        super().__init__(
            f"The session {session.client_reference_id} can't be renewed: {why}"
            f" A second session could be paid twice. {self.next_step}"
        )


class NotExpired(RedpinError):
    """The session, `session`, can't be marked as expired.

    Its page can still be paid on, its payment is under way or done, or it has no page.

    Money can have moved: through this very session.
    """

    money_may_have_moved = True
    next_step: str = "Wait for the end of its page, or for the outcome of its payment."
    user_message: Words = PaymentUnderWay.user_message

    def __init__(self, session: PaymentSession, reason: str) -> None:
        self.session = session
        why = bounded(reason, _REASON_LENGTH)
        super().__init__(
            f"The session {session.client_reference_id} is not expired: {why} {self.next_step}"
        )


class SessionRejected(RedpinError):
    """Redpin refused the session, `session`. It is kept as `rejected`.

    `code`, `description` and `field` are Redpin's own words, `request_id` is its id of the call.
    No money has moved, and none can: there is no page to pay on.
    """

    next_step: str = "Correct the request and create a new session."
    user_message: Words = _(
        "The payment was not accepted with these details. You were not charged. Please check them"
        " and try again."
    )

    def __init__(self, session: PaymentSession, error: APIError | None = None) -> None:
        self.session = session
        self.code: str = session.last_error_code
        self.description: str = session.last_error
        self.field: str = session.last_error_field
        self.request_id: str = error.request_id if error else ""
        said = in_redpins_words(self.code, self.field, self.description, self.request_id)
        super().__init__(
            f"Redpin refused the session {session.client_reference_id} {said} {self.next_step}"
        )
        self.__cause__: BaseException | None = error


class OutcomeUnknown(RedpinError):
    """Redpin gave no answer to trust, so nobody knows yet whether the session exists there.

    The row, `session`, is kept as `unknown`. It is looked up by the sweep; calling again with the
    same `idempotency_key`, or `complete_payment_session(error.session)`, looks it up at once.
    `retry_after` are the seconds after which that is worth it, or None where nobody said.

    No money has moved yet: a session whose creation is unfinished has shown its page to nobody. But
    it may still open, and its payer then sees the page: don't sell the thing to somebody else.
    Where it turned out meanwhile that somebody does pay, the error itself says True.
    """

    next_step: str = (
        "Don't create another one for the same payment; call again with the same idempotency key."
    )
    user_message: Words = _(
        "Your payment is still being prepared. Please do not start another one, and look again in a"
        " few minutes."
    )
    _what = "Nobody knows yet whether Redpin created the session {reference}: {why}"

    def __init__(
        self,
        session: PaymentSession,
        error: RedpinError | None = None,
        *,
        retry_after: float | None = None,
    ) -> None:
        self.session = session
        asked: float | None = getattr(error, "retry_after", None)
        self.retry_after: float | None = asked if retry_after is None else retry_after
        if isinstance(error, PaymentUnderWay):
            self.money_may_have_moved = True
        what = self._what.format(
            reference=session.client_reference_id,
            why=quoted(session.last_error, _REASON_LENGTH) or "its answer is still awaited.",
        )
        super().__init__(f"{what} {self.next_step}")
        self.__cause__: BaseException | None = error


class NotCreatedYet(OutcomeUnknown):
    """Redpin surely has no such session yet: nothing was sent, or it was refused for now.

    The row stays `creating`, and the sweep tries again; calling again with the same
    `idempotency_key` tries at once. `retry_after` are the seconds that Redpin asks to wait first,
    or None. No money has moved yet: there is no session to pay. But there may be one a minute
    later, whose page the payer sees: don't sell the thing to somebody else.
    """

    next_step: str = "Call again with the same idempotency key, or leave it to the sweep."
    user_message: Words = _(
        "Your payment could not be prepared yet. You were not charged. We will try again by"
        " ourselves; please look again in a few minutes."
    )
    _what = "Redpin surely has no session {reference} yet: {why}"


class FactNotApplied(RedpinError):
    """News of a payment could not be written: others changed the row each time, or it clashes.

    Money can have moved: that is what the news was about. The event stays due.
    """

    money_may_have_moved = True
    next_step: str = "Leave it to the sweep; the admin shows a session that needs review."
    user_message: Words = NO_NEWS


class UnreadableEvent(RedpinError, ValueError):
    """The body that was posted to the webhook is no JSON object.

    Money can have moved: nobody knows what the event was to tell.
    """

    money_may_have_moved = True
    next_step: str = (
        "See who posts there; the sweep learns from Redpin what became of each session."
    )
    user_message: Words = NO_NEWS
