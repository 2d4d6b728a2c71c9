"""The list of payment sessions in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..l10n import display_money
from ..models import PaymentSession
from . import filters
from .badges import badge, payment_status_badge, state_badge
from .export import ExportAdmin
from .payers import payer_name, payers_called
from .readonly import ReadOnlyAdmin


class SessionListAdmin(ExportAdmin, ReadOnlyAdmin):
    """What is listed of each session, and what one can search and filter by."""

    list_display = (
        "client_reference_id",
        "shown_state",
        "shown_payment_status",
        "formatted_amount",
        "due_date",
        "shown_payer",
        "shown_created",
    )
    list_select_related = ("payer",)
    list_deferred = ("session_url",)
    sortable_by = ("shown_created",)
    list_filter = (
        filters.ReviewFilter,
        filters.StateFilter,
        filters.PaymentStatusFilter,
        filters.CreatedFilter,
        filters.CurrencyFilter,
        filters.AccountFilter,
    )
    search_fields = (
        "client_reference_id__exact",
        "session_id__exact",
        "payment_id__exact",
        "client_customer_ref__exact",
        "idempotency_key__exact",
    )
    search_help_text = _(
        "Exact: reference, session id, payment id, payer's reference or key; else the payer's user"
        " name or e-mail."
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Look for what names a session; only where nothing is found, for who pays."""
        found, _twice = super().get_search_results(request, queryset, search_term)
        if not search_term.strip() or found.exists():
            return found, False
        return queryset.filter(payer__in=payers_called(search_term.strip())), False

    @admin.display(description=_("state"))
    def shown_state(self, obj: PaymentSession) -> SafeString:
        if not obj.review_reason:
            return state_badge(obj)
        return format_html("{} {}", state_badge(obj), badge(_("needs review"), "bad"))

    @admin.display(description=_("payment status"))
    def shown_payment_status(self, obj: PaymentSession) -> SafeString | str:
        return payment_status_badge(obj.payment_status)

    @admin.display(description=_("amount"))
    def formatted_amount(self, obj: PaymentSession) -> SafeString:
        return format_html('<span class="redpin-amount">{}</span>', display_money(obj.money))

    @admin.display(description=_("payer"))
    def shown_payer(self, obj: PaymentSession) -> SafeString | str:
        name = payer_name(obj)
        if not name:
            return obj.client_customer_ref
        detail = '{}<small class="redpin-detail">{}</small>'
        return format_html(detail, name, obj.client_customer_ref)

    @admin.display(description=_("created"), ordering="pk")
    def shown_created(self, obj: PaymentSession) -> Any:
        return obj.created_at
