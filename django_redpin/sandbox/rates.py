"""The made-up exchange rates of the sandbox: fixed, so that a payment costs the same every day.

Which currencies a payer may pay from is decided here too; real rates are no concern of a sandbox.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal, localcontext
from typing import Final

from babel.numbers import format_decimal

from .languages import current_locale
from .money import MOST_MINOR_UNITS, Amount, decimals_of

PAY_FROM: Final = ("GBP", "EUR", "USD")

# What one unit is worth in US dollars.
DOLLARS: Final[dict[str, Decimal]] = {
    "AED": Decimal("0.2723"),
    "AUD": Decimal("0.66"),
    "BHD": Decimal("2.652"),
    "CAD": Decimal("0.73"),
    "CHF": Decimal("1.13"),
    "CNY": Decimal("0.139"),
    "DKK": Decimal("0.145"),
    "EUR": Decimal("1.08"),
    "GBP": Decimal("1.27"),
    "HKD": Decimal("0.128"),
    "IDR": Decimal("0.000063"),
    "INR": Decimal("0.0119"),
    "JPY": Decimal("0.0065"),
    "KWD": Decimal("3.25"),
    "MXN": Decimal("0.055"),
    "NOK": Decimal("0.092"),
    "NZD": Decimal("0.60"),
    "OMR": Decimal("2.6"),
    "PLN": Decimal("0.25"),
    "QAR": Decimal("0.2747"),
    "SAR": Decimal("0.2667"),
    "SEK": Decimal("0.094"),
    "SGD": Decimal("0.74"),
    "THB": Decimal("0.028"),
    "TRY": Decimal("0.029"),
    "USD": Decimal(1),
    "ZAR": Decimal("0.055"),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """What the payer would pay (``sell``) for what the recipients get (``buy``)."""

    sell: Amount
    buy: Amount
    rate: Decimal | None

    @property
    def currency(self) -> str:
        return self.sell.currency

    @property
    def rate_display(self) -> str:
        """For people, in the active language: ``1 GBP = 4.663974 AED``."""
        rate = format_decimal(self.rate or 1, locale=current_locale(), decimal_quantization=False)
        return f"1 {self.currency} = {rate} {self.buy.currency}"


def offers(total: Amount) -> tuple[Offer, ...]:
    """Return the ways to pay ``total``: its own currency first, then those with a rate."""
    choices = [Offer(sell=total, buy=total, rate=None)]
    if total.currency not in DOLLARS:
        return tuple(choices)
    for currency in PAY_FROM:
        if currency == total.currency:
            continue
        decimals = decimals_of(currency) or 0
        with localcontext() as context:
            context.prec = 50
            rate = (DOLLARS[currency] / DOLLARS[total.currency]).quantize(
                Decimal("0.000001"), ROUND_HALF_UP
            )
            # Rounded up, so that what is paid always covers what the recipients get.
            minor = int((total.value / rate).scaleb(decimals).to_integral_value(ROUND_UP))
        if minor <= MOST_MINOR_UNITS:
            choices.append(Offer(sell=Amount(minor, currency), buy=total, rate=rate))
    return tuple(choices)
