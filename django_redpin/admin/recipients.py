"""Payees in the admin. Bank details can be typed in once; from then on they are masked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextareaWidget
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..accounts import account_aliases, overrides
from ..exceptions import ConfigurationError, UnknownAccount
from ..models import Recipient
from ..rules import exact_json
from ..rules.bank_details import bank_details_faults
from ..rules.money import is_payable
from .readonly import DiscreetAdmin

_SHOWN_DIGITS: Final = 4
_LETTERS: Final = re.compile(r"[A-Za-z]{3}")

# Generic for type checkers alone, as all of Django's forms are.
if TYPE_CHECKING:
    RecipientForm = forms.ModelForm[Recipient]
else:
    RecipientForm = forms.ModelForm


class NewRecipientForm(RecipientForm):
    """Takes a new recipient; its bank details this once.

    What a later payment would be refused for is told here, where it is typed.
    """

    # Read by our own reader, which bounds depth and digits; Django's JSONField fails on both.
    bank_details = forms.CharField(
        label=_("Bank details"),
        help_text=Recipient._meta.get_field("bank_details").help_text,
        required=False,
        strip=False,
        widget=AdminTextareaWidget,
    )

    class Meta:
        model = Recipient
        fields = "__all__"

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

    def clean_country_code(self) -> str:
        """Return three letters, upper case."""
        code = str(self.cleaned_data["country_code"])
        if not _LETTERS.fullmatch(code):
            raise forms.ValidationError(_("Give the three letters of ISO 3166-1, such as ARE."))
        return code.upper()

    def clean_currency(self) -> str:
        """Return the code of a currency that one can pay in, upper case."""
        code = str(self.cleaned_data["currency"])
        if not _LETTERS.fullmatch(code) or not is_payable(code.upper()):
            raise forms.ValidationError(_("Give a currency of ISO 4217, such as AED."))
        return code.upper()

    def clean_address(self) -> dict[str, object]:
        """Return the address; nothing typed in is an empty one."""
        return _object(self.cleaned_data["address"])

    def clean_further_details(self) -> dict[str, object]:
        """Return the further details; nothing typed in is an empty dict."""
        return _object(self.cleaned_data["further_details"])

    def clean_bank_details(self) -> dict[str, str]:
        """Return a flat dict of text; nothing typed in is an empty one."""
        text = str(self.cleaned_data["bank_details"])
        try:
            details = exact_json.loads(text.encode()) if text else {}
        except ValueError:
            details = None
        if not isinstance(details, dict):
            raise forms.ValidationError(
                _('Give one JSON object of texts, such as {"iban": "AE07 0331 …"}.')
            )
        currency = str(self.cleaned_data.get("currency", ""))
        faults = bank_details_faults(details, currency, "bank_details")
        if faults:
            raise forms.ValidationError([str(fault) for fault in faults])
        return details


@admin.register(Recipient)
class RecipientAdmin(DiscreetAdmin):
    """An account that money goes to is not edited in place: a new account is a new recipient."""

    list_display = ("name", "type", "country_code", "currency", "recipient_id", "account")
    list_filter = ("type", "currency", "account")
    search_fields = ("name__icontains", "recipient_id__exact")
    readonly_fields = (
        "masked_bank_details",
        "created_at",
        "client_reference_id",
        "unanswered_at",
        "next_attempt_at",
        "last_error",
    )
    ordering = ("name",)

    def get_fields(self, request: HttpRequest, obj: Recipient | None = None) -> Any:
        fields = ["account", "name", "type", "country_code", "currency", "recipient_id"]
        if obj is None:
            return [*fields, "bank_details", "is_own_account", "address", "further_details"]
        return [*fields, *self.readonly_fields]

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
        rows = [(name, masked(value)) for name, value in sorted(obj.bank_details.items())]
        return format_html_join("", "<div>{}: {}</div>", rows) or "-"


def _object(value: object) -> dict[str, object]:
    if value and not isinstance(value, dict):
        raise forms.ValidationError(_("Give one JSON object."))
    return value if isinstance(value, dict) else {}


def masked(value: object) -> str:
    """Return the value with all but its last four characters hidden."""
    text = str(value)
    shown = text[-_SHOWN_DIGITS:] if len(text) > 2 * _SHOWN_DIGITS else ""
    return "•" * 6 + shown
