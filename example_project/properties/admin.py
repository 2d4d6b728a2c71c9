"""The shop in the admin: units can be edited; an order is a record, and only read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from .models import Order, Unit

if TYPE_CHECKING:
    from django.http import HttpRequest

    UnitAdminBase = admin.ModelAdmin[Unit]
    OrderAdminBase = admin.ModelAdmin[Order]
else:
    UnitAdminBase = OrderAdminBase = admin.ModelAdmin


@admin.register(Unit)
class UnitAdmin(UnitAdminBase):
    """Homes for sale."""

    list_display = ["reference", "name", "building", "floor", "price", "deposit_percent", "holder"]
    list_filter = ["building", "bedrooms", "release"]
    list_select_related = ["holder"]
    search_fields = ["reference", "name", "building"]


@admin.register(Order)
class OrderAdmin(OrderAdminBase):
    """Orders, which change only by what buyers and Redpin do."""

    list_display = ["number", "unit", "buyer_name", "deposit", "status", "created_at", "paid_at"]
    list_filter = ["status", "created_at"]
    list_select_related = ["unit"]
    search_fields = ["id", "buyer_name", "email", "client_customer_ref", "unit__reference"]
    date_hierarchy = "created_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Orders come from the checkout alone."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Order | None = None) -> bool:
        """Nobody edits what was ordered."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Order | None = None) -> bool:
        """Nobody deletes what was ordered."""
        return False
