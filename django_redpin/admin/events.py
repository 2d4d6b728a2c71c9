"""The inbox in the admin."""

from __future__ import annotations

from datetime import datetime

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import WebhookEvent
from ..services.redrive import redrive_events
from . import filters
from .badges import event_badge, payment_status_badge
from .listing import KeysetAdmin
from .readonly import link
from .redriving import PER_SECOND, RedrivingAdmin


@admin.register(WebhookEvent)
class WebhookEventAdmin(KeysetAdmin, RedrivingAdmin):
    """Every event as it came, and what became of it."""

    list_display = (
        "shown_received",
        "event_type",
        "shown_status",
        "client_reference_id",
        "shown_outcome",
        "attempts",
        "duplicates",
    )
    list_deferred = ("body",)
    list_filter = (filters.EventOutcomeFilter, filters.ReceivedFilter, filters.AccountFilter)
    sortable_by = ("shown_received",)
    search_fields = ("client_reference_id__exact", "event_id__exact", "payment_id__exact")
    search_help_text = _("Exact: reference, event id or payment id.")
    fields = (
        "outcome",
        "last_error",
        "session_link",
        "account",
        "event_type",
        "status",
        "event_id",
        "payment_id",
        "client_reference_id",
        "verifier",
        "received_at",
        "processed_at",
        "attempts",
        "next_attempt_at",
        "duplicates",
        "readable_body",
    )

    @admin.action(description=_("Process again what was given up"), permissions=["redrive"])
    def redrive(self, request: HttpRequest, queryset: QuerySet[WebhookEvent]) -> None:
        """Make the selected events due again; say how many, and how many were left."""
        self.tell_redriven(request, redrive_events(queryset, per_second=PER_SECOND))

    @admin.display(description=_("received"), ordering="pk")
    def shown_received(self, obj: WebhookEvent) -> datetime:
        return obj.received_at

    @admin.display(description=_("status"))
    def shown_status(self, obj: WebhookEvent) -> SafeString | str:
        return payment_status_badge(obj.status)

    @admin.display(description=_("outcome"))
    def shown_outcome(self, obj: WebhookEvent) -> SafeString:
        return event_badge(obj)

    @admin.display(description=_("session"))
    def session_link(self, obj: WebhookEvent) -> SafeString | str:
        return link(obj.session)

    @admin.display(description=_("body"))
    def readable_body(self, obj: WebhookEvent) -> SafeString:
        return format_html("<pre>{}</pre>", bytes(obj.body).decode("utf-8", "replace"))
