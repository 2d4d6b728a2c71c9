"""Amounts, times and dates as people read them, in the active language."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_datetime_format, get_timezone_gmt
from babel.numbers import get_currency_name
from django.utils.timezone import is_naive, localtime, make_aware
from django.utils.translation import get_language, gettext, pgettext, to_locale
from moneyed import Money
from moneyed.l10n import format_money

from .rules.faults import Fault

SOURCE: Final = "en"

# CLDR puts a no-break space between a currency's letters and the digits; Babel leaves it out.
_CODE_BEFORE_DIGIT: Final = re.compile(r"(?<=[A-Z])(?=\d)")


def words_language() -> str:
    """Return the language that the package's own words come out in, such as `"pt-br"`.

    That is the active one where there are words in it, and otherwise what Django falls back to. A
    region counts as its language: Brazilian payers read the Portuguese words.
    """
    # Translators: the code of the language that you translate into, such as "de". It tells that
    # there are words in it: without it, the payer reads English.
    words = pgettext("the language of these words", "en")
    active = get_language() or SOURCE
    return active if _base(active) == _base(words) else words


def display_money(money: Money) -> str:
    """Return the amount in the active locale's form: grouped, with its currency's decimals."""
    text = format_money(money, locale=str(_locale()))
    return _CODE_BEFORE_DIGIT.sub("\N{NO-BREAK SPACE}", text)


def display_country(alpha_2: str) -> str:
    """Return the country's name in the active language, by its code of ISO 3166-1 alpha-2."""
    return str(_locale().territories.get(alpha_2, alpha_2))


def display_currency(code: str) -> str:
    """Return the currency's name in the active language, by its code of ISO 4217."""
    return str(get_currency_name(code, locale=_locale()))


def display_date(day: date) -> str:
    """Return the date in the active locale's form, with the month as a word."""
    return format_date(day, "long", locale=_locale())


def display_time(moment: datetime) -> str:
    """Return date and time, without seconds, with the zone: in the active locale and time zone."""
    local, locale = localtime(make_aware(moment) if is_naive(moment) else moment), _locale()
    clock = format_time(local, "short", locale=locale)
    zone = get_timezone_gmt(local, locale=locale)
    text = str(get_datetime_format("medium", locale=locale)).replace("'", "")
    return f"{text.replace('{1}', display_date(local)).replace('{0}', clock)} ({zone})"


def fault_message(fault: Fault) -> str:
    """Return what to change, in the active language where a payer may have caused the fault.

    What only a developer can cause has no translation.
    """
    if not fault.params:
        return gettext(fault.text)
    shown = {
        name: display_date(value) if isinstance(value, date) else value
        for name, value in fault.params.items()
    }
    return gettext(fault.text) % shown


def _base(language: str) -> str:
    return language.lower().partition("-")[0]


def _locale() -> Locale:
    """Return the locale of the active language, or the nearest one that there is data of."""
    language = get_language() or SOURCE
    for each in (language, _base(language)):
        try:
            return Locale.parse(to_locale(each))
        except (UnknownLocaleError, ValueError):
            continue
    return Locale(SOURCE)
