"""A form shows Redpin's errors on its own fields."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from django import forms

from django_redpin.exceptions import (
    InvalidPaymentSession,
    NoAnswer,
    OutcomeUnknown,
    PaymentUnderWay,
    RedpinError,
    SessionRejected,
)
from django_redpin.forms import add_faults
from django_redpin.models import PaymentSession, Recipient
from django_redpin.rules.faults import Fault


class PaymentForm(forms.Form):
    deposit = forms.DecimalField()
    due_date = forms.CharField()
    items = forms.CharField()
    payee = forms.CharField()
    first_payee = forms.CharField(required=False)


class RecipientForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Recipient
        fields: ClassVar[list[str]] = ["name", "currency"]


RIGHT = {"deposit": "1", "due_date": "2030-01-01", "items": "x", "payee": "y"}


@pytest.fixture
def form() -> PaymentForm:
    bound = PaymentForm(RIGHT)
    assert bound.is_valid()
    return bound


def invalid(*fields: str, message: str = "wrong") -> InvalidPaymentSession:
    return InvalidPaymentSession(tuple(Fault(field, "a_code", message) for field in fields))


def refused(field: str, description: str = "wrong") -> SessionRejected:
    session = PaymentSession(
        last_error_code="INVALID_PARAMETER", last_error=description, last_error_field=field
    )
    return SessionRejected(session)


@pytest.mark.parametrize("kind", ["checked here", "refused by Redpin"])
@pytest.mark.parametrize(
    ("path", "shown_on"),
    [
        ("amount", "deposit"),
        ("amount.currency", "deposit"),
        ("amount[0]", "deposit"),
        ("amounts", "__all__"),
        ("due_date", "due_date"),
        ("items[3].amount.currency", "items"),
        ("recipient_details", "payee"),
        ("recipient_details[1].amount", "payee"),
        ("recipient_details[0].amount", "first_payee"),
        ("recipient_details[0]", "first_payee"),
        ("recipient_details[00]", "payee"),
        ("recipient_details[0]x", "payee"),
        ("recipient_detail", "__all__"),
        ("purpose_of_transaction", "__all__"),
        ("callbacks[0]", "__all__"),  # Mapped to what this form doesn't have.
        ("payee", "payee"),
        ("__all__", "__all__"),
        (".", "__all__"),
        ("[0]", "__all__"),
        ("", "__all__"),
    ],
)
def test_a_fault_is_shown_on_the_field_that_it_is_about(
    form: PaymentForm, kind: str, path: str, shown_on: str
) -> None:
    fields = {
        "amount": "deposit",
        "recipient_details": "payee",
        "recipient_details[0]": "first_payee",
        "callbacks": "gone",
    }
    error: RedpinError = refused(path) if kind == "refused by Redpin" else invalid(path)

    add_faults(form, error, fields)

    assert form.errors == {shown_on: ["wrong"]}
    assert not form.is_valid()
    assert (shown_on in form.cleaned_data) is False
    code = "INVALID_PARAMETER" if kind == "refused by Redpin" else "a_code"
    assert form.errors.as_data()[shown_on][0].code == code


def test_all_faults_are_shown_at_once_beside_those_that_were_there(form: PaymentForm) -> None:
    form.add_error("due_date", "already wrong")

    add_faults(form, invalid("due_date", "items", "items[0].amount", "metadata", "idempotency_key"))

    assert form.errors == {
        "due_date": ["already wrong", "wrong"],
        "items": ["wrong", "wrong"],
        "__all__": ["wrong", "wrong"],
    }


def test_without_a_mapping_the_fields_of_the_same_name_are_meant(form: PaymentForm) -> None:
    add_faults(form, invalid("amount", "due_date"))

    assert form.errors == {"__all__": ["wrong"], "due_date": ["wrong"]}


@pytest.mark.django_db
def test_a_model_form_shows_them_too_and_saves_nothing() -> None:
    form = RecipientForm({"name": "Escrow", "currency": "AED"}, prefix=None)
    path = "recipient_details[0].recipient_bank_details.currency"

    add_faults(form, invalid(path, "recipient_details[0].name"), {path: "currency"})

    assert form.errors == {"currency": ["wrong"], "__all__": ["wrong"]}
    with pytest.raises(ValueError, match="didn't validate"):
        form.save()


def test_a_form_with_a_prefix_is_no_different() -> None:
    form = PaymentForm({f"p-{name}": value for name, value in RIGHT.items()}, prefix="p")

    add_faults(form, invalid("due_date"))

    assert form.errors == {"due_date": ["wrong"]}


@pytest.mark.parametrize("error", ["invalid", "refused"])
def test_what_redpin_says_is_escaped_where_it_is_shown(form: PaymentForm, error: str) -> None:
    text = '<script>alert("%(x)s")</script>'
    for field in ("due_date", "purpose_of_transaction"):
        add_faults(
            form, invalid(field, message=text) if error == "invalid" else refused(field, text)
        )

    page = f"{form} {form.as_p()} {form.errors} {form.non_field_errors()}"
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 6


@pytest.mark.parametrize(
    "error",
    [
        NoAnswer("Redpin could not be reached (ReadTimeout)."),
        OutcomeUnknown(PaymentSession()),
        PaymentUnderWay(PaymentSession(), "it is being paid."),
        refused("due_date", ""),
    ],
    ids=lambda error: type(error).__name__,
)
def test_of_other_errors_the_payer_is_told_in_plain_words_above_the_form(
    form: PaymentForm, error: Any
) -> None:
    add_faults(form, error, {"amount": "deposit"})

    assert form.errors == {"__all__": [str(error.user_message)]}
