"""The list of payment sessions in the admin."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from ..l10n import display_money
from ..models import PaymentSession
from .readonly import ReadOnlyAdmin


class SessionListAdmin(ReadOnlyAdmin):
    """What is listed of each session, and what one can search and filter by."""

    list_display = (
        "client_reference_id",
        "client_customer_ref",
        "formatted_amount",
        "due_date",
        "state",
        "payment_status",
        "review_reason",
        "created_at",
    )
    list_filter = (
        "state",
        "payment_status",
        "currency",
        ("review_reason", admin.EmptyFieldListFilter),
        "account",
        "created_at",
    )
    search_fields = (
        "client_reference_id__exact",
        "session_id__exact",
        "payment_id__exact",
        "client_customer_ref__exact",
        "idempotency_key__exact",
    )
    search_help_text = _("Exact: reference, session id, payment id, payer's reference or key.")

    @admin.display(description=_("amount"), ordering="amount")
    def formatted_amount(self, obj: PaymentSession) -> str:
        return display_money(obj.money)
