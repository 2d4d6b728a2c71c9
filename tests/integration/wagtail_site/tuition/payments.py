"""The payment session of a tuition payment: made once, and started again where it is over."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from django_redpin.exceptions import (
    IdempotencyConflict,
    InvalidPaymentSession,
    OutcomeUnknown,
    PaymentUnderWay,
)
from django_redpin.models import PaymentSession, Recipient
from django_redpin.services import (
    Item,
    Share,
    create_payment_session,
    renew_payment_session,
)

if TYPE_CHECKING:
    from .models import TuitionPayment

PURPOSE: Final = "EDUCATION"  # One of those that Redpin agreed with you.


def start(payment: TuitionPayment) -> None:
    """Give the payment its session. Called again, it finds the same one.

    Raises `InvalidPaymentSession` and `SessionRejected`, which the payer can do something about.
    """
    payee = Recipient.objects.get(is_own_account=True, currency=payment.currency)
    try:
        session = create_payment_session(
            client_customer_ref=payment.number,
            amount=payment.money,
            due_date=_due_date(),
            purpose_of_transaction=PURPOSE,
            recipients=[Share(payee, payment.money)],
            items=[Item(payment.number, f"{payment.page}"[:255], payment.money)],
            metadata={"tuition": str(payment.pk)},
            idempotency_key=f"tuition-{payment.pk}",
        )
    except OutcomeUnknown as problem:
        session = problem.session  # The tag tells that the page is being prepared.
    except IdempotencyConflict as problem:
        session = problem.session  # Begun before: on another day, say, with another due date.
    except InvalidPaymentSession as problem:
        if problem.session is None:
            raise
        session = problem.session  # Begun before, by rules that were others then.
    _remember(payment, session)


def start_again(payment: TuitionPayment) -> None:
    """Put a new session in the place of one that expired or was called off.

    Raises what `renew_payment_session` raises: where money may be under way, none is made.
    """
    if payment.session is None:
        start(payment)
        return
    try:
        session = renew_payment_session(payment.session, due_date=_due_date())
    except OutcomeUnknown as problem:
        session = problem.session
    except PaymentUnderWay as problem:
        session = problem.session
        if session.state != PaymentSession.State.OPEN or session.payment_status:
            raise
    _remember(payment, session)


def _remember(payment: TuitionPayment, session: PaymentSession) -> None:
    payment.session = session
    payment.save(update_fields=["session"])


def _due_date() -> date:
    return timezone.now().date() + timedelta(days=14)
