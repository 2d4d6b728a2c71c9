"""Exact money: an amount is a whole number of minor units and a currency, never a float.

Kept in minor units because SQLite would round a long decimal column. Rules about sums live in
``validation``; exchange rates in ``rates``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from babel.numbers import format_currency
from moneyed import CurrencyDoesNotExist, get_currency

from .languages import current_locale

# Eighteen digits fit a signed 64-bit column with room to add up.
MOST_MINOR_UNITS: Final = 10**18 - 1
# CLDR puts a space there, and Babel leaves it out.
_CODE_BEFORE_DIGIT: Final = re.compile(r"(?<=[A-Z])(?=\d)")


def decimals_of(currency: str) -> int | None:
    """Return how many decimals the ISO 4217 currency has (JPY 0, AED 2, KWD 3), None if unknown."""
    try:
        sub_unit = get_currency(currency).sub_unit
    except CurrencyDoesNotExist:
        return None
    return len(str(sub_unit)) - 1


@dataclass(frozen=True, slots=True)
class Amount:
    """``minor`` units (cents, fils) of ``currency``."""

    minor: int
    currency: str

    @classmethod
    def of(cls, value: Decimal, currency: str) -> Amount:
        """Return the amount of ``value`` major units.

        Raises ValueError when the value is not positive, has more decimals than the currency
        has, or is beyond eighteen digits.
        """
        decimals = decimals_of(currency)
        if decimals is None:
            raise ValueError("is not in a known currency")
        if not value.is_finite() or value <= 0:
            raise ValueError("must be greater than zero")
        # Looked at before any arithmetic: 1E+400 must cost nothing, and nothing may be rounded.
        _, digits, exponent = value.as_tuple()
        shift = int(exponent) + decimals
        if len(digits) > 60 or len(digits) + shift > 18:
            raise ValueError("is too large")
        whole = int("".join(map(str, digits)))
        if shift >= 0:
            return cls(whole * 10**shift, currency)
        if -shift > len(digits) or whole % 10**-shift:
            raise ValueError(f"has more decimals than {currency} has ({decimals})")
        return cls(whole // 10**-shift, currency)

    @property
    def value(self) -> Decimal:
        """The amount in major units, with exactly the decimals of its currency."""
        return Decimal((0, tuple(map(int, str(self.minor))), -(decimals_of(self.currency) or 0)))

    @property
    def display(self) -> str:
        """For people, in the active language: ``AED 250,000.00``, ``250.000,00 AED``.

        With the currency's code, as a payer chooses among several, and more than one has a dollar.
        """
        locale = current_locale()
        # Three of these signs would be the name, two are the code, and one may be "$".
        pattern = locale.currency_formats["standard"].pattern.replace("\xa4", "\xa4\xa4")
        text = format_currency(self.value, self.currency, pattern, locale)
        return _CODE_BEFORE_DIGIT.sub("\N{NO-BREAK SPACE}", text)

    def wire(self) -> dict[str, object]:
        """As Redpin writes it: ``{"currency": "AED", "value": 250000.00}``."""
        return {"currency": self.currency, "value": self.value}
