"""The goods that an order holds while it waits for its money."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from oscar.core.loading import get_class

EventHandler = get_class("order.processing", "EventHandler")


class OutOfStock(Exception):
    """There are fewer of a product than were ordered; the text is for the customer."""


def require(order: Any) -> None:
    """Raise `OutOfStock` where orders hold more than there is. Call it where the order holds its
    part already, in the same transaction: of two last customers one then finds too many held.
    """
    for line in order.lines.select_related("stockrecord__product"):
        record = line.stockrecord
        if record is None:
            raise OutOfStock(_("%s is no longer for sale.") % line.title)
        if record.can_track_allocations and record.net_stock_level < 0:
            raise OutOfStock(_("%s has just been sold out.") % line.title)


def hold(order: Any) -> None:
    """Hold the goods anew for an order that had let them go. Raises `OutOfStock`."""
    for line in order.lines.all():
        if line.stockrecord is not None:
            line.stockrecord.allocate(line.quantity)
            line.num_allocated = line.quantity
            line.allocation_cancelled = False
            line.save()
    require(order)


def release(order: Any) -> None:
    """Let the goods go."""
    EventHandler().cancel_stock_allocations(order)
