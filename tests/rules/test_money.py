"""Money is exact: what sums is accepted, what is off by the smallest unit is refused."""

from __future__ import annotations

from decimal import Decimal, DecimalException, Inexact, localcontext
from typing import Final

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from moneyed import Money, get_currency

from django_redpin.rules.money import (
    amount_faults,
    exponent,
    money_of,
    quantise,
    sum_faults,
)

from .samples import examples

# By ISO 4217, written down here rather than asked of the code.
PLACES: Final = {"JPY": 0, "KRW": 0, "AED": 2, "USD": 2, "EUR": 2, "KWD": 3, "BHD": 3}
PART: Final = "recipient_details[{}].amount"

currencies = st.sampled_from(sorted(PLACES))
minor_units = st.integers(1, 10**13) | st.integers(1, 1000)


def _money(minor: int, currency: str) -> Money:
    digits = tuple(int(digit) for digit in str(abs(minor)))
    return Money(Decimal((int(minor < 0), digits, -PLACES[currency])), currency)


def _faults(total: object, parts: list[Money]) -> list[tuple[str, str]]:
    faults = sum_faults(
        total,
        dict(enumerate(parts)),
        "recipient_details",
        what="The amounts",
        part_path=PART,
        is_whole=True,
    )
    return [(fault.field, fault.code) for fault in faults]


@pytest.mark.parametrize(("currency", "places"), PLACES.items())
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, places: int) -> None:
    assert exponent(get_currency(currency)) == places


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("1", "JPY"),
        ("1.000", "JPY"),  # Zeros are no decimals.
        ("1E+3", "JPY"),
        ("0.01", "AED"),
        ("0.0100", "AED"),
        ("0.001", "KWD"),
        ("999999999999999", "JPY"),
        ("9999999999999.99", "AED"),
        ("999999999999.999", "KWD"),
    ],
)
def test_an_amount_with_its_currencys_decimals_is_payable(amount: str, currency: str) -> None:
    assert amount_faults(Money(amount, currency), "amount") == []


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("0.1", "JPY"),
        ("1.5", "JPY"),
        ("0.001", "AED"),
        ("10.005", "AED"),
        ("0.0001", "KWD"),
        ("0.30000000000000004", "AED"),  # What a float makes of 0.1 + 0.2.
    ],
)
def test_an_amount_with_more_decimals_is_not(amount: str, currency: str) -> None:
    (fault,) = amount_faults(Money(amount, currency), "amount")
    assert (fault.field, fault.code) == ("amount", "too_many_decimals")


@pytest.mark.parametrize(
    "amount", ["1.00000000000000000000000000001", "1000000000000.0000000000000001"]
)
def test_a_decimal_is_seen_however_far_behind_the_point_it_stands(amount: str) -> None:
    (fault,) = amount_faults(Money(Decimal(amount), "AED"), "amount")
    assert fault.code == "too_many_decimals"


@pytest.mark.parametrize(
    ("amount", "currency"), [("1E+15", "JPY"), ("1E+13", "AED"), ("1E+12", "KWD")]
)
def test_an_amount_of_sixteen_digits_is_too_large(amount: str, currency: str) -> None:
    (fault,) = amount_faults(Money(amount, currency), "amount")
    assert (fault.field, fault.code) == ("amount", "too_large")


def test_every_fault_of_an_amount_is_reported() -> None:
    codes = [fault.code for fault in amount_faults(Money("-0.001", "AED"), "amount")]
    assert codes == ["not_positive", "too_many_decimals"]


@given(
    currency=currencies,
    sign=st.sampled_from((0, 1)),
    digits=st.lists(st.integers(0, 9), min_size=1, max_size=40),
    power=st.integers(-45, 20) | st.sampled_from((-(10**6), 10**6 - 50)),
)
@examples(300)
@example(currency="AED", sign=0, digits=[1, *[0] * 28, 1], power=-29)
def test_an_amount_is_payable_exactly_when_it_is_whole_in_the_smallest_unit(
    currency: str, sign: int, digits: list[int], power: int
) -> None:
    amount = Decimal((sign, tuple(digits), power))
    coefficient = int("".join(map(str, digits)))
    shift = power + PLACES[currency]
    is_whole = shift >= 0 or coefficient % 10 ** min(-shift, 41) == 0
    # At most 15 digits in all: below 10^15 of the smallest unit.
    is_right = (
        not sign and coefficient and is_whole and amount < Decimal(f"1E{15 - PLACES[currency]}")
    )
    assert (amount_faults(Money(amount, currency), "amount") == []) is bool(is_right)


@given(currency=currencies, parts=st.lists(minor_units, min_size=1, max_size=30))
@examples(150)
def test_parts_that_sum_to_the_total_are_always_accepted(currency: str, parts: list[int]) -> None:
    amounts = [_money(part, currency) for part in parts]
    assert _faults(_money(sum(parts), currency), amounts) == []


@given(
    currency=currencies,
    parts=st.lists(minor_units, min_size=1, max_size=30),
    off_by=st.sampled_from((-1, 1)),
    at=st.integers(0),
)
@examples(150)
def test_parts_off_by_the_smallest_unit_are_always_refused(
    currency: str, parts: list[int], off_by: int, at: int
) -> None:
    total = _money(sum(parts), currency)
    parts[at % len(parts)] += off_by
    amounts = [_money(part, currency) for part in parts if part]
    assume(amounts)
    assert _faults(total, amounts) == [("recipient_details", "sum_mismatch")]


@given(currency=currencies, parts=st.lists(minor_units, min_size=1, max_size=10))
@examples(50)
def test_zeros_behind_the_point_change_no_sum(currency: str, parts: list[int]) -> None:
    longer = [
        Money(
            Decimal(str(_money(part, currency).amount) + ("0" if PLACES[currency] else "")),
            currency,
        )
        for part in parts
    ]
    assert _faults(_money(sum(parts), currency), longer) == []


def test_tenths_sum_as_on_paper() -> None:
    assert _faults(Money("0.30", "AED"), [Money("0.10", "AED"), Money("0.20", "AED")]) == []


def test_thousands_of_the_smallest_unit_sum_exactly_beside_the_greatest_amount() -> None:
    greatest = Decimal("999999999990.000")
    parts = [Money(greatest, "KWD"), *[Money("0.001", "KWD")] * 5000]
    assert _faults(Money(greatest + 5, "KWD"), parts) == []
    assert _faults(Money(greatest + 5, "KWD"), parts[:-1]) == [
        ("recipient_details", "sum_mismatch")
    ]


def test_a_wrong_sum_says_both_numbers() -> None:
    (fault,) = sum_faults(
        Money("100.00", "AED"),
        {0: Money("99.99", "AED")},
        "items",
        what="They",
        part_path="{}",
        is_whole=True,
    )
    assert "99.99" in fault.message
    assert "100.00" in fault.message


def test_a_sum_of_faulty_amounts_is_not_spoken_of() -> None:
    assert _faults(Money("-1", "AED"), [Money(5, "AED")]) == []
    assert _faults(None, [Money(5, "AED")]) == []
    assert _faults(Money(5, "AED"), [Money(-5, "AED")]) == [
        ("recipient_details[0].amount", "not_positive")
    ]


def test_the_projects_own_decimal_context_hides_no_wrong_sum() -> None:
    with localcontext() as context:
        context.prec = 6
        assert _faults(Money("100000.00", "AED"), [Money("100000.04", "AED")]) != []
        wrong = [Money("50000.00", "AED"), Money("50000.04", "AED")]
        assert _faults(Money("100000.00", "AED"), wrong) == [("recipient_details", "sum_mismatch")]


def test_the_projects_own_decimal_context_refuses_no_right_sum() -> None:
    with localcontext() as context:
        context.prec = 6
        parts = [Money("100000.04", "AED"), Money("100000.04", "AED")]
        assert _faults(Money("200000.08", "AED"), parts) == []


def test_the_projects_own_decimal_context_hides_no_decimal() -> None:
    with localcontext() as context:
        context.prec = 6
        (fault,) = amount_faults(Money("100000.001", "AED"), "amount")
        assert fault.code == "too_many_decimals"


def test_the_projects_own_decimal_context_raises_nothing() -> None:
    with localcontext() as context:
        context.prec = 6
        context.traps[Inexact] = True
        parts = [Money("100000.04", "AED"), Money("100000.04", "AED")]
        try:
            found = _faults(Money("200000.08", "AED"), parts)
        except DecimalException as error:
            pytest.fail(f"The rules raised {error!r}.")
        assert found == []


def test_an_amount_is_quantised_in_any_decimal_context() -> None:
    with localcontext() as context:
        context.prec = 6
        assert str(quantise(Money("250000.00", "AED")).amount) == "250000.00"


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        ("250000", "AED", "250000.00"),
        ("250000.0000", "AED", "250000.00"),
        ("1E+3", "JPY", "1000"),
        ("1.5", "KWD", "1.500"),
        ("999999999999.999", "KWD", "999999999999.999"),
    ],
)
def test_an_amount_is_written_with_its_currencys_decimals(
    amount: str, currency: str, written: str
) -> None:
    assert str(quantise(Money(amount, currency)).amount) == written
    assert str(money_of(Decimal(amount), currency).amount) == written
    assert money_of(Decimal(amount), currency).currency.code == currency


@given(currency=currencies, minor=minor_units)
@examples(100)
def test_quantising_changes_no_payable_amount(currency: str, minor: int) -> None:
    money = _money(minor, currency)
    stored = Decimal(f"{money.amount:.4f}")
    assert quantise(money) == money
    assert money_of(stored, currency) == money
