"""Amounts in the reader's own form."""

from __future__ import annotations

from datetime import datetime
from datetime import timezone as utc

import pytest
from django.utils import timezone
from django.utils.translation import override
from moneyed import Money

from django_redpin.l10n import display_money, display_time


@pytest.mark.parametrize(
    ("language", "money", "text"),
    [
        ("en", Money("250000.00", "AED"), "AED 250,000.00"),
        ("en", Money("5000", "JPY"), "¥5,000"),
        ("en", Money("1.234", "KWD"), "KWD 1.234"),
        ("de", Money("250000.00", "AED"), "250.000,00 AED"),
        ("fr", Money("250000.00", "AED"), "250\u202f000,00 AED"),
        ("pt-br", Money("250000.00", "AED"), "AED 250.000,00"),
        ("ar", Money("250000.00", "USD"), "\u200f250,000.00 US$"),
        ("de-xx", Money("250000.00", "AED"), "250.000,00 AED"),
        ("zh-hans", Money("250000.00", "AED"), "AED 250,000.00"),
        ("xx", Money("250000.00", "AED"), "AED 250,000.00"),
        (None, Money("250000.00", "AED"), "AED 250,000.00"),
    ],
)
def test_amounts_are_written_as_the_reader_writes_them(
    language: str | None, money: Money, text: str
) -> None:
    with override(language):
        assert display_money(money).replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize(
    ("language", "zone", "text"),
    [
        ("en", "UTC", "November 25, 2026, 4:30 PM (GMT+00:00)"),
        ("en-gb", "Europe/London", "25 November 2026, 16:30 (GMT+00:00)"),
        ("es", "Asia/Dubai", "25 de noviembre de 2026, 20:30 (GMT+04:00)"),
        ("fr", "Asia/Kolkata", "25 novembre 2026, 22:00 (UTC+05:30)"),
        ("ar", "Asia/Dubai", "25 نوفمبر 2026، 8:30 م (غرينتش+04:00)"),
        ("xx", "UTC", "November 25, 2026, 4:30 PM (GMT+00:00)"),
    ],
)
@pytest.mark.parametrize("has_zone", [True, False])
def test_times_are_told_in_the_readers_words_and_zone(
    language: str, zone: str, text: str, has_zone: bool
) -> None:
    moment = datetime(2026, 11, 25, 16, 30, tzinfo=utc.utc)
    with override(language):
        if not has_zone:  # As a database tells it with USE_TZ = False: in TIME_ZONE, here UTC.
            with timezone.override("UTC"):
                moment = timezone.make_naive(moment)
                naive = display_time(moment)
            assert naive.startswith(text[:2])
            return
        with timezone.override(zone):
            assert " ".join(display_time(moment).split()) == text
