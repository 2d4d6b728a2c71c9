"""Each view of the tag and each error, rendered in each language: no word is left in English."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

import pytest
from django.utils import timezone, translation
from moneyed import Money

from django_redpin import exceptions
from django_redpin.exceptions import RedpinError
from django_redpin.l10n import fault_message
from django_redpin.rules.faults import Fault
from django_redpin.rules.money import amount_faults
from django_redpin.rules.requests import (
    Item,
    Payee,
    PayeeShare,
    Policy,
    SessionRequest,
    request_faults,
)
from tests.languages import PACKAGE, TRANSLATED, sources, untranslated, watch

from .reading import State, make_session, render

TODAY: Final = date(2026, 11, 25)
AGO: Final = timedelta(minutes=-5)
OPTIONS: Final[dict[str, Any]] = {"mode": "iframe", "theme": None, "title": "", "height": None}


def pages() -> list[str]:
    """Render every view there is, in each of its variants."""
    expired = {"expires_at": timezone.now() + AGO}
    sessions: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {"mode": "iframe"}),
        ({}, {"mode": "redirect"}),
        ({}, {"mode": "popup"}),
        ({"payment_status": "AWAITING_FUNDS"}, {"mode": "redirect"}),
        ({"payment_status": "PROCESSING", "session_url": ""}, {}),
        ({"payment_status": "PAYMENT_COMPLETED", "session_url": ""}, {}),
        ({"payment_status": "CANCELLED", "session_url": ""}, {}),
        ({"payment_status": "REFUNDED", "session_url": ""}, {}),
        ({"payment_status": "BOUNCED_BACK", "session_url": ""}, {}),
        ({"state": State.REJECTED}, {}),
        ({"state": State.CREATING}, {}),
        (expired, {}),
    ]
    shown = [
        render(make_session(pk=7, **changes), renew_url="/renew/", **OPTIONS | options).html
        for changes, options in sessions
    ]
    return [*shown, render(None, **OPTIONS).html]  # type: ignore[arg-type]


def user_messages() -> list[str]:
    kinds: list[type[RedpinError]] = [getattr(exceptions, name) for name in exceptions.__all__]
    return [str(kind.user_message) for kind in kinds]


def faults() -> list[Fault]:
    """Return what somebody who fills a form in can do wrong."""
    request = SessionRequest(
        client_customer_ref="CUST_7",
        client_reference_id="order-7",
        amount=Money("1", "AED"),
        due_date=TODAY,
        purpose_of_transaction="PROPERTY_PURCHASE",
        recipients=[PayeeShare(Payee("Escrow", recipient_id="1"), Money("1", "AED"))],
        items=[Item("UNIT-7", "x" * 2000, Money("1", "AED"))],
    )
    amounts = [Money(each, "AED") for each in ("0", "1.234", "1e14", "NaN")]
    return [
        *request_faults(request, Policy(today=TODAY)),
        *(fault for amount in amounts for fault in amount_faults(amount, "amount")),
    ]


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_of_a_view_or_an_error_is_in_the_catalogue(
    monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    watched = watch(monkeypatch, language)
    with translation.override(language):
        pages()
        user_messages()
        for fault in faults():
            fault_message(fault)

    # All that is there was asked for, too: no view is missing above.
    assert watched.asked == sources(PACKAGE, language)


def test_no_word_of_a_view_goes_past_the_translator(monkeypatch: pytest.MonkeyPatch) -> None:
    watch(monkeypatch, "de")
    with translation.override("de"):
        shown = pages()

    for html in shown:
        assert untranslated(html, "order-7") == []


def test_a_word_that_is_not_marked_would_be_found() -> None:
    assert untranslated("<p>⟦Paid⟧ <b>today</b></p><i title='Yes'>order-7</i>", "order-7") == [
        "today",
        "Yes",
    ]


def test_no_error_speaks_past_the_translator(monkeypatch: pytest.MonkeyPatch) -> None:
    watch(monkeypatch, "de")
    with translation.override("de"):
        said = user_messages()

    assert len(said) > 10
    assert [text for text in said if not (text.startswith("⟦") and text.endswith("⟧"))] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_fault_of_a_form_is_told_in_the_payers_language(language: str) -> None:
    told = faults()
    with translation.override(language):
        texts = [fault_message(fault) for fault in told]

    assert len(told) == 6
    assert not set(texts) & {fault.message for fault in told}
    assert "2026" in texts[0]
    assert "2026-11-30" not in texts[0]
    assert told[0].message == "The due date has to be 2026-11-30 or later."


def test_in_english_a_fault_reads_as_the_log_has_it() -> None:
    too_soon, *others = faults()
    assert fault_message(too_soon) == "The due date has to be November 30, 2026 or later."
    for fault in others:
        assert fault_message(fault) == fault.message
    assert fault_message(Fault("x", "y", "50% is no reference.")) == "50% is no reference."
    assert fault_message(Fault("x", "y", "")) == ""
