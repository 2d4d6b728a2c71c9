"""The page of one payment session in the admin."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..l10n import display_money
from ..models import PaymentSession, SessionItem, SessionRecipient, StatusTransition, WebhookEvent
from .readonly import ReadOnlyAdmin, ReadOnlyInline, link


class SessionRecipientInline(ReadOnlyInline):
    model = SessionRecipient
    fields = ("recipient_link", "formatted_amount", "payout_status")
    readonly_fields = fields

    @admin.display(description=_("recipient"))
    def recipient_link(self, obj: SessionRecipient) -> SafeString | str:
        return link(obj.recipient)

    @admin.display(description=_("amount"))
    def formatted_amount(self, obj: SessionRecipient) -> str:
        return display_money(obj.money)


class SessionItemInline(ReadOnlyInline):
    model = SessionItem
    fields = ("item_ref", "description", "formatted_amount")
    readonly_fields = fields

    @admin.display(description=_("amount"))
    def formatted_amount(self, obj: SessionItem) -> str:
        return display_money(obj.money)


class StatusTransitionInline(ReadOnlyInline):
    model = StatusTransition
    verbose_name_plural = _("history")
    fields = (
        "created_at",
        "subject",
        "share",
        "from_value",
        "to_value",
        "event_link",
        "dispatched_at",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[StatusTransition]:
        rows: QuerySet[StatusTransition] = super().get_queryset(request)
        return rows.select_related("event", "share__recipient", "share__session").defer(
            "event__body"
        )

    @admin.display(description=_("event"))
    def event_link(self, obj: StatusTransition) -> SafeString | str:
        return link(obj.event)


class WebhookEventInline(ReadOnlyInline):
    model = WebhookEvent
    fields = ("received_at", "status", "outcome", "duplicates", "attempts", "last_error")
    readonly_fields = fields
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEvent]:
        rows: QuerySet[WebhookEvent] = super().get_queryset(request)
        return rows.defer("body")


class SessionPageAdmin(ReadOnlyAdmin):
    """What one session's page tells. The hosted page's URL is not shown: whoever has it can pay."""

    inlines = (
        SessionRecipientInline,
        SessionItemInline,
        StatusTransitionInline,
        WebhookEventInline,
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "state",
                    "payment_status",
                    "review_reason",
                    "formatted_amount",
                    "due_date",
                    "purpose_of_transaction",
                )
            },
        ),
        (
            _("Who and what"),
            {
                "fields": (
                    "client_reference_id",
                    "client_customer_ref",
                    "payer",
                    "metadata",
                    "idempotency_key",
                    "renews",
                    "renewal_link",
                )
            },
        ),
        (
            _("At Redpin"),
            {
                "fields": (
                    "account",
                    "customer_id",
                    "session_id",
                    "payment_id",
                    "expires_at",
                    "allowed_origins",
                    "callbacks",
                )
            },
        ),
        (
            _("Attempts"),
            {
                "fields": (
                    "attempts",
                    "next_attempt_at",
                    "last_error_code",
                    "last_error_field",
                    "last_error",
                    "created_at",
                    "updated_at",
                )
            },
        ),
    )

    @admin.display(description=_("replaced by"))
    def renewal_link(self, obj: PaymentSession) -> SafeString | str:
        return link(PaymentSession.objects.filter(renews=obj).first())
