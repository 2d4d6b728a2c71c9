"""The receipt of a paid order: sent once, by whichever worker claims it first."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.core.mail import send_mail
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext

from .models import CURRENCY, Order

# A worker that died with a claim in its hands gives it up after this long.
CLAIM_LASTS: Final = timedelta(minutes=10)


def send(order: Order) -> bool:
    """Send the receipt of a paid order; return False where it is sent, being sent or not due.

    Raises what the mail backend raises; the claim is then free again.
    """
    now = timezone.now()
    claimed = (
        Order.objects.filter(pk=order.pk, status=Order.Status.PAID, receipt_sent_at=None)
        .filter(Q(receipt_claimed_at=None) | Q(receipt_claimed_at__lt=now - CLAIM_LASTS))
        .update(receipt_claimed_at=now)
    )
    if not claimed:
        return False
    order.refresh_from_db()
    try:
        send_mail(
            gettext("Meridian Quay: receipt for order %(number)s") % {"number": order.number},
            render_to_string("properties/receipt.txt", {"order": order, "currency": CURRENCY}),
            None,
            [order.email],
        )
    except Exception:
        Order.objects.filter(pk=order.pk).update(receipt_claimed_at=None)
        raise
    Order.objects.filter(pk=order.pk).update(receipt_sent_at=timezone.now())
    return True


def missing() -> list[str]:
    """Return the keys of paid orders whose receipt is neither sent nor being sent."""
    free = Q(receipt_claimed_at=None) | Q(receipt_claimed_at__lt=timezone.now() - CLAIM_LASTS)
    paid = Order.objects.filter(free, status=Order.Status.PAID, receipt_sent_at=None)
    return [str(key) for key in paid.values_list("pk", flat=True)]
