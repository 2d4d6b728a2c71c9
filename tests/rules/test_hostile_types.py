"""Values of any type in any field become faults at that field, and never an exception."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from moneyed import Currency, Money

from django_redpin.rules.requests import Item, Payee, PayeeShare

from .samples import ESCROW, FOREIGN, RIGHT, found_in, right_but

MONEY = RIGHT.amount
foreign = pytest.mark.parametrize("value", FOREIGN.values(), ids=FOREIGN.keys())


def _fields(**changes: Any) -> set[str]:
    return {field for field, _code in found_in(right_but(**changes))}


@foreign
@pytest.mark.parametrize(
    "field", ["client_customer_ref", "client_reference_id", "purpose_of_transaction"]
)
def test_what_is_no_text_is_a_fault(field: str, value: object) -> None:
    assert found_in(right_but(**{field: value})) == [(field, "required")]


@foreign
def test_what_is_no_money_is_a_fault_of_the_amount(value: object) -> None:
    assert found_in(right_but(amount=value)) == [("amount", "not_money")]


@pytest.mark.parametrize("value", ["250000.00 AED", ("250000.00", "AED"), [MONEY]])
def test_what_only_looks_like_money_is_a_fault_of_the_amount(value: object) -> None:
    assert found_in(right_but(amount=value)) == [("amount", "not_money")]


@foreign
def test_what_is_no_date_is_a_fault_of_the_due_date(value: object) -> None:
    assert found_in(right_but(due_date=value)) == [("due_date", "not_a_date")]


@pytest.mark.parametrize(
    "value",
    ["2026-12-24", datetime(2026, 12, 24), 20261224],  # noqa: DTZ001  Naive on purpose.
)
def test_what_only_looks_like_a_date_is_a_fault_of_the_due_date(value: object) -> None:
    assert found_in(right_but(due_date=value)) == [("due_date", "not_a_date")]


@foreign
def test_what_is_no_list_of_recipients_is_a_fault(value: object) -> None:
    assert _fields(recipients=value) == {"recipient_details"}


@foreign
def test_what_is_no_list_of_items_is_a_fault(value: object) -> None:
    expected = set() if value is None else {"items"}  # None says: no items.
    assert _fields(items=value) == expected


@foreign
@pytest.mark.parametrize("field", ["allowed_origins", "callbacks"])
def test_what_is_no_list_of_addresses_is_a_fault(field: str, value: object) -> None:
    assert found_in(right_but(**{field: value})) == [(field, "not_a_list")]


@pytest.mark.parametrize("field", ["recipients", "items", "allowed_origins", "callbacks"])
def test_text_in_place_of_a_list_is_not_taken_for_its_letters(field: str) -> None:
    path = "recipient_details" if field == "recipients" else field
    assert _fields(**{field: "https://example.com"}) == {path}


@foreign
@pytest.mark.parametrize("field", ["allowed_origins", "callbacks"])
def test_what_is_no_address_is_a_fault_of_its_entry(field: str, value: object) -> None:
    changes = {field: ["https://example.com", value]}
    assert found_in(right_but(**changes)) == [(f"{field}[1]", "required")]


@foreign
def test_what_is_no_share_is_a_fault_of_its_entry(value: object) -> None:
    changes = {"recipients": [PayeeShare(ESCROW, MONEY), value]}
    assert found_in(right_but(**changes)) == [("recipient_details[1]", "not_a_share")]


@foreign
def test_what_is_no_item_is_a_fault_of_its_entry(value: object) -> None:
    changes = {"items": [Item("", "", MONEY), value]}
    assert found_in(right_but(**changes)) == [("items[1]", "not_an_item")]


@foreign
def test_what_is_no_money_is_a_fault_of_its_share(value: Any) -> None:
    changes = {"recipients": [PayeeShare(ESCROW, value)]}
    assert found_in(right_but(**changes)) == [("recipient_details[0].amount", "not_money")]


@foreign
def test_what_is_no_money_is_a_fault_of_its_item(value: Any) -> None:
    changes = {"items": [Item("", "", value)]}
    assert found_in(right_but(**changes)) == [("items[0].amount", "not_money")]


@foreign
def test_what_is_no_text_is_a_fault_of_its_item(value: Any) -> None:
    changes = {"items": [Item(value, value, MONEY)]}
    assert found_in(right_but(**changes)) == [
        ("items[0].item_ref", "invalid_text"),
        ("items[0].description", "invalid_text"),
    ]


@foreign
def test_what_is_no_payee_is_a_fault_of_its_share(value: Any) -> None:
    assert _fields(recipients=[PayeeShare(value, MONEY)]) == {"recipient_details[0]"}


@pytest.mark.parametrize("value", ["AE070331234567890123456", ["iban"], 7, 0.1, b"iban"])
def test_bank_details_that_are_no_mapping_are_a_fault(value: Any) -> None:
    payee = Payee("Agent", "Corporate", "ARE", "AED", bank_details=value)
    fields = _fields(recipients=[PayeeShare(payee, MONEY)])
    assert len(fields) == 1
    assert fields.pop().startswith("recipient_details[0]")


@pytest.mark.parametrize("value", [501, 0.1, b"501", True, ["501"]])
def test_a_recipient_id_that_is_no_text_is_a_fault(value: Any) -> None:
    fields = _fields(recipients=[PayeeShare(Payee("Escrow", recipient_id=value), MONEY)])
    assert len(fields) == 1
    assert fields.pop().startswith("recipient_details[0]")


EXTREMES = ["NaN", "sNaN", "Infinity", "-Infinity", "-0", "0", "-0.00", "1E+999999", "-1E+999999"]
EXTREMES += ["1E-999999", "-1E-999999", "1E+15", "0E+999999", "0E-999999"]
# Beyond the exponents of decimal's default context.
EXTREMES += ["1E+1000000", "1E+999999999999999999", "1E-1000050", "9.9E-999999999999999"]


@pytest.mark.parametrize("amount", EXTREMES)
def test_an_extreme_amount_is_a_fault_wherever_it_stands(amount: str) -> None:
    money = Money(Decimal(amount), "AED")
    assert "amount" in _fields(amount=money)
    assert "recipient_details[0].amount" in _fields(recipients=[PayeeShare(ESCROW, money)])
    assert "items[0].amount" in _fields(items=[Item("", "", money)])


@pytest.mark.parametrize("code", ["", "AE", "aed", "AEDX", "QQQ", "درهم", "\ud800", "AED\n"])
def test_a_currency_that_is_none_is_a_fault(code: str) -> None:
    assert "amount.currency" in _fields(amount=Money(1, Currency(code)))


def test_a_currency_of_ones_own_does_not_change_how_many_decimals_there_are() -> None:
    finer = Currency("AED", sub_unit=1000)
    amount = Money("1.005", finer)
    assert ("amount", "too_many_decimals") in found_in(right_but(amount=amount))


def test_everything_hostile_at_once_is_still_only_faults() -> None:
    hostile: Any = FOREIGN["object"]
    request = right_but(
        client_customer_ref=None,
        client_reference_id=b"order-1",
        amount=250000.00,
        due_date=datetime(2026, 12, 24, tzinfo=timezone.utc),
        purpose_of_transaction=["PROPERTY_PURCHASE"],
        recipients=[hostile],
        items=[hostile],
        allowed_origins=[hostile],
        callbacks=[hostile],
    )
    assert found_in(request) == [
        ("client_customer_ref", "required"),
        ("client_reference_id", "required"),
        ("amount", "not_money"),
        ("due_date", "not_a_date"),
        ("purpose_of_transaction", "required"),
        ("recipient_details[0]", "not_a_share"),
        ("items[0]", "not_an_item"),
        ("allowed_origins[0]", "required"),
        ("callbacks[0]", "required"),
    ]


def test_a_subclass_of_date_is_a_date() -> None:
    class Day(date):
        pass

    assert found_in(right_but(due_date=Day(2026, 12, 24))) == []
