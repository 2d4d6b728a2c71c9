"""The verbs on an order: place, start its payment, mark it paid, let its unit go.

Each change is one conditional UPDATE, so that a verb which runs twice, or beside another, changes
a row once. No verb may run in an open transaction: Redpin is called in between.
"""

from __future__ import annotations

import logging
import uuid
from datetime import date, timedelta
from typing import Final, NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext
from moneyed import Money

from django_redpin.exceptions import (
    IdempotencyConflict,
    InvalidPaymentSession,
    OutcomeUnknown,
    PaymentUnderWay,
    SessionRejected,
)
from django_redpin.models import PaymentSession
from django_redpin.services import (
    Item,
    Share,
    create_payment_session,
    renew_payment_session,
)

from .models import CURRENCY, Order, Unit
from .seed import AGENT, ESCROW, payee

logger = logging.getLogger(__name__)

PURPOSE: Final = "PROPERTY_PURCHASE"
DAYS_TO_PAY: Final = 14
IDLE_FOR: Final = timedelta(hours=1)

_State: Final = PaymentSession.State
# These had their time or their payment: a renewal takes their place. In all other states the
# idempotency key finds what exists, or is free for a new attempt.
_RENEWABLE: Final = frozenset({_State.OPEN, _State.EXPIRED, _State.CLOSED})
# A session in one of these will never be paid.
_OVER: Final = (_State.REJECTED, _State.EXPIRED)


class UnitTaken(Exception):
    """Somebody else's live order holds the unit."""


class Buyer(NamedTuple):
    """Who orders, and the reference under which Redpin knows the buyer."""

    name: str
    email: str
    client_customer_ref: str


def place(unit: Unit, order_id: uuid.UUID, buyer: Buyer) -> tuple[Order, bool]:
    """Return the order with this id, and whether it was placed now; the unit is then held for it.

    Raises `UnitTaken` where another order holds the unit.
    """
    try:
        with transaction.atomic():
            order = Order.objects.create(
                id=order_id,
                unit=unit,
                holds=unit,
                buyer_name=buyer.name,
                email=buyer.email,
                client_customer_ref=buyer.client_customer_ref,
                deposit=unit.deposit,
                commission=unit.commission,
                due_date=_due_date(),
            )
    except IntegrityError:
        existing = Order.objects.filter(pk=order_id, unit=unit).first()
        if existing is None:
            raise UnitTaken from None
        return existing, False
    return order, True


def start_payment(order: Order) -> None:
    """Give the order a session that can be paid: a first one, a found one, or a renewed one.

    Raises what the package's services raise, and `UnitTaken` where the unit went to somebody else
    in the meantime. Whatever happens, the order ends with the newest session that is known, and a
    refused one lets the unit go.
    """
    session = order.session
    if order.is_paid or state_of(session) == _State.OPEN:
        return
    _hold(order)
    try:
        if session is not None and session.state in _RENEWABLE:
            session = renew_payment_session(session, due_date=_due_date())
        else:
            session = _create_session(order)
    except (
        InvalidPaymentSession,
        SessionRejected,
        OutcomeUnknown,
        PaymentUnderWay,
        IdempotencyConflict,
    ) as problem:
        session = problem.session or session
        raise
    finally:
        Order.objects.filter(pk=order.pk).update(session=session)
        order.session = session
        if session is None or session.state in _OVER:
            release(order)


def state_of(session: PaymentSession | None) -> str:
    """Return a session's state; an open one whose time is up counts as expired at once."""
    if session is None:
        return ""
    is_past = session.expires_at is not None and session.expires_at <= timezone.now()
    return _State.EXPIRED if is_past and session.state == _State.OPEN else session.state


def _create_session(order: Order) -> PaymentSession:
    """Ask for the deposit, shared between the developer's escrow account and the agent."""
    total = Money(order.deposit, CURRENCY)
    commission = Money(order.commission, CURRENCY)
    return create_payment_session(
        client_customer_ref=order.client_customer_ref,
        amount=total,
        due_date=order.due_date,
        purpose_of_transaction=PURPOSE,
        recipients=[
            Share(payee(ESCROW), total - commission),
            Share(payee(AGENT), commission),
        ],
        items=[Item(order.unit.reference, _item_description(order.unit), total)],
        metadata={"order": str(order.pk)},
        idempotency_key=f"order-{order.pk}",
    )


def _due_date() -> date:
    return timezone.now().date() + timedelta(days=DAYS_TO_PAY)


def _item_description(unit: Unit) -> str:
    return gettext("Deposit of %(percent)d %% for %(unit)s") % {
        "percent": unit.deposit_percent,
        "unit": unit,
    }


def _hold(order: Order) -> None:
    """Hold the unit for the order. Its former session is let go first, so that late news of that
    session's end can no longer release the unit.
    """
    unpaid = Order.objects.filter(pk=order.pk).exclude(status=Order.Status.PAID)
    try:
        with transaction.atomic():
            unpaid.update(
                status=Order.Status.PENDING,
                holds=F("unit"),
                held_at=timezone.now(),
                session=None,
            )
    except IntegrityError:
        raise UnitTaken from None


def release(order: Order) -> None:
    """Let the unit go, unless the order was paid or has another session by now."""
    Order.objects.filter(
        pk=order.pk, status=Order.Status.PENDING, session_id=order.session_id
    ).update(status=Order.Status.RELEASED, holds=None)


def mark_paid(order: Order) -> bool:
    """Mark the order paid; return whether it was this call that did it."""
    unpaid = Order.objects.filter(pk=order.pk).exclude(status=Order.Status.PAID)
    now = timezone.now()
    try:
        with transaction.atomic():
            return bool(
                unpaid.update(status=Order.Status.PAID, paid_at=now, holds=F("unit")),
            )
    except IntegrityError:
        # Paid after its unit was let go and taken by another order: a person has to decide.
        logger.error("Order %s is paid, but its unit is held by another order.", order.number)
        return bool(unpaid.update(status=Order.Status.PAID, paid_at=now))


def newest_session(order: Order) -> PaymentSession | None:
    """Return the order's session, or the one that replaced it behind the shop's back.

    The package's sweep may do so, when it looks up a session whose creation was cut off.
    """
    session = order.session
    while session is not None and (renewal := _renewal(session)) is not None:
        session = renewal
    if session != order.session:
        same = Order.objects.filter(pk=order.pk, session_id=order.session_id)
        same.update(session=session)
        order.session = session
    return session


def _renewal(session: PaymentSession) -> PaymentSession | None:
    return PaymentSession.objects.filter(renews=session).first()


def order_of(session: PaymentSession) -> Order | None:
    """Return the order that the session was made for, also after the order got a newer session."""
    try:
        order_id = uuid.UUID(str(session.metadata.get("order")))
    except ValueError:
        return None  # Another part of the shop's sessions.
    return Order.objects.filter(pk=order_id).first()


def release_idle() -> int:
    """Let go of units whose orders have had nothing to pay for an hour; return how many."""
    idle = Q(session=None) | Q(session__state__in=_OVER)
    return Order.objects.filter(
        idle, status=Order.Status.PENDING, held_at__lt=timezone.now() - IDLE_FOR
    ).update(status=Order.Status.RELEASED, holds=None)
