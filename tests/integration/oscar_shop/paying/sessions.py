"""The payment sessions of orders: prepared with the order, opened after, and started again."""

from __future__ import annotations

import logging
from datetime import date, timedelta
from typing import Any, Final

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from moneyed import Money
from oscar.core.loading import get_model

from django_redpin.exceptions import (
    InvalidPaymentSession,
    OutcomeUnknown,
    PaymentUnderWay,
    RedpinError,
)
from django_redpin.models import PaymentSession, Recipient
from django_redpin.rules.faults import Fault
from django_redpin.services import (
    Item,
    Share,
    complete_payment_session,
    create_payment_session,
    renew_payment_session,
)

from . import books, stock
from .models import OrderPayment
from .statuses import NOT_PAID, PENDING

Order = get_model("order", "Order")
logger = logging.getLogger(__name__)

PURPOSE: Final = "PURCHASE_OF_GOODS"  # One of those that Redpin agreed with you.
DAYS_TO_PAY: Final = 14


class NotPayable(Exception):
    """The order has been paid, was cancelled, or is in somebody's hands."""


def prepare(order: Any, payer: Any) -> None:
    """Commit, together with the order, that it is to be paid. Nothing is sent to Redpin yet.

    Raises `InvalidPaymentSession` where Redpin would not take such a payment.
    """
    if not order.total_incl_tax:
        books.paid(order, "There was nothing to pay.")
        return
    total = Money(order.total_incl_tax, order.currency)
    session = create_payment_session(
        client_customer_ref=f"CUSTOMER-{payer.pk}" if payer.pk else f"GUEST-{order.number}",
        amount=total,
        due_date=_due_date(),
        purpose_of_transaction=PURPOSE,
        recipients=[Share(_payee(order.currency), total)],
        items=[Item(str(order.number), f"Order {order.number}", total)],
        payer=payer,
        metadata={"order": order.number},
        idempotency_key=f"order-{order.number}",
        defer=True,
    )
    OrderPayment.objects.create(order=order, session=session)


def open_first(order: Any) -> None:
    """Have Redpin open the order's session. What fails is tried again by django-redpin's sweep."""
    payment = OrderPayment.objects.filter(order=order).select_related("session").first()
    if payment is None:
        return
    try:
        complete_payment_session(payment.session)
    except RedpinError as problem:
        log_refusal(order, problem)


def start_again(order: Any) -> None:
    """Give an order whose session ended unpaid a new one, and its goods back.

    Raises `NotPayable`, `stock.OutOfStock`, and what `renew_payment_session` raises.
    """
    if order.status not in (PENDING, NOT_PAID):
        raise NotPayable
    # First the session: late news of the former one's end then is no news of the order any more.
    try:
        renew_payment_session(order.payment.newest_session, due_date=_due_date())
    except OutcomeUnknown as problem:
        # There is one all the same, which the sweep opens: the goods have to be there then.
        log_refusal(order, problem)
    except PaymentUnderWay as problem:
        # Or there is one that nobody has begun to pay: it was just made in another window.
        if problem.session.state != PaymentSession.State.OPEN or problem.session.payment_status:
            raise
    with transaction.atomic():
        order = books.lock(order.pk)
        if order.status == NOT_PAID:
            stock.hold(order)
            books.move(order, PENDING, "The payer has started again.")


def order_of(session: PaymentSession) -> Any:
    """Return the order that a session was made for, be it the first one or a later one.

    Returns None for the sessions of other parts of the site.
    """
    while session.renews is not None:
        session = session.renews
    return Order.objects.filter(payment__session=session).first()


def pay_url(order: Any) -> str:
    """Return the address where the order is paid; where nothing is to be paid, the thanks."""
    if not hasattr(order, "payment"):
        return reverse("checkout:thank-you")
    return reverse("checkout:pay", args=[order.number, order.verification_hash()])


def log_refusal(order: Any, problem: RedpinError) -> None:
    """Tell the shop why; an error's text is fit for a log."""
    logger.warning("Order %s: %s", order.number, problem)


def _payee(currency: str) -> Recipient:
    """Return the shop's own account in this currency."""
    payee = Recipient.objects.filter(is_own_account=True, currency=currency).first()
    if payee is None:
        raise InvalidPaymentSession(
            (Fault("amount.currency", "no_payee", f"The shop has no account in {currency}."),)
        )
    return payee


def _due_date() -> date:
    return timezone.now().date() + timedelta(days=DAYS_TO_PAY)
