"""What Redpin does with payments, as a test tells it: each step, and the event that tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moneyed import Money

from ..conf import get_account
from ..rules.statuses import (
    AWAITING_FUNDS,
    BOUNCED_BACK,
    CANCELLED,
    PROCESSING,
    REFUNDED,
    is_known,
    may_follow,
)
from .deliveries import Deliveries
from .payloads import Envelope, Payload, id_of, subject_event, third_party_event
from .redpin import HostedSession, Payment, Redpin
from .subjects import event_id_of, subject_of

if TYPE_CHECKING:
    from ..models import PaymentSession, Recipient


class Payments:
    """The verbs of a `FakeRedpin`."""

    _redpin: Redpin
    _deliveries: Deliveries
    _envelope: Envelope

    def adopt(self, session: PaymentSession) -> None:
        """Know a session that was created elsewhere: in `setUpTestData`, or by no call at all.

        Its payment is where its row says, if it has begun. One that is known stays as it is.
        """
        if self.knows(session):
            return
        expires_at = session.expires_at or self._redpin.now() + self._redpin.lifetime
        self._redpin.sessions[self._key(session)] = HostedSession(
            subject=subject_of(session),
            payment=_payment_of(session),
            client_id=get_account(session.account).client_id,
            url=session.session_url,
            callbacks=(),
            created_at=session.created_at,
            expires_at=expires_at,
        )

    def knows(self, session: PaymentSession) -> bool:
        """Tell whether the session exists at this Redpin."""
        return self._key(session) in self._redpin.sessions

    def status_of(self, session: PaymentSession) -> str:
        """Return the status of the session's payment at Redpin, or "" where there is none."""
        payment = self._session(session).payment
        return payment.status if payment else ""

    def pay(
        self, session: PaymentSession, amount: Money | None = None, *, post: bool = False
    ) -> Payload:
        """Let the payer pay on the hosted page, and return the event that tells so.

        `amount` is what the payer is to send, in major units: by default the session's own. In
        another currency the payment awaits funds, in the same it is being processed. With `post`
        the event is posted to the session's callback URL, processed and told of at once.
        """
        mine = self._session(session)
        if mine.payment is not None:
            raise ValueError(f"This session is paid already: it is {mine.payment.status}.")
        if self._redpin.now() >= mine.expires_at:
            raise ValueError("The session has expired: nobody sees its page any more.")
        sell = mine.subject.amount if amount is None else amount
        has_exchange = sell.currency != mine.subject.amount.currency
        status = AWAITING_FUNDS if has_exchange else PROCESSING
        return self._happen(session, mine, Payment(sell), status, post=post)

    def advance(
        self,
        session: PaymentSession,
        status: str,
        *,
        recipient: Recipient | str | None = None,
        amount: Money | None = None,
        reason: str = "",
        post: bool = False,
    ) -> Payload:
        """Let the payment be in `status` now, and return the one event that tells so.

        What lies between is skipped; a payment that was not begun begins. The arguments are those
        of `payment_event`, `post` is that of `pay`. Raises `ValueError` where Redpin documents no
        way from the payment's status to this one; a status of no documentation is taken.
        """
        mine = self._session(session)
        before = mine.payment.status if mine.payment else ""
        if before and is_known(before) and is_known(status) and not may_follow(before, status):
            raise ValueError(f"Redpin documents no way from {before} to {status}.")
        payment = mine.payment or Payment(mine.subject.amount)
        return self._happen(
            *(session, mine, payment, status),
            recipient_id=id_of(recipient),
            amount=amount,
            reason=reason,
            post=post,
        )

    def complete(self, session: PaymentSession, *, post: bool = False) -> list[Payload]:
        """Go through all that the documented flow still has, to PAYMENT_COMPLETED.

        Returns the events of all steps, those of each recipient's payout among them; with `post`
        each is posted before the next step is taken. Begins the payment if need be.
        """
        mine = self._session(session)
        events = [] if mine.payment else [self.pay(session, post=post)]
        for status, recipient_id in mine.to_come():
            event = self.advance(session, status, recipient=recipient_id, post=post)
            events.append(event)
        return events

    def cancel(self, session: PaymentSession, reason: str = "", *, post: bool = False) -> Payload:
        """Let the payment be cancelled, and return the event."""
        return self.advance(session, CANCELLED, reason=reason, post=post)

    def bounce(
        self,
        session: PaymentSession,
        recipient: Recipient | str | None = None,
        reason: str = "",
        *,
        post: bool = False,
    ) -> Payload:
        """Let the recipient's bank send the money back, and return the event."""
        return self.advance(session, BOUNCED_BACK, recipient=recipient, reason=reason, post=post)

    def refund(
        self, session: PaymentSession, amount: Money | None = None, *, post: bool = False
    ) -> Payload:
        """Let the payer get the money back, all or `amount` of it, and return the event."""
        return self.advance(session, REFUNDED, amount=amount, post=post)

    def decide_payer(
        self, session: PaymentSession, status: str = "APPROVED", *, post: bool = False
    ) -> Payload:
        """Approve the session's payer, or with "REJECTED" reject, and return the event."""
        now = self._redpin.now()
        self._redpin.decisions += 1  # Each is an event of its own, also to the same end.
        made_of = (session.customer_id, session.client_customer_ref, status)
        event_id = event_id_of("payer", *made_of, str(self._redpin.decisions))

        def event(envelope: Envelope) -> Payload:
            return third_party_event(session, status, envelope=envelope, event_id=event_id, at=now)

        if post:
            self._deliveries.send(session, event)
        return event(self._envelope)

    def _happen(
        self,
        session: PaymentSession,
        mine: HostedSession,
        payment: Payment,
        status: str,
        *,
        recipient_id: str = "",
        amount: Money | None = None,
        reason: str = "",
        post: bool = False,
    ) -> Payload:
        now = self._redpin.now()
        event_id = event_id_of(mine.subject.session_id, status, str(len(payment.happened)))

        def event(envelope: Envelope) -> Payload:
            return subject_event(
                *(mine.subject, status),
                envelope=envelope,
                recipient_id=recipient_id,
                amount=payment.told_of(status) if amount is None else amount,
                reason=reason,
                event_id=event_id,
                at=now,
            )

        told = event(self._envelope)  # First: what can't be told has not happened.
        payment.happened.append((status, recipient_id or mine.only_recipient(status)))
        mine.payment = payment
        if post:
            self._deliveries.send(session, event)
        return told

    def _key(self, session: PaymentSession) -> tuple[str, str]:
        return get_account(session.account).client_id, session.client_reference_id

    def _session(self, session: PaymentSession) -> HostedSession:
        found = self._redpin.sessions.get(self._key(session))
        if found is None:
            raise LookupError(
                f"This FakeRedpin has no session {session.client_reference_id}: it was created"
                " elsewhere, or before the fake began. Let it know the session with adopt()."
            )
        return found


def _payment_of(session: PaymentSession) -> Payment | None:
    """Return the payment as far as the rows tell of it, or None where it has not begun."""
    if not session.payment_status:
        return None
    known = subject_of(session).payouts
    shares = zip(session.shares.all(), known, strict=True)
    happened = [
        (share.payout_status, payout.recipient_id)
        for share, payout in shares
        if share.payout_status
    ]
    return Payment(session.money, [*happened, (session.payment_status, "")])
