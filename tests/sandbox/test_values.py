"""Money, rates, origins and callbacks, one value at a time."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from django_redpin.sandbox.addresses import is_allowed_origin, is_callback, is_web_origin
from django_redpin.sandbox.conf import SandboxOptions, options
from django_redpin.sandbox.logs import hide_keys
from django_redpin.sandbox.money import MOST_MINOR_UNITS, Amount, decimals_of
from django_redpin.sandbox.rates import offers
from django_redpin.sandbox.validation import InvalidRequest, validate
from django_redpin.sandbox.wire import dumps, json_object

CURRENCIES = st.sampled_from(["JPY", "AED", "KWD", "CLF"])
MINOR = st.integers(1, 10**12)


def document(currency: str, total: int, parts: list[int]) -> dict[str, object]:
    def money(minor: int) -> dict[str, object]:
        return Amount(minor, currency).wire()

    return {
        "client_customer_ref": "C",
        "client_reference_id": "R",
        "amount": money(total),
        "due_date": "2026-12-24",
        "purpose_of_transaction": "P",
        "recipient_details": [{"recipient_id": "1", "amount": money(part)} for part in parts],
        "items": [{"amount": money(part)} for part in reversed(parts)],
    }


@given(currency=CURRENCIES, parts=st.lists(MINOR, min_size=1, max_size=12))
def test_parts_that_add_up_are_valid_after_a_trip_over_the_wire(
    currency: str, parts: list[int]
) -> None:
    text = dumps(document(currency, sum(parts), parts))
    valid = validate(json_object(text.encode()), today=date(2026, 11, 22))
    assert valid.amount == Amount(sum(parts), currency)
    assert [recipient.amount.minor for recipient in valid.recipients] == parts
    assert sum(item.amount.minor for item in valid.items) == sum(parts)


@given(
    currency=CURRENCIES,
    parts=st.lists(MINOR, min_size=1, max_size=12),
    off=st.integers(-3, 3).filter(bool),
)
def test_parts_that_miss_by_the_smallest_unit_are_not(
    currency: str, parts: list[int], off: int
) -> None:
    total = max(1, sum(parts) + off)
    if total == sum(parts):
        return
    with pytest.raises(InvalidRequest) as caught:
        validate(document(currency, total, parts), today=date(2026, 11, 22))
    assert [fault.field for fault in caught.value.faults] == ["recipient_details", "items"]


@given(days=st.integers(0, 30))
def test_a_due_date_is_five_days_ahead_or_more(days: int) -> None:
    today = date(2026, 2, 26)
    request = document("AED", 5, [5]) | {"due_date": (today + timedelta(days=days)).isoformat()}
    if days >= 5:
        assert validate(request, today=today).due_date == today + timedelta(days=days)
    else:
        with pytest.raises(InvalidRequest):
            validate(request, today=today)


@given(minor=st.integers(1, 10**18 - 1), currency=CURRENCIES)
def test_an_amount_survives_its_own_value(minor: int, currency: str) -> None:
    assert Amount.of(Amount(minor, currency).value, currency).minor == minor


@given(st.decimals(allow_nan=True, allow_infinity=True), CURRENCIES)
def test_any_decimal_is_an_exact_amount_or_refused(value: Decimal, currency: str) -> None:
    try:
        amount = Amount.of(value, currency)
    except ValueError:
        return
    assert amount.value == value


@pytest.mark.parametrize(
    ("value", "currency"),
    [
        ("100.5", "JPY"),
        ("1.001", "AED"),
        ("1.0001", "KWD"),
        ("0", "AED"),
        ("-1", "AED"),
        ("1E+400", "AED"),
        ("1E-400", "AED"),
        ("1" + "0" * 100_000, "AED"),
        ("1", "ZZZ"),
    ],
)
def test_an_amount_that_its_currency_cannot_have_is_refused(value: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"decimals|zero|large|currency"):
        Amount.of(Decimal(value), currency)


@pytest.mark.parametrize(
    ("value", "minor"), [("100.00", 100), ("1E+2", 100), ("100", 100), ("100.000", 100)]
)
def test_trailing_zeros_are_no_decimals(value: str, minor: int) -> None:
    assert Amount.of(Decimal(value), "JPY").minor == minor


def test_the_decimals_are_those_of_iso_4217() -> None:
    assert [decimals_of(code) for code in ("JPY", "AED", "KWD", "ZZZ")] == [0, 2, 3, None]


def test_an_amount_is_shown_with_its_currencys_decimals() -> None:
    shown = [Amount(25000000, code).display for code in ("AED", "JPY", "KWD")]
    assert shown == ["AED\xa0250,000.00", "JPY\xa025,000,000", "KWD\xa025,000.000"]


@given(minor=st.integers(1, 10**15), currency=st.sampled_from(["AED", "JPY", "KWD", "INR"]))
def test_what_is_paid_covers_what_the_recipients_get(minor: int, currency: str) -> None:
    own, *others = offers(Amount(minor, currency))
    assert own.sell == own.buy == Amount(minor, currency)
    for offer in others:
        assert offer.rate is not None
        assert offer.sell.value * offer.rate >= offer.buy.value


def test_a_currency_is_not_exchanged_for_itself() -> None:
    assert [offer.currency for offer in offers(Amount(100, "EUR"))] == ["EUR", "GBP", "USD"]


def test_an_amount_that_no_row_can_hold_is_offered_in_no_currency() -> None:
    assert [each.currency for each in offers(Amount(MOST_MINOR_UNITS, "GBP"))] == ["GBP"]
    assert "EUR" in [each.currency for each in offers(Amount(MOST_MINOR_UNITS // 2, "GBP"))]


def test_a_currency_without_a_rate_is_paid_as_it_is() -> None:
    assert [offer.currency for offer in offers(Amount(100, "CLF"))] == ["CLF"]


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com",
        "https://EXAMPLE.com:8443",
        "https://[::1]:8000",
        "com.example.app",
        "com.example.my_app",
        "com.example.ios-app",
    ],
)
def test_an_origin_or_an_app_is_allowed(text: str) -> None:
    assert is_allowed_origin(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://",
        "http://example.com",
        "https://example.com/",
        "https://example.com/path",
        "https://example.com?x",
        "https://example.com#x",
        "https://user@example.com",
        "https://example.com:",
        "https://example.com:99999",
        "https://example.com:0",
        "https://*.example.com",
        "*",
        "https://exa mple.com",
        "https://example.com\n",
        "https://example.com;report-uri https://evil.example",
        "https://-example.com",
        "https://[::1",
        "https://[example]",
        "https://[v1.example]",
        "https:\\\\example.com",
        "https://" + "a" * 300,
        "HTTPS://example.com",
        "com",
        "com..app",
        "com.example.*",
        ".com.example",
        "com.example.",
        "a." * 200 + "a",
        "ftp://example.com",
    ],
)
def test_anything_else_is_not_allowed(text: str) -> None:
    assert not is_allowed_origin(text)


@given(st.text())
def test_no_text_breaks_the_address_rules(text: str) -> None:
    for rule in (is_allowed_origin, is_web_origin, is_callback):
        assert rule(text) in (True, False)
    # What goes into a header's frame-ancestors must not be able to say anything else there.
    if is_web_origin(text):
        assert not set(text) & set(";, \r\n'\"*")


@pytest.mark.parametrize(
    "text", ["http://localhost:8000/a", "http://127.0.0.1/", "http://[::1]:80/", "https://a.b/c?d"]
)
def test_an_absolute_https_url_or_a_local_one_is_a_callback(text: str) -> None:
    assert is_callback(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://example.com/",
        "http://localhost.example.com/",
        "//example.com/",
        "/hook",
        "https:///hook",
        "https://user:pw@example.com/",
        "https://example.com/#top",
        "ftp://localhost/",
        "https://example.com/a b",
        "https://example.com/" + "a" * 3000,
    ],
)
def test_another_url_is_no_callback(text: str) -> None:
    assert not is_callback(text)


def test_the_secret_is_not_in_the_options_repr() -> None:
    assert "a-secret" in options().client_secret
    assert "a-secret" not in repr(options())


@pytest.mark.parametrize(
    "given_options",
    [
        [],
        {"CLIENT": "x"},
        {"client_id": "x"},
        {"CLIENT_ID": ""},
        {"CLIENT_SECRET": None},
        {"STEP_SECONDS": -1},
        {"STEP_SECONDS": "1"},
        {"STEP_SECONDS": float("nan")},
        {"SESSION_MINUTES": 0},
        {"SESSION_MINUTES": True},
        {"LIST_SHOWS_URL": 1},
        {"MANUAL": "yes"},
        {"PURPOSES": "ONE"},
        {"PURPOSES": [1]},
    ],
)
def test_options_that_make_no_sense_are_refused(settings: Settings, given_options: object) -> None:
    settings.REDPIN_SANDBOX = given_options
    with pytest.raises(ImproperlyConfigured, match="REDPIN_SANDBOX"):
        options()


def test_without_settings_the_options_have_defaults(settings: Settings) -> None:
    del settings.REDPIN_SANDBOX
    assert options() == SandboxOptions()


def test_a_log_line_does_not_show_the_key_of_a_page() -> None:
    line = hide_keys("Internal Server Error: /pay/Xy_-9/?seat=MQ:1:abc tail")
    assert line == "Internal Server Error: /pay/…/?… tail"
