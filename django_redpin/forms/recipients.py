"""A form for payees: what Redpin documents of a recipient, a field for each, checked as typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables
from moneyed import CURRENCIES

from ..accounts import DEFAULT_ACCOUNT
from ..bank_accounts import account_faults, compact
from ..l10n import display_country, display_currency, fault_message
from ..models import Recipient
from ..rules.bank_details import BANK_DETAIL_MAX_LENGTH, bank_details_faults
from ..rules.money import is_payable

# Redpin: one of these, and nothing besides.
_SWIFT: Final = ("account_number", "swift_code")
_ROUTED: Final = ("account_number", "routing_code_type", "routing_code_value", "bank_country_code")
COMBINATIONS: Final = (("iban",), _SWIFT, (*_SWIFT, "routing_code_value"), _ROUTED)
BANK_DETAILS: Final = (
    "iban",
    *_SWIFT,
    "routing_code_value",
    "routing_code_type",
    "bank_country_code",
)
ADDRESS: Final = ("address_line", "city", "state", "post_code")
FURTHER_DETAILS: Final = (
    "nick_name",
    "email",
    "phone_number",
    "mobile_number",
    "payment_reference",
)

_NOTHING: Final = _(
    "Give the IBAN; or, where the country has none, the account number and the bank's SWIFT code."
)
_NO_NUMBER: Final = _("Give the account number, too.")
_NO_BANK: Final = _(
    "Give the bank's SWIFT code, too; or the type, the value and the country of its routing code."
)
_NO_ROUTE: Final = _(
    "Give this, too: without a SWIFT code the bank is known by the type, the value and the country"
    " of its routing code."
)
_BESIDES_IBAN: Final = _("The IBAN says it all: leave this empty.")
_BESIDES_SWIFT: Final = _("The SWIFT code says this: leave this empty.")

# What a browser must neither remember nor mend.
_TYPED: Final = {
    "autocomplete": "off",
    "autocapitalize": "characters",
    "spellcheck": "false",
    "size": "30",
}
# The longest IBAN has 34 characters, which are printed in groups of four.
_WIDE: Final = {**_TYPED, "size": "42"}

# Generic for type checkers alone, as all of Django's forms are.
if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Recipient]
else:
    _ModelForm = forms.ModelForm


def country_choices() -> list[tuple[str, object]]:
    """Return the countries of ISO 3166-1 by their alpha-3 codes, by name in the active language."""
    return [("", _("Choose a country")), *_countries(get_language())]


def currency_choices() -> list[tuple[str, object]]:
    """Return the currencies of ISO 4217 that one can pay in, by code, with their names."""
    return [("", _("Choose a currency")), *_currencies(get_language())]


@lru_cache(maxsize=16)  # To find hundreds of names takes a tenth of a second.
def _countries(language: str | None) -> list[tuple[str, str]]:
    import pycountry

    named = [(each.alpha_3, display_country(each.alpha_2)) for each in pycountry.countries]
    return sorted(named, key=lambda pair: pair[1].casefold())


@lru_cache(maxsize=16)
def _currencies(language: str | None) -> list[tuple[str, str]]:
    codes = sorted(code for code in CURRENCIES if is_payable(code))
    return [(code, f"{code} - {display_currency(code)}") for code in codes]


class _CodeField(forms.ChoiceField):
    """A choice among codes, which may be given in small letters."""

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).strip().upper()


class _AccountField(forms.CharField):
    """An IBAN or a BIC: printed in groups, kept without."""

    def to_python(self, value: Any) -> str:
        return compact(super().to_python(value) or "")


def _text(label: Any, help_text: Any = "") -> forms.CharField:
    wide = forms.TextInput(attrs={"size": "30"})
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=False,
        max_length=BANK_DETAIL_MAX_LENGTH,
        widget=wide,
    )


class RecipientForm(_ModelForm):
    """Takes a new payee, for a page of your own; `form.save()` stores it, and calls nobody.

    `account` is the alias of the account at Redpin that it belongs to, which nobody types in. What
    is not a field of the form can't be set by it, whatever is posted. A subclass leaves out a field
    by `nick_name = None`. Raises `ValueError` for an `instance` that is stored already: an account
    that money goes to is not edited; a new account is a new payee.
    """

    country_code: _CodeField = _CodeField(label=_("Country of the payee"), choices=country_choices)
    currency: _CodeField = _CodeField(label=_("Currency of the account"), choices=currency_choices)
    iban: _AccountField = _AccountField(
        label=_("IBAN"),
        help_text=_("With or without spaces. It is all that is needed where the country has it."),
        required=False,
        max_length=BANK_DETAIL_MAX_LENGTH,
        widget=forms.TextInput(attrs=_WIDE),
    )
    account_number: forms.CharField = forms.CharField(
        label=_("Account number"),
        help_text=_("Where there is no IBAN."),
        required=False,
        max_length=BANK_DETAIL_MAX_LENGTH,
        widget=forms.TextInput(attrs=_TYPED),
    )
    swift_code: _AccountField = _AccountField(
        label=_("SWIFT code (BIC)"),
        help_text=_("Of the bank, with the account number: 8 or 11 characters."),
        required=False,
        max_length=BANK_DETAIL_MAX_LENGTH,
        widget=forms.TextInput(attrs=_TYPED),
    )
    routing_code_value: forms.CharField = _text(
        _("Routing code"),
        _("Where the country has one, such as a sort code or an ABA number."),
    )
    routing_code_type: forms.CharField = _text(
        _("Type of the routing code"), _("As Redpin names it; only without a SWIFT code.")
    )
    bank_country_code: _CodeField = _CodeField(
        label=_("Country of the bank"),
        help_text=_("Only without a SWIFT code."),
        choices=country_choices,
        required=False,
    )
    is_account_abroad: forms.BooleanField = forms.BooleanField(
        label=_("The account is in another country than the payee"), required=False
    )
    address_line: forms.CharField = _text(_("Street and number"))
    city: forms.CharField = _text(_("City"))
    state: forms.CharField = _text(_("State or region"))
    post_code: forms.CharField = _text(_("Post code"))
    email: forms.EmailField = forms.EmailField(label=_("E-mail"), required=False)
    phone_number: forms.CharField = _text(_("Phone"))
    mobile_number: forms.CharField = _text(_("Mobile phone"))
    nick_name: forms.CharField = _text(_("Nickname"))
    payment_reference: forms.CharField = forms.CharField(
        label=_("Payment reference"),
        help_text=_("What the payee reads on the statement; letters, digits and spaces."),
        required=False,
        max_length=BANK_DETAIL_MAX_LENGTH,
        validators=[RegexValidator(r"\A[A-Za-z0-9 ]*\Z", _("Letters, digits and spaces alone."))],
    )

    # Where what has no field of its own is told; None for above the form.
    other_field: str | None = None

    class Meta:
        model = Recipient
        fields: tuple[str, ...] = ("name", "type", "country_code", "currency")

    def __init__(self, *args: Any, account: str = DEFAULT_ACCOUNT, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            raise ValueError("This form takes new recipients: for another account, make another.")
        self.instance.account = account

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        """Return what was typed, and put what has no column of its own where it belongs."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        details = self.bank_details(cleaned)
        self._check_bank_details(details)
        self.instance.bank_details = details
        self.instance.address = _given(cleaned, ADDRESS)
        self.instance.further_details = self.further_details(cleaned)
        return cleaned

    def bank_details(self, cleaned: Mapping[str, Any]) -> dict[str, str]:
        """Return the bank details, by Redpin's names; what is empty is left out."""
        return _given(cleaned, BANK_DETAILS)

    def further_details(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """Return Redpin's optional fields, by its names; what is empty is left out."""
        return _given(cleaned, FURTHER_DETAILS)

    def needs_account(self, cleaned: Mapping[str, Any]) -> bool:
        """Tell whether bank details are needed: a payee whom Redpin knows may have none."""
        return True

    @sensitive_variables()
    def _check_bank_details(self, details: dict[str, str]) -> None:
        cleaned = self.cleaned_data
        known = {name: value for name, value in details.items() if name in BANK_DETAILS}
        if set(BANK_DETAILS) & set(self.errors):
            return  # What is missing can't be told from what is wrong.
        if details or self.needs_account(cleaned):
            for name, message in _missing_or_needless(set(known)):
                self._add_fault(name, message, "combination")
        country, is_abroad = cleaned.get("country_code", ""), cleaned.get("is_account_abroad")
        for fault in account_faults(known, country, is_abroad=bool(is_abroad) or not country):
            self._add_fault(fault.field, fault_message(fault), fault.code)
        for fault in bank_details_faults(details, cleaned.get("currency", ""), "bank_details"):
            name = fault.field.rpartition(".")[2]
            if not self.has_error(name):  # The check digits have been told of.
                self._add_fault(name, fault_message(fault), fault.code)

    def _add_fault(self, name: str, message: str, code: str) -> None:
        told = forms.ValidationError(message, code=code)
        self.add_error(name if name in self.fields else self.other_field, told)


def _given(cleaned: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    return {name: cleaned[name] for name in names if cleaned.get(name)}


def _missing_or_needless(given: set[str]) -> list[tuple[str, Any]]:
    """Return the fields that make it none of Redpin's combinations, and what to do about each."""
    if any(given == set(names) for names in COMBINATIONS):
        return []
    if not given:
        return [("iban", _NOTHING)]
    if "iban" in given:
        return [(name, _BESIDES_IBAN) for name in BANK_DETAILS[1:] if name in given]
    found: list[tuple[str, Any]] = []
    if "account_number" not in given:
        found.append(("account_number", _NO_NUMBER))
    if "swift_code" in given:
        needless = ("routing_code_type", "bank_country_code")
        return found + [(name, _BESIDES_SWIFT) for name in needless if name in given]
    if given <= {"account_number"}:
        return [*found, ("swift_code", _NO_BANK)]
    return found + [(name, _NO_ROUTE) for name in _ROUTED[1:] if name not in given]
