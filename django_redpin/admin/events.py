"""The inbox in the admin."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import WebhookEvent
from ..services.redrive import EVENT_OUTCOMES, redrive_events
from . import filters
from .badges import event_badge, payment_status_badge
from .confirming import list_action
from .listing import KeysetAdmin
from .masking import readable
from .readonly import link
from .redriving import MOST, RedrivingAdmin
from .verbs import NotDone, Verb

_PURGED: Final = _("Purged: bodies are emptied after a time, as they hold personal data.")


def _why_not(event: WebhookEvent) -> str:
    if event.next_attempt_at is not None:
        return "it waits to be processed as it is."
    if event.outcome not in EVENT_OUTCOMES:
        return f"it was not given up: {event.get_outcome_display()}."
    return "" if event.has_body else "its body was purged, so that it can't be read again."


def _redrive(event: WebhookEvent, answers: Mapping[str, Any]) -> str:
    if not redrive_events(WebhookEvent.objects.filter(pk=event.pk)).due:
        raise NotDone("Somebody else had it processed again just now.")
    return "Due to be processed again."


REDRIVE_EVENT: Final = Verb(
    name="redrive",
    title=_("Process again what was given up"),
    explanation=_(
        "Makes events due again that were given up. What was applied is left alone, so that nothing"
        " is told twice."
    ),
    why_not=_why_not,
    run=_redrive,
    most=MOST,
    calls_redpin=False,
)


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

    verbs = (REDRIVE_EVENT,)
    actions = (list_action(REDRIVE_EVENT),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEvent]:
        rows: QuerySet[WebhookEvent] = super().get_queryset(request)
        return rows.defer("body")  # Read where it is shown, on the page of one event.

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
    def readable_body(self, obj: WebhookEvent) -> SafeString | str:
        if not obj.has_body:
            return str(_PURGED)
        return format_html("<pre>{}</pre>", readable(bytes(obj.body)))
