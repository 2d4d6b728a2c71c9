"""Payees in the admin. Bank details can be typed in once; from then on they are masked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import Recipient
from .readonly import AnyModelAdmin

_SHOWN_DIGITS: Final = 4

# Generic for type checkers alone, as all of Django's forms are.
if TYPE_CHECKING:
    RecipientForm = forms.ModelForm[Recipient]
else:
    RecipientForm = forms.ModelForm


class NewRecipientForm(RecipientForm):
    """Takes the bank details, once."""

    class Meta:
        model = Recipient
        fields = "__all__"

    def clean_address(self) -> dict[str, object]:
        """Return the address; nothing typed in is an empty one."""
        return _object(self.cleaned_data["address"])

    def clean_further_details(self) -> dict[str, object]:
        """Return the further details; nothing typed in is an empty dict."""
        return _object(self.cleaned_data["further_details"])

    def clean_bank_details(self) -> dict[str, str]:
        """Return a flat dict of text; nothing typed in is an empty one."""
        details = self.cleaned_data["bank_details"] or {}
        if not isinstance(details, dict) or not all(
            isinstance(value, str) and value for value in details.values()
        ):
            raise forms.ValidationError(
                _('Give one JSON object of texts, such as {"iban": "AE07 0331 …"}.')
            )
        return details


@admin.register(Recipient)
class RecipientAdmin(AnyModelAdmin):
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
        # What decides where the money goes.
        return (*self.readonly_fields, "account", "country_code", "currency", "recipient_id")

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
