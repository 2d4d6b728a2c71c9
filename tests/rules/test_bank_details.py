"""Bank details: text by name, in the recipient's currency; and no fault gives them away."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_redpin.rules.bank_details import bank_details_faults
from django_redpin.rules.requests import Payee, PayeeShare, request_faults

from .samples import FOREIGN, POLICY, RIGHT, examples, found_in, right_but

IBAN = "AE070331234567890123456"
PATH = "recipient_details[0].recipient_bank_details"


def paid_to(details: Any, currency: str = "AED") -> Any:
    payee = Payee("Agent", "Corporate", "ARE", currency, details)
    return right_but(recipients=[PayeeShare(payee, RIGHT.amount)])


@pytest.mark.parametrize(
    "details",
    [
        {"iban": IBAN},
        {"iban": IBAN, "currency": "AED"},
        {"account_number": "1" * 255, "swift_code": "EBILAEAD", "bank_name": "بنك 🏦"},
    ],
)
def test_right_bank_details_have_no_fault(details: dict[str, str]) -> None:
    assert found_in(paid_to(details)) == []


@pytest.mark.parametrize("named", ["USD", "aed", "AED ", "XXX"])
def test_bank_details_name_no_other_currency_than_the_recipients(named: str) -> None:
    assert found_in(paid_to({"iban": IBAN, "currency": named})) == [
        (f"{PATH}.currency", "account_currency_mismatch")
    ]


def test_a_recipient_without_a_currency_gets_none_from_its_bank_details() -> None:
    assert found_in(paid_to({"iban": IBAN, "currency": "USD"}, currency="")) == [
        (f"{PATH}.currency", "account_currency_mismatch")
    ]


@pytest.mark.parametrize("name", ["iban", "currency"])
@pytest.mark.parametrize(
    "value",
    ["", "A" * 256, "AE07\x00", "\ud800AE07", *FOREIGN.values()],
    ids=["empty", "long", "NUL", "surrogate", *FOREIGN],
)
def test_a_value_that_is_no_text_is_a_fault_of_its_name(name: str, value: object) -> None:
    assert found_in(paid_to({name: value})) == [(f"{PATH}.{name}", "invalid_text")]


@pytest.mark.parametrize(
    "name", ["", "n" * 256, "iban\x00", "\udfff", None, 7, 0.5, b"iban", ("a",)]
)
def test_a_name_that_is_no_text_is_a_fault_of_the_whole(name: object) -> None:
    assert found_in(paid_to({name: IBAN, "swift_code": "EBILAEAD"})) == [(PATH, "invalid_text")]


def test_what_is_given_by_redpins_id_is_held_to_the_same_rule() -> None:
    payee = Payee("Escrow", currency="AED", bank_details={"currency": "USD"}, recipient_id="501")

    assert found_in(right_but(recipients=[PayeeShare(payee, RIGHT.amount)])) == [
        (f"{PATH}.currency", "account_currency_mismatch")
    ]


def test_no_fault_gives_an_account_away() -> None:
    details: Any = {IBAN: "", "iban": f"{IBAN}\x00", f"{IBAN}\ud800": IBAN, "currency": IBAN}

    faults = request_faults(paid_to(details), POLICY)

    assert len(faults) == 4
    assert IBAN not in str(faults)


@pytest.mark.heavy
@given(st.dictionaries(st.text() | st.none() | st.integers(), st.text() | st.binary()))
@examples(200)
def test_what_is_let_through_is_a_flat_dict_of_text(details: dict[Any, Any]) -> None:
    if not bank_details_faults(details, "AED", ""):
        for text in (*details, *details.values()):
            assert 1 <= len(text) <= 255
            assert text.encode("utf-8").count(0) == 0
        assert details.get("currency", "AED") == "AED"
