"""Money: how many decimals a currency has, and what makes an amount payable.

Amounts are `moneyed.Money` in major units, `Decimal` inside. A float never gets in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal, localcontext
from typing import Final

from moneyed import Currency, CurrencyDoesNotExist, Money, get_currency

from .faults import Fault, gettext_noop

# Ours alone. SQLite keeps a decimal as a binary number, which gives back 15 digits and no more; so
# an amount has at most 15 digits in all, decimals included, and every database holds it exactly.
MAX_DIGITS: Final = 15

# Listed in ISO 4217, but nobody can be paid in them: metals, units of account, tests, "none".
_NOT_MONEY: Final = frozenset(
    {"XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX"}
)

# Arithmetic on money never depends on the decimal context that the caller has set. 28 digits are
# more than a sum of 10^12 amounts of 15 digits needs.
_EXACT: Final = Context(prec=28)


def exponent(currency: Currency) -> int:
    """Return how many decimals the currency has by ISO 4217: JPY 0, AED 2, KWD 3."""
    if _is_listed(currency.code):
        currency = get_currency(currency.code)  # Not what somebody's own Currency object says.
    return len(str(currency.sub_unit)) - 1


def quantise(money: Money) -> Money:
    """Return the same amount, written with exactly the decimals of its currency.

    Only for amounts without faults: a digit is never rounded away, `decimal.Inexact` is raised
    by no valid amount.
    """
    unit = Decimal((0, (1,), -exponent(money.currency)))
    return Money(money.amount.quantize(unit, context=_EXACT), money.currency)


def money_of(amount: Decimal, currency: str) -> Money:
    """Return a stored amount, kept with four decimals, with the decimals of its currency."""
    return quantise(Money(amount, currency))


def is_payable(code: str) -> bool:
    """Tell whether `code` names a currency of ISO 4217 that one can pay in."""
    return _is_listed(code) and code not in _NOT_MONEY


def amount_faults(value: object, path: str) -> list[Fault]:
    """Return what keeps `value` from being paid: no Money, not positive, too many decimals."""
    if not isinstance(value, Money):
        message = (
            f"Give a moneyed.Money, such as Money('250.00', 'AED'), not {type(value).__name__}."
        )
        return [Fault(path, "not_money", message)]
    amount, currency = value.amount, value.currency
    if not amount.is_finite():
        text = gettext_noop("The amount has to be a finite number.")
        return [Fault(path, "not_finite", text)]
    faults: list[Fault] = []
    if not is_payable(currency.code):
        message = f"{currency.code} is no currency of ISO 4217 that one can pay in."
        faults.append(Fault(f"{path}.currency", "unknown_currency", message))
    if amount <= 0:
        text = gettext_noop("The amount has to be greater than zero.")
        faults.append(Fault(path, "not_positive", text))
    places = exponent(currency)
    if amount >= Decimal(10) ** (MAX_DIGITS - places):
        # Translators: such as "below 10^13 AED", which is a one with thirteen zeros.
        text = gettext_noop("The amount has to be below 10^%(digits)s %(currency)s.")
        params = {"digits": MAX_DIGITS - places, "currency": currency.code}
        faults.append(Fault(path, "too_large", text, params))
    if _decimals(amount) > places:
        # Translators: decimals is 0, 2 or 3.
        text = gettext_noop("%(currency)s has %(decimals)s decimals; this amount has more.")
        params = {"currency": currency.code, "decimals": places}
        faults.append(Fault(path, "too_many_decimals", text, params))
    return faults


def sum_faults(
    total: object,
    parts: Mapping[int, object],
    path: str,
    *,
    what: str,
    part_path: str,
    is_whole: bool,
) -> list[Fault]:
    """Return the faults of a list of amounts that has to sum to `total` in one currency.

    `parts` are the amounts by their place in the list; `part_path` is the path of one part's amount
    with `{}` for that place. Leave out what has no amount at all; give `is_whole=False` then, and
    only what is there is looked at, without a sum.
    (Redpin: the sum of all recipient amounts, and of all item amounts, equals the session total;
    all currencies match the session amount's currency.)
    """
    faults: list[Fault] = []
    for place, part in parts.items():
        where = part_path.format(place)
        faults += amount_faults(part, where)
        if isinstance(part, Money) and isinstance(total, Money) and part.currency != total.currency:
            message = f"{part.currency.code} differs from the total's {total.currency.code}."
            faults.append(Fault(f"{where}.currency", "currency_mismatch", message))
    if faults or not is_whole or not isinstance(total, Money) or amount_faults(total, ""):
        return faults  # A sum of faulty amounts says nothing.
    with localcontext(_EXACT):
        found = sum((part.amount for part in parts.values() if isinstance(part, Money)), Decimal(0))
    if found != total.amount:
        message = f"{what} sum to {found} {total.currency.code}, the total is {total.amount}."
        faults.append(Fault(path, "sum_mismatch", message))
    return faults


def _decimals(amount: Decimal) -> int:
    """Return how many decimals the amount needs; no arithmetic, so that nothing is rounded."""
    _, digits, places = amount.as_tuple()
    if not amount or not isinstance(places, int):
        return 0
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return max(0, -places - zeros)


def _is_listed(code: str) -> bool:
    try:
        get_currency(code)
    except CurrencyDoesNotExist:
        return False
    return True
