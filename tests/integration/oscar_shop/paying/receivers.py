"""What the shop does about a payment's news: each of it once, and all of it or nothing.

A signal comes again where a receiver raised or a process died, always with the same transition.
The first statement here inserts that transition's row: who can't has nothing to do any more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import IntegrityError, transaction
from django.dispatch import receiver
from oscar.apps.order.signals import order_status_changed

from django_redpin.models import PaymentSession, StatusTransition
from django_redpin.signals import (
    payment_completed,
    payment_failed,
    payment_session_expired,
    payment_session_rejected,
    session_needs_review,
)

from . import books, sessions, stock
from .models import BookedTransition
from .statuses import ATTENTION, HOLDS_STOCK, PENDING, RELEASES_STOCK


def booked_once(verb: Callable[..., None]) -> Callable[..., None]:
    """Make a receiver of a verb, which gets the order too, and runs once for a transition."""

    @wraps(verb)
    def receive(session: PaymentSession, transition: StatusTransition, **named: Any) -> None:
        order = sessions.order_of(session)
        if order is None:  # Another part of the site has payments, too.
            return
        with transaction.atomic():
            if _is_first(transition):
                order = books.lock(order.pk)
                verb(order=order, session=session, transition=transition, **named)

    return receive


def _is_first(transition: StatusTransition) -> bool:
    try:
        with transaction.atomic():
            BookedTransition.objects.create(transition=transition)
    except IntegrityError:
        return False
    return True


@receiver(payment_completed)
@booked_once
def take_money(order: Any, session: PaymentSession, **named: Any) -> None:
    books.money_came(order, session)


@receiver(payment_failed)
@booked_once
def give_up_money(
    order: Any, session: PaymentSession, transition: StatusTransition, **named: Any
) -> None:
    books.money_failed(order, session, transition.to_value)


@receiver([payment_session_expired, payment_session_rejected])
@booked_once
def end_session(
    order: Any, session: PaymentSession, transition: StatusTransition, **named: Any
) -> None:
    books.session_ended(order, session, f"The session {session} is {transition.to_value}.")


@receiver(session_needs_review)
@booked_once
def call_for_a_person(order: Any, session: PaymentSession, **named: Any) -> None:
    """Keep the goods. Once somebody released the session, `payment_completed` comes."""
    if order.status == PENDING:
        books.move(order, ATTENTION, f"Somebody has to look at {session}, in the admin.")


@receiver(order_status_changed)
def let_goods_go(order: Any, old_status: str, new_status: str, **named: Any) -> None:
    """Do so however the order came to its end, be it in the dashboard."""
    if old_status in HOLDS_STOCK and new_status in RELEASES_STOCK:
        stock.release(order)
