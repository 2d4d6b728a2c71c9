"""Payees in the admin. Bank details can be typed in once; from then on they are masked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from ..accounts import DEFAULT_ACCOUNT, account_aliases, overrides
from ..exceptions import ConfigurationError, UnknownAccount
from ..forms.recipients import BANK_DETAILS, RecipientForm
from ..models import Recipient
from ..models.fields import Sealed
from ..rules import exact_json
from ..rules.quoting import quoted
from . import filters
from .listing import KeysetAdmin

_SHOWN_DIGITS: Final = 4
_ERROR_LENGTH: Final = 500
# Escaped, and not after an escaped backslash: PostgreSQL keeps none.
_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_NO_OBJECT: Final = _('Give one JSON object, such as {"bank_name": "…"}.')
_NO_NUL: Final = _("Null characters are not allowed.")
_HAS_FIELD: Final = _("There is a field for this above: %(names)s.")


class NewRecipientForm(RecipientForm):
    """The form for payees, with what merchants leave to their own people.

    What a later payment would be refused for is told here, where it is typed.
    """

    account = forms.CharField(
        label=_("Account at Redpin"),
        help_text=_("The alias of one of your accounts in the settings."),
        max_length=64,
        initial=DEFAULT_ACCOUNT,
    )
    # Read by our own reader, which bounds depth and digits; Django's JSONField fails on both.
    more_bank_details = forms.CharField(
        label=_("More bank details"),
        help_text=_("JSON, an object of texts: what Redpin asks for and has no field here."),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
    )
    additional_details = forms.CharField(
        label=_("Additional details"),
        help_text=_("JSON, an object: what Redpin asks for by the name additional_details."),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
    )

    other_field = "more_bank_details"

    class Meta(RecipientForm.Meta):
        fields = (*RecipientForm.Meta.fields, "account", "recipient_id", "is_own_account")

    def clean_account(self) -> str:
        """Return the alias of an account that the settings, or their resolver, know."""
        alias = str(self.cleaned_data["account"])
        try:
            overrides(alias)
        except UnknownAccount:
            told = _("The settings know no such account. They know: %(known)s.")
            known = ", ".join(account_aliases())
            raise forms.ValidationError(told, params={"known": known}) from None
        except ConfigurationError as error:
            raise forms.ValidationError(str(error)) from None
        return alias

    @sensitive_variables()
    def clean_more_bank_details(self) -> dict[str, Any]:
        """Return an object without the names that have a field; nothing typed in is empty."""
        details = _object(self.cleaned_data["more_bank_details"])
        if names := sorted(set(BANK_DETAILS) & set(details)):
            raise forms.ValidationError(_HAS_FIELD, params={"names": ", ".join(names)})
        return details

    @sensitive_variables()
    def clean_additional_details(self) -> dict[str, Any]:
        """Return an object; nothing typed in is an empty one."""
        text = self.cleaned_data["additional_details"]
        if _NUL.search(text):
            raise forms.ValidationError(_NO_NUL)
        return _object(text)

    def bank_details(self, cleaned: Mapping[str, Any]) -> dict[str, str]:
        """Return the bank details, with those that have no field."""
        more: dict[str, str] = cleaned.get("more_bank_details", {})
        return super().bank_details(cleaned) | more

    def further_details(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """Return the further details, with the additional ones."""
        more = cleaned.get("additional_details")
        return super().further_details(cleaned) | ({"additional_details": more} if more else {})

    def needs_account(self, cleaned: Mapping[str, Any]) -> bool:
        """Tell whether Redpin does not know the payee by its id."""
        return not cleaned.get("recipient_id")


@admin.register(Recipient)
class RecipientAdmin(KeysetAdmin):
    """An account that money goes to is not edited in place: a new account is a new recipient."""

    list_display = ("name", "type", "country_code", "currency", "recipient_id", "account")
    list_filter = (filters.RecipientTypeFilter, filters.CurrencyFilter, filters.AccountFilter)
    list_deferred = ("bank_details",)
    sortable_by = ()
    search_fields = ("name__icontains", "recipient_id__exact")
    readonly_fields = (
        "masked_bank_details",
        "created_at",
        "client_reference_id",
        "unanswered_at",
        "next_attempt_at",
        "quoted_error",
        "anonymised_at",
    )
    _new_fieldsets = (
        (None, {"fields": ("account", "name", "type", "country_code", "currency")}),
        (
            _("Bank account"),
            {
                "fields": (
                    "iban",
                    ("account_number", "swift_code"),
                    ("routing_code_value", "routing_code_type", "bank_country_code"),
                    "is_account_abroad",
                    "more_bank_details",
                ),
                "description": _(
                    "The IBAN; or the account number and the bank's SWIFT code, with a routing code"
                    " where the country has one. Once saved, its last four characters are shown."
                ),
            },
        ),
        (_("Address"), {"fields": ("address_line", ("city", "state", "post_code"))}),
        (
            _("More"),
            {
                "fields": (
                    "is_own_account",
                    ("email", "phone_number", "mobile_number"),
                    ("nick_name", "payment_reference"),
                    "additional_details",
                )
            },
        ),
        (
            _("Known to Redpin"),
            {
                "fields": ("recipient_id",),
                "description": _("With Redpin's id of a payee no bank details are needed."),
            },
        ),
    )

    @method_decorator(sensitive_post_parameters())
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form; should it fail, the report holds nothing of what was typed."""
        return super().changeform_view(request, *args, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Recipient | None = None) -> Any:
        if obj is None:
            return self._new_fieldsets
        fields = ("account", "name", "type", "country_code", "currency", "recipient_id")
        return [(None, {"fields": [*fields, *self.readonly_fields]})]

    def get_form(
        self,
        request: HttpRequest,
        obj: Recipient | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        if obj is None:
            kwargs["form"] = NewRecipientForm
        return super().get_form(request, obj, change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Recipient | None = None) -> Any:
        if obj is None:
            return self.readonly_fields
        # What decides where the money goes, and what Redpin was told along with it: a session that
        # is sent again has to be the same.
        told = ("name", "type") if obj.shares.exists() else ()
        where = ("account", "country_code", "currency", "recipient_id")
        return (*self.readonly_fields, *where, *told)

    @admin.display(description=_("bank details"))
    def masked_bank_details(self, obj: Recipient) -> SafeString | str:
        if isinstance(obj.bank_details, Sealed):
            return str(_("encrypted, and the settings have no key that opens it"))
        rows = [(name, masked(value)) for name, value in sorted(obj.bank_details.items())]
        return format_html_join("", "<div>{}: {}</div>", rows) or "-"

    @admin.display(description=_("last error"))
    def quoted_error(self, obj: Recipient) -> str:
        """Tell our own words as they are, and Redpin's without what they repeat of the request."""
        is_redpins = bool(obj.last_error_code)
        return quoted(obj.last_error, _ERROR_LENGTH) if is_redpins else obj.last_error


@sensitive_variables()
def _object(text: str) -> dict[str, Any]:
    try:
        found = exact_json.loads(text.encode()) if text else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise forms.ValidationError(_NO_OBJECT)
    # It has passed the reader that bounds it; a column takes floats, and no Decimal.
    return dict(json.loads(text)) if text else found


def masked(value: object) -> str:
    """Return the value with all but its last four characters hidden."""
    text = str(value)
    shown = text[-_SHOWN_DIGITS:] if len(text) > 2 * _SHOWN_DIGITS else ""
    return "•" * 6 + shown
