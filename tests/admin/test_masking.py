"""What was posted is shown so that no account in it can be read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_redpin.admin.masking import names_an_iban, readable

IBAN = "AE070331234567890123456"
GROUPED = "AE07 0331 2345 6789 0123 456"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("iban", IBAN), ("IBAN", IBAN), ("note", f"paid to {IBAN} today"), ("note", GROUPED)),
        *(("account_number", "12345678"), ("accountNumber", "ab-12345678"), ("account_no", "77")),
        *(("swift_code", "EBILAEAD"), ("bic", "EBILAEADXXX"), ("routing_code_value", "40-12-76")),
        *(("sort_code", "401276"), ("anything", "1234567890"), ("anything", "1234-5678-9012")),
        *(("card", "4111 1111 1111 1111"), ("clabe", "032180000118359719")),
    ],
)
def test_an_account_is_masked_wherever_it_stands(name: str, value: str) -> None:
    for body in ({name: value}, {"data": {"list": [{name: value}]}}, {name: [value]}):
        text = json.dumps(body)
        for posted in (text, f"{text} and more", text[:-1], text.replace(": ", ":")):
            shown = readable(posted.encode())
            assert value not in shown, posted


def test_the_number_of_an_account_is_masked_though_it_is_no_text() -> None:
    assert "1234567890" not in readable(b'{"account_number": 1234567890}')
    assert "1234567890" not in readable(b'{"account_number": 1234567890')


def test_what_one_searches_for_is_left() -> None:
    body = {
        "event_id": "1234567890",
        "payment_id": "90010000000",
        "customer_id": "0201001008132685",
        "client_reference_id": "20261122140000",
        "session_id": "5f0c7a52-7f0b-4c39-9d0f-2a0a3b1c4d5e",
        "event_timestamp": "2026-11-22T14:00:00Z",
        "status": "PAYMENT_COMPLETED",
        "amount": "250000.00 AED",
        "total_amount": "25000000",
    }

    shown = readable(json.dumps(body).encode())

    assert json.loads(shown) == body
    assert shown.count("\n") == len(body) + 1


def test_what_is_empty_or_a_truth_value_is_left_though_it_is_of_an_account() -> None:
    body = {"iban": None, "account_number": False, "list": [None, True]}

    assert json.loads(readable(json.dumps(body).encode())) == body


def test_numbers_stay_exact() -> None:
    assert "250000.10" in readable(b'{"amount": 250000.10}')


def test_the_last_four_of_an_account_tell_which_it_was() -> None:
    assert "••••••3456" in readable(json.dumps({"iban": IBAN}).encode())


@given(st.binary(max_size=200))
def test_any_body_becomes_text(body: bytes) -> None:
    assert isinstance(readable(body), str)


def test_a_long_body_takes_no_time() -> None:
    for body in (
        b'"' * 65_000,
        b'"a" : ' * 10_000,
        b"AE07" * 16_000,
        b"[" * 60_000,
        b"1 " * 30_000,
    ):
        readable(body)


def test_an_iban_is_told_in_a_text() -> None:
    assert names_an_iban(f"It went to {GROUPED}.")
    assert not names_an_iban("Redpin's statement of 22 November shows payment 9001, 250,000 AED.")
