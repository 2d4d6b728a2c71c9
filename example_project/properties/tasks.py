"""What the shop does when Redpin's news is in. Tasks carry keys, and may run twice without harm."""

from __future__ import annotations

from smtplib import SMTPException

from celery import shared_task

from django_redpin.models import StatusTransition
from django_redpin.receivers import on
from django_redpin.rules.statuses import BOUNCED_BACK, REFUNDED
from django_redpin.signals import payment_completed, payment_failed, payment_session_expired

from . import orders, receipts
from .models import Order


@on(payment_completed)
@shared_task
def deposit_paid(transition_id: int) -> None:
    """Mark the order paid and have its receipt sent; not if the money was refunded meanwhile."""
    transition = StatusTransition.objects.select_related("session").get(pk=transition_id)
    if transition.session.payment_status == REFUNDED:
        return  # Held for a review, or failed at first, this may come after that news.
    order = orders.order_of(transition.session)
    if order is not None and orders.mark_paid(order):
        send_receipt.delay(str(order.pk))


@on(payment_session_expired)
@on(payment_failed)
@shared_task
def session_ended(transition_id: int) -> None:
    """Let the unit go when its session ended unpaid. Bounced money is still on its way."""
    transition = StatusTransition.objects.select_related("session").get(pk=transition_id)
    order = orders.order_of(transition.session)
    if order is None or transition.to_value == BOUNCED_BACK:
        return
    if order.session_id == transition.session_id:
        orders.release(order)


@shared_task(autoretry_for=(OSError, SMTPException), retry_backoff=True, max_retries=5)
def send_receipt(order_id: str) -> None:
    """Send the receipt of a paid order, once."""
    order = Order.objects.filter(pk=order_id).first()
    if order is not None:
        receipts.send(order)


@shared_task
def tidy() -> None:
    """Finish what a crash left behind: units held for nothing, and receipts that were not sent."""
    orders.release_idle()
    for order_id in receipts.missing():
        send_receipt.delay(order_id)
