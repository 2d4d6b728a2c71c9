"""What Oscar's books say of an order's payment. Every verb here runs in a transaction."""

from __future__ import annotations

from typing import Any, Final

from django.db import transaction
from django.db.models import F
from oscar.core.loading import get_class, get_model

from django_redpin.models import PaymentSession
from django_redpin.rules.statuses import BOUNCED_BACK, PAYMENT_COMPLETED
from django_redpin.rules.statuses import REFUNDED as GIVEN_BACK

from . import mails, stock
from .models import BookedTransition, OrderPayment
from .statuses import ATTENTION, NOT_PAID, PAID, PENDING, REFUNDED

EventHandler = get_class("order.processing", "EventHandler")
Order = get_model("order", "Order")
PaymentEventType = get_model("order", "PaymentEventType")
SourceType = get_model("payment", "SourceType")

_NAME: Final = "Redpin"


def lock(order_pk: int) -> Any:
    """Return the order as it is now, and keep others from moving it until the transaction ends.

    An UPDATE locks on each database; `select_for_update` does nothing on SQLite.
    """
    Order.objects.filter(pk=order_pk).update(status=F("status"))
    return Order.objects.get(pk=order_pk)


def move(order: Any, status: str, note: str) -> None:
    """Set the order's status, with a note that says why; the pipeline says what may follow."""
    EventHandler().handle_order_status_change(order, status, note_msg=note)


def money_came(order: Any, session: PaymentSession) -> None:
    """Book the money of a session whose payees have it all, and send the goods on their way."""
    _source(order, session).debit(session.money.amount, session.payment_id or "", PAYMENT_COMPLETED)
    _note_event(order, PAID, session)
    if _is_given_back(session):
        # Signals keep no order: one that failed, or was held for a review, comes after the refund.
        _give_back(order, session)
        EventHandler().create_note(order, f"Paid by {session}, and refunded before it was booked.")
    elif not _is_balanced(order):
        move_if_possible(order, ATTENTION, f"With {session}, too much or too little is paid.")
    elif order.status in (PENDING, ATTENTION) or _holds_again(order):
        paid(order, f"Paid by {session}.")
    else:
        note = f"Paid by {session} when the order was {order.status!r}: deliver, or pay back."
        move_if_possible(order, ATTENTION, note)


def paid(order: Any, note: str) -> None:
    """Send the goods on their way, and the customer the confirmation."""
    move(order, PAID, note)
    transaction.on_commit(lambda: mails.confirm(order), robust=True)


def money_failed(order: Any, session: PaymentSession, status: str) -> None:
    """Book that a payment was cancelled, bounced back or refunded."""
    source = order.sources.filter(reference=session.client_reference_id).first()
    if status == GIVEN_BACK and source is not None:
        _give_back(order, session)
        # Who had paid twice has still paid once.
        move_if_possible(order, PAID if _is_balanced(order) else REFUNDED, f"{session}: refunded.")
    elif status == BOUNCED_BACK:
        move_if_possible(order, ATTENTION, f"The money of {session} bounced back to Redpin.")
    else:
        session_ended(order, session, f"The payment by {session} ended as {status}.")


def session_ended(order: Any, session: PaymentSession, note: str) -> None:
    """Let the goods go, unless the payer has started again in the meantime."""
    newest = OrderPayment.objects.get(order=order).newest_session
    if newest == session and order.status in (PENDING, ATTENTION):
        move(order, NOT_PAID, note)


def move_if_possible(order: Any, status: str, note: str) -> None:
    """Set the status where it may follow; else leave the note alone, for whoever looks."""
    if status in order.available_statuses():
        move(order, status, note)
    else:
        EventHandler().create_note(order, note)


def _source(order: Any, session: PaymentSession) -> Any:
    """Return the source of the money in Oscar's books: one for each session."""
    redpin, _ = SourceType.objects.get_or_create(name=_NAME)
    source, _ = order.sources.get_or_create(
        source_type=redpin,
        reference=session.client_reference_id,
        defaults={"currency": session.currency, "amount_allocated": session.money.amount},
    )
    return source


def _is_given_back(session: PaymentSession) -> bool:
    """Tell whether the session's refund has been told already."""
    return BookedTransition.objects.filter(
        transition__session=session, transition__to_value=GIVEN_BACK
    ).exists()


def _give_back(order: Any, session: PaymentSession) -> None:
    _source(order, session).refund(session.money.amount, session.payment_id or "", GIVEN_BACK)
    _note_event(order, REFUNDED, session)


def _note_event(order: Any, name: str, session: PaymentSession) -> None:
    kind, _ = PaymentEventType.objects.get_or_create(name=name)
    EventHandler().handle_payment_event(
        order, kind, session.money.amount, reference=session.client_reference_id
    )


def _is_balanced(order: Any) -> bool:
    """Tell whether the shop has what the order costs: that, in its currency, and nothing else."""
    has: dict[str, Any] = {}
    for source in order.sources.all():
        left = source.amount_debited - source.amount_refunded
        has[source.currency] = has.get(source.currency, 0) + left
    return {currency: amount for currency, amount in has.items() if amount} == {
        order.currency: order.total_incl_tax
    }


def _holds_again(order: Any) -> bool:
    """Hold the goods of an order that had let them go; return whether that was possible."""
    if order.status != NOT_PAID:
        return False
    try:
        with transaction.atomic():
            stock.hold(order)
    except stock.OutOfStock:
        return False
    return True
