"""Amounts in the reader's own form."""

from __future__ import annotations

import pytest
from django.utils.translation import override
from moneyed import Money

from django_redpin.l10n import display_money


@pytest.mark.parametrize(
    ("language", "money", "text"),
    [
        ("en", Money("250000.00", "AED"), "AED 250,000.00"),
        ("en", Money("5000", "JPY"), "¥5,000"),
        ("en", Money("1.234", "KWD"), "KWD 1.234"),
        ("de", Money("250000.00", "AED"), "250.000,00 AED"),
        ("xx", Money("250000.00", "AED"), "AED 250,000.00"),
        (None, Money("250000.00", "AED"), "AED 250,000.00"),
    ],
)
def test_amounts_are_written_as_the_reader_writes_them(
    language: str | None, money: Money, text: str
) -> None:
    with override(language):
        assert display_money(money).replace("\N{NO-BREAK SPACE}", " ") == text
