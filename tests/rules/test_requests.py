"""Every rule of Redpin's page about a request: where a fault is reported, and that all are."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from moneyed import Currency, Money

from django_redpin.rules.requests import Item, Payee, PayeeShare, Policy, request_faults

from .samples import AGENT, ESCROW, POLICY, RIGHT, TODAY, found_in, right_but

AED_100 = Money("100.00", "AED")


def _paid_in(total: Money, *shares: Money, items: list[Money] | None = None) -> dict[str, Any]:
    return {
        "amount": total,
        "recipients": [PayeeShare(Payee("P", recipient_id="1"), share) for share in shares],
        "items": None if items is None else [Item("", "", amount) for amount in items],
    }


def test_a_request_that_breaks_no_rule_has_no_faults() -> None:
    assert request_faults(RIGHT, POLICY) == ()


def test_items_origins_and_callbacks_may_be_left_out() -> None:
    assert found_in(right_but(items=None, allowed_origins=(), callbacks=())) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"client_customer_ref": ""}, ("client_customer_ref", "required")),
        ({"client_customer_ref": " \t"}, ("client_customer_ref", "required")),
        ({"client_customer_ref": "C" * 256}, ("client_customer_ref", "too_long")),
        ({"client_customer_ref": "CUST\n1"}, ("client_customer_ref", "invalid_characters")),
        ({"client_customer_ref": "CUST\ud800"}, ("client_customer_ref", "invalid_characters")),
        ({"client_reference_id": ""}, ("client_reference_id", "required")),
        ({"client_reference_id": "r" * 101}, ("client_reference_id", "too_long")),
        ({"client_reference_id": "order 1"}, ("client_reference_id", "invalid_characters")),
        ({"due_date": TODAY + timedelta(days=4)}, ("due_date", "too_soon")),
        ({"due_date": TODAY - timedelta(days=365)}, ("due_date", "too_soon")),
        ({"due_date": date.min}, ("due_date", "too_soon")),
        ({"due_date": "2026-12-24"}, ("due_date", "not_a_date")),
        ({"purpose_of_transaction": ""}, ("purpose_of_transaction", "required")),
        ({"purpose_of_transaction": "  "}, ("purpose_of_transaction", "required")),
        ({"purpose_of_transaction": "P" * 101}, ("purpose_of_transaction", "too_long")),
        ({"purpose_of_transaction": "P\r\n"}, ("purpose_of_transaction", "invalid_characters")),
        ({"recipients": []}, ("recipient_details", "required")),
        ({"recipients": [AGENT]}, ("recipient_details[0]", "not_a_share")),
        ({"items": []}, ("items", "required")),
        ({"items": ["UNIT-1204"]}, ("items[0]", "not_an_item")),
        ({"allowed_origins": "https://example.com"}, ("allowed_origins", "not_a_list")),
        ({"allowed_origins": None}, ("allowed_origins", "not_a_list")),
        (
            {"allowed_origins": ["https://example.com", "https://example.com/"]},
            ("allowed_origins[1]", "has_path"),
        ),
        ({"allowed_origins": ["https://*.example.com"]}, ("allowed_origins[0]", "wildcard")),
        ({"callbacks": "https://example.com/hook"}, ("callbacks", "not_a_list")),
        (
            {"callbacks": ["https://example.com/hook", "http://example.com/hook"]},
            ("callbacks[1]", "not_https"),
        ),
        ({"callbacks": ["/hook"]}, ("callbacks[0]", "invalid_url")),
    ],
)
def test_a_broken_rule_is_reported_once_at_its_path(
    changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert found_in(right_but(**changes)) == [expected]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (_paid_in(Money(0, "AED"), Money(0, "AED")), ("amount", "not_positive")),
        (_paid_in(Money("-1", "AED"), AED_100), ("amount", "not_positive")),
        (_paid_in(Money("0.001", "AED"), AED_100), ("amount", "too_many_decimals")),
        (_paid_in(Money("0.5", "JPY"), Money(1, "JPY")), ("amount", "too_many_decimals")),
        (_paid_in(Money("1.0001", "KWD"), Money(1, "KWD")), ("amount", "too_many_decimals")),
        (_paid_in(Money(10**13, "AED"), AED_100), ("amount", "too_large")),
        (
            _paid_in(Money(1, Currency("QQQ")), Money(1, Currency("QQQ"))),
            ("amount.currency", "unknown_currency"),
        ),
        (
            _paid_in(AED_100, Money("100.01", "AED"), Money("-0.01", "AED")),
            ("recipient_details[1].amount", "not_positive"),
        ),
        (
            _paid_in(AED_100, Money("99.995", "AED"), Money("0.005", "AED")),
            ("recipient_details[0].amount", "too_many_decimals"),
        ),
        (
            _paid_in(AED_100, Money("50", "AED"), Money("50", "USD")),
            ("recipient_details[1].amount.currency", "currency_mismatch"),
        ),
        (_paid_in(AED_100, Money("99.99", "AED")), ("recipient_details", "sum_mismatch")),
        (_paid_in(AED_100, AED_100, Money("0.01", "AED")), ("recipient_details", "sum_mismatch")),
        (
            _paid_in(AED_100, AED_100, items=[AED_100, Money(0, "AED")]),
            ("items[1].amount", "not_positive"),
        ),
        (
            _paid_in(AED_100, AED_100, items=[Money(100, "EUR")]),
            ("items[0].amount.currency", "currency_mismatch"),
        ),
        (_paid_in(AED_100, AED_100, items=[Money("100.01", "AED")]), ("items", "sum_mismatch")),
    ],
)
def test_a_wrong_amount_is_reported_at_its_path(
    changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert expected in found_in(right_but(**changes))


def test_recipients_and_items_sum_to_the_total_each_for_themselves() -> None:
    changes = _paid_in(AED_100, Money(60, "AED"), Money(40, "AED"), items=[Money(100, "AED")])
    assert found_in(right_but(**changes)) == []


@pytest.mark.parametrize("days", [5, 6, 400])
def test_the_due_date_is_five_calendar_days_ahead_or_later(days: int) -> None:
    assert found_in(right_but(due_date=TODAY + timedelta(days=days))) == []


def test_the_last_date_of_the_calendar_is_a_due_date_like_any_other() -> None:
    assert found_in(right_but(due_date=date.max)) == []


def test_five_days_ahead_may_be_in_another_year() -> None:
    policy = Policy(today=date(2026, 12, 29))
    assert found_in(right_but(due_date=date(2027, 1, 3)), policy) == []
    assert found_in(right_but(due_date=date(2027, 1, 2)), policy) == [("due_date", "too_soon")]


def test_a_due_date_that_is_too_soon_is_told_the_first_one_that_is_not() -> None:
    (fault,) = request_faults(right_but(due_date=TODAY), POLICY)
    assert "2026-11-27" in fault.message


@pytest.mark.parametrize(
    "purpose", ["property_purchase", "PROPERTY", "PROPERTY_PURCHASE ", "PROPERTY_PURCHASES"]
)
def test_a_purpose_is_one_of_the_merchants_list_exactly(purpose: str) -> None:
    policy = Policy(today=TODAY, purposes=("PROPERTY_PURCHASE", "RENT"))
    assert found_in(right_but(purpose_of_transaction="RENT"), policy) == []
    assert found_in(right_but(purpose_of_transaction=purpose), policy) == [
        ("purpose_of_transaction", "invalid_choice")
    ]


def test_any_purpose_will_do_where_the_merchant_has_set_none() -> None:
    assert found_in(right_but(purpose_of_transaction="Buying a boat")) == []


def test_no_purpose_will_do_where_the_merchants_list_is_empty() -> None:
    policy = Policy(today=TODAY, purposes=())
    assert found_in(RIGHT, policy) == [("purpose_of_transaction", "invalid_choice")]


def test_the_newer_api_s_length_of_a_reference_can_be_set() -> None:
    policy = Policy(today=TODAY, reference_max_length=36)
    assert found_in(right_but(client_reference_id="r" * 36), policy) == []
    assert found_in(right_but(client_reference_id="r" * 37), policy) == [
        ("client_reference_id", "too_long")
    ]


def test_a_recipient_has_an_id_or_bank_details() -> None:
    shares = [
        PayeeShare(ESCROW, Money("245000.00", "AED")),
        PayeeShare(Payee("Agent", currency="AED"), Money("5000.00", "AED")),
    ]
    assert found_in(right_but(recipients=shares)) == [("recipient_details[1]", "no_account")]


def test_a_recipients_account_is_in_the_currency_of_the_session() -> None:
    dollars = Payee("Agent", currency="USD", recipient_id="7")
    shares = [PayeeShare(dollars, Money("250000.00", "AED"))]
    assert found_in(right_but(recipients=shares)) == [
        ("recipient_details[0].amount.currency", "account_currency_mismatch")
    ]


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (Item("U" * 101, "Deposit", RIGHT.amount), "items[0].item_ref"),
        (Item("U\x00", "Deposit", RIGHT.amount), "items[0].item_ref"),
        (Item("U", "D" * 256, RIGHT.amount), "items[0].description"),
        (Item("U", "D\x00", RIGHT.amount), "items[0].description"),
    ],
)
def test_an_items_text_is_one_that_a_row_can_hold(item: Item, field: str) -> None:
    assert found_in(right_but(items=[item])) == [(field, "invalid_text")]


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (Item("U\ud800", "Deposit", RIGHT.amount), "items[0].item_ref"),
        (Item("U", "D\udfff", RIGHT.amount), "items[0].description"),
    ],
)
def test_an_items_text_can_be_written_in_utf_8(item: Item, field: str) -> None:
    assert found_in(right_but(items=[item])) == [(field, "invalid_text")]


def test_an_item_needs_neither_a_reference_nor_plain_ascii() -> None:
    item = Item("", "عربون, unité n° 1204 🏠", RIGHT.amount)
    assert found_in(right_but(items=[item])) == []


def test_all_faults_are_reported_together_in_the_order_of_redpins_page() -> None:
    request = right_but(
        client_customer_ref="",
        client_reference_id="order 1" * 20,
        amount=Money("250000.001", "AED"),
        due_date=TODAY,
        purpose_of_transaction="",
        recipients=[
            PayeeShare(Payee("Nobody"), Money(0, "AED")),
            PayeeShare(Payee("Agent", currency="EUR", recipient_id="7"), Money("1.005", "USD")),
        ],
        items=[Item("U" * 101, "D" * 256, Money(1, "JPY")), Item("", "", Money(-1, "AED"))],
        allowed_origins=["http://example.com", "*"],
        callbacks=["ftp://example.com", "https://user@example.com"],
    )
    assert found_in(request) == [
        ("client_customer_ref", "required"),
        ("client_reference_id", "too_long"),
        ("client_reference_id", "invalid_characters"),
        ("amount", "too_many_decimals"),
        ("due_date", "too_soon"),
        ("purpose_of_transaction", "required"),
        ("recipient_details[0]", "no_account"),
        ("recipient_details[1].amount.currency", "account_currency_mismatch"),
        ("recipient_details[0].amount", "not_positive"),
        ("recipient_details[1].amount", "too_many_decimals"),
        ("recipient_details[1].amount.currency", "currency_mismatch"),
        ("items[0].item_ref", "invalid_text"),
        ("items[0].description", "invalid_text"),
        ("items[0].amount.currency", "currency_mismatch"),
        ("items[1].amount", "not_positive"),
        ("allowed_origins[0]", "not_https"),
        ("allowed_origins[1]", "wildcard"),
        ("callbacks[0]", "not_https"),
        ("callbacks[1]", "invalid_url"),
    ]


def test_faults_of_both_sums_are_reported_together() -> None:
    changes = _paid_in(AED_100, Money(99, "AED"), items=[Money(101, "AED")])
    assert found_in(right_but(**changes)) == [
        ("recipient_details", "sum_mismatch"),
        ("items", "sum_mismatch"),
    ]


def test_a_share_that_is_none_hides_no_fault_of_the_others() -> None:
    shares = [None, PayeeShare(ESCROW, Money(-1, "AED"))]
    assert set(found_in(right_but(recipients=shares))) == {
        ("recipient_details[0]", "not_a_share"),
        ("recipient_details[1].amount", "not_positive"),
    }


def test_an_item_that_is_none_hides_no_fault_of_the_others() -> None:
    items = [None, Item("", "", Money(-1, "AED"))]
    assert set(found_in(right_but(items=items))) == {
        ("items[0]", "not_an_item"),
        ("items[1].amount", "not_positive"),
    }


def test_faults_of_origins_come_before_those_of_callbacks() -> None:
    assert found_in(right_but(allowed_origins=["*"], callbacks=None)) == [
        ("allowed_origins[0]", "wildcard"),
        ("callbacks", "not_a_list"),
    ]


def test_a_callback_to_this_machine_is_for_development_only() -> None:
    request = right_but(callbacks=["http://localhost:8000/hook"])
    assert found_in(request) == [("callbacks[0]", "not_https")]
    assert found_in(request, Policy(today=TODAY, allow_loopback=True)) == []
