"""The wire's shapes: what a value must not change, and times as anybody may write them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timezone
from typing import Any

import pytest

from django_redpin.client.messages import create_body, read_time
from django_redpin.rules.requests import PayeeShare
from tests.rules.samples import AGENT, RIGHT


def test_the_recipients_own_currency_is_the_one_that_is_sent() -> None:
    payee = replace(AGENT, bank_details={"iban": "AE07", "currency": "USD"})

    body = create_body(replace(RIGHT, recipients=[PayeeShare(payee, RIGHT.amount)]))

    assert body["recipient_details"][0]["recipient_bank_details"] == {
        "iban": "AE07",
        "currency": "AED",
    }


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-11-22T15:00:00z", "2026-11-22T15:00:00+00:00"),
        ("2026-11-22t15:00:00Z", "2026-11-22T15:00:00+00:00"),
        (" 2026-11-22 15:00Z\n", "2026-11-22T15:00:00+00:00"),
        ("2026-11-22", "2026-11-22T00:00:00+00:00"),
        ("2026-11-22T15:00:00.1Z", "2026-11-22T15:00:00.100000+00:00"),
        ("2026-11-22T15:00:00.12Z", "2026-11-22T15:00:00.120000+00:00"),
        ("2026-11-22T15:00:00,12Z", "2026-11-22T15:00:00.120000+00:00"),
        ("2026-11-22T15:00:00.123456", "2026-11-22T15:00:00.123456+00:00"),
        ("2026-11-22T15:00:00.1234567Z", "2026-11-22T15:00:00.123456+00:00"),
        ("2026-11-22T15:00:00.999999999Z", "2026-11-22T15:00:00.999999+00:00"),
        ("2026-11-22T15:00:00+0000", "2026-11-22T15:00:00+00:00"),
        ("2026-11-22T15:00:00-0330", "2026-11-22T18:30:00+00:00"),
        ("2026-11-22T15:00:00.5+04", "2026-11-22T11:00:00.500000+00:00"),
        ("2026-11-22T15:00:00-00:00", "2026-11-22T15:00:00+00:00"),
    ],
)
def test_a_time_is_read_alike_by_every_python(written: str, read: str) -> None:
    found = read_time(written)

    assert found is not None
    assert found.tzinfo is timezone.utc
    assert found.isoformat() == read


@pytest.mark.parametrize(
    "written",
    [
        *(None, 5, 5.5, True, "", " ", "soon", "9" * 50, "1767225600", "0001-01-01T00:00:00+14:00"),
        *("2026-02-30", "2026-13-01T00:00:00Z", "0000-01-01T00:00:00Z", "2026-01-01T25:00:00Z"),
        *("2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00+24:00"),
        *("2026-01-01T00:00:00+05:99", "2026-01-01T00:00:00 Z", "2026-01-01T00:00:00ZZ"),
        *("2026-01-01T00:00:00.Z", "2026-01-01T00:00.5Z", "2026-01-01TZ", "2026-01-01Z", "T00:00Z"),
        *(
            "2026-W01-1",
            "20260101T000000Z",
            "01/02/2026",
            "\u0662\u0660\u0662\u0666-01-01",
            "2026-01-01T00:00:00Z\x00",
        ),
        "2026-01-01T00:00:00." + "0" * 40 + "Z",
    ],
)
def test_what_no_python_may_take_for_a_time_is_none(written: Any) -> None:
    assert read_time(written) is None
