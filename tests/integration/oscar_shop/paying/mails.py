"""The confirmation of an order, which Oscar sends when it is placed, and this shop when paid."""

from __future__ import annotations

from typing import Any

from django.contrib.sites.models import Site
from django.urls import reverse
from oscar.core.loading import get_class

OrderDispatcher = get_class("order.utils", "OrderDispatcher")


def confirm(order: Any) -> None:
    """Send Oscar's own mail to whoever ordered."""
    if order.is_anonymous:
        path = reverse("customer:anon-order", args=[order.number, order.verification_hash()])
    else:
        path = reverse("customer:order", args=[order.number])
    context = {
        "user": order.user,
        "order": order,
        "lines": order.lines.all(),
        "status_path": path,
        "status_url": f"https://{Site.objects.get_current().domain}{path}",
    }
    OrderDispatcher().send_order_placed_email_for_user(order, context)
