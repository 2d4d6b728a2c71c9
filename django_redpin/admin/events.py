"""The inbox in the admin."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import WebhookEvent
from ..services.redrive import redrive_events
from .readonly import link
from .redriving import PER_SECOND, RedrivingAdmin


@admin.register(WebhookEvent)
class WebhookEventAdmin(RedrivingAdmin):
    """Every event as it came, and what became of it."""

    list_display = (
        "received_at",
        "event_type",
        "status",
        "client_reference_id",
        "outcome",
        "attempts",
        "duplicates",
    )
    list_filter = ("outcome", "status", "event_type", "account", "received_at")
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

    @admin.display(description=_("session"))
    def session_link(self, obj: WebhookEvent) -> SafeString | str:
        return link(obj.session)

    @admin.display(description=_("body"))
    def readable_body(self, obj: WebhookEvent) -> SafeString:
        return format_html("<pre>{}</pre>", bytes(obj.body).decode("utf-8", "replace"))
