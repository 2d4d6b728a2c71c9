"""The admin of payment sessions as one writes it without a thought of millions of rows.

It shows, filters by and finds the same as ours; all else is Django's default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin

from django_redpin.models import PaymentSession


class Session(PaymentSession):
    """The same rows, in another app: our own templates go by the name of ours."""

    class Meta:
        proxy = True
        app_label = "benchmarks"


# Generic for type checkers alone: at run time it is so since Django 6.
if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Session]
else:
    _ModelAdmin = admin.ModelAdmin


class PlainAdmin(_ModelAdmin):
    list_display = (
        "client_reference_id",
        "state",
        "payment_status",
        "amount",
        "due_date",
        "payer",
        "created_at",
    )
    list_filter = ("needs_review", "state", "payment_status", "created_at", "currency", "account")
    date_hierarchy = "created_at"
    search_fields = (
        "client_reference_id",
        "session_id",
        "payment_id",
        "client_customer_ref",
        "idempotency_key",
        "payer__username",
        "payer__email",
    )


site: Final[Any] = admin.AdminSite(name="plain")
site.register(Session, PlainAdmin)
