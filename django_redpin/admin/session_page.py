"""The page of one payment session in the admin."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..l10n import display_money, display_time
from ..models import PaymentSession, Recipient, SessionItem, SessionRecipient
from ..rules.quoting import quoted
from .badges import badge, payment_status_badge, state_badge
from .confirming import ConfirmingAdmin
from .meaning import meaning_of
from .permissions import has_perm
from .readonly import link
from .timeline import timeline_of

# Of recipients and of items; more than anybody reads.
_SHOWN: Final = 200
_ERROR_LENGTH: Final = 500
_NAME_LENGTH: Final = 100
_NO_PAGE: Final = _("none")


class SessionPageAdmin(ConfirmingAdmin):
    """What one session's page tells. The hosted page's URL is not shown: whoever has it can pay."""

    change_form_template = "admin/redpin/paymentsession/change_form.html"
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
                    "hosted_page",
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
                    "quoted_error",
                    "created_at",
                    "updated_at",
                )
            },
        ),
    )

    def page_context(self, request: HttpRequest, session: PaymentSession, /) -> dict[str, Any]:
        """Return what the page's template shows above the fields."""
        may_see = partial(_may_see, request)
        shares = session.shares.select_related("recipient")[:_SHOWN]
        for share in shares:
            share.session = session  # It says the currency.
        items = session.items.all()[:_SHOWN]
        for item in items:
            item.session = session
        return {
            "session": session,
            "last_error": self.quoted_error(session),
            "state": state_badge(session),
            "payment_status": payment_status_badge(session.payment_status),
            "total": display_money(session.money),
            "page_state": self.hosted_page(session),
            "renewal": self.renewal_link(session),
            "replaces": link(session.renews) if session.renews_id else "",
            "meaning": meaning_of(session),
            **super().page_context(request, session),
            "shares": [
                {
                    "recipient": link(share.recipient)
                    if may_see(Recipient)
                    else share.recipient.name,
                    "amount": display_money(share.money),
                    "payout": payment_status_badge(share.payout_status)
                    if share.payout_status
                    else badge(_("no news"), "plain"),
                }
                for share in shares
            ]
            if may_see(SessionRecipient)
            else None,
            "items": [
                {
                    "reference": item.item_ref,
                    "description": item.description,
                    "amount": display_money(item.money),
                }
                for item in items
            ]
            if may_see(SessionItem)
            else None,
            "timeline": timeline_of(session, may_see, self.admin_site.name),
        }

    @admin.display(description=_("hosted page"))
    def hosted_page(self, obj: PaymentSession) -> str:
        """Tell whether there is a page, and until when; never where."""
        if not obj.session_url:
            return str(_NO_PAGE)
        if obj.expires_at is None:
            return str(_("there is one"))
        return str(_("open until %(time)s")) % {"time": display_time(obj.expires_at)}

    @admin.display(description=_("last error"))
    def quoted_error(self, obj: PaymentSession) -> str:
        """Tell it without what Redpin may have repeated of the request: accounts, addresses."""
        names = filter(None, (obj.last_error_code, obj.last_error_field))
        where = ", ".join(quoted(name, _NAME_LENGTH) for name in names)
        return f"{quoted(obj.last_error, _ERROR_LENGTH)}{f' ({where})' if where else ''}"

    @admin.display(description=_("replaced by"))
    def renewal_link(self, obj: PaymentSession) -> SafeString | str:
        return link(PaymentSession.objects.filter(renews=obj).first())


def _may_see(request: HttpRequest, model: type[Model]) -> bool:
    names = (get_permission_codename(action, model._meta) for action in ("view", "change"))
    return any(has_perm(request, f"{model._meta.app_label}.{name}") for name in names)
