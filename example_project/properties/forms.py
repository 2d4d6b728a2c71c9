"""The checkout form: who buys, and under which reference Redpin knows the buyer."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from .models import Order

if TYPE_CHECKING:
    from django.http import QueryDict

# Redpin: a customer reference is letters, digits, hyphens and underscores.
_REFERENCE: Final = RegexValidator(
    r"\A[A-Za-z0-9_-]+\Z",
    _("Use only letters from A to Z, digits, hyphens and underscores, such as MQ-2041."),
)
# A field takes what its column holds; an EmailField by itself would take more.
_LONGEST: Final = {column.name: column.max_length for column in Order._meta.fields}


class CheckoutForm(forms.Form):
    """A buyer's details. `order` makes a form that was sent twice one order."""

    # Labels stand above their fields, where a colon has nothing to say.
    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, label_suffix="")

    order = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    buyer_name = forms.CharField(
        label=_("Full name"),
        max_length=_LONGEST["buyer_name"],
        help_text=_("As in the passport or company register."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("Enter the buyer's full name.")},
    )
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=_LONGEST["email"],
        help_text=_("The receipt goes there."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={
            "required": _("Enter an e-mail address, so that we can send the receipt."),
            "invalid": _("Enter a complete e-mail address, such as amal@example.com."),
        },
    )
    client_customer_ref = forms.CharField(
        label=_("Buyer's reference"),
        max_length=_LONGEST["client_customer_ref"],
        help_text=_("From your welcome letter, such as MQ-2041."),
        validators=[_REFERENCE],
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
        error_messages={"required": _("Enter the reference from your welcome letter.")},
    )
