"""Amounts as people read them, in the active language."""

from __future__ import annotations

import re
from typing import Final

from babel import UnknownLocaleError
from django.utils.translation import get_language, to_locale
from moneyed import Money
from moneyed.l10n import format_money

# CLDR puts a no-break space between a currency's letters and the digits; Babel leaves it out.
_CODE_BEFORE_DIGIT: Final = re.compile(r"(?<=[A-Z])(?=\d)")


def display_money(money: Money) -> str:
    """Return the amount in the active locale's form: grouped, with its currency's decimals."""
    try:
        text = format_money(money, locale=to_locale(get_language() or "en"))
    except (UnknownLocaleError, ValueError):  # A language that has no locale data.
        text = format_money(money, locale="en")
    return _CODE_BEFORE_DIGIT.sub("\N{NO-BREAK SPACE}", text)
