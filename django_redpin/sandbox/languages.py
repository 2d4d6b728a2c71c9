"""The languages of the hosted page, and dates and times in them.

A payer reads it in the language that the browser asks for, or that was chosen on the page itself.
The pages for developers are in English alone.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, format_timedelta, get_datetime_format
from django.http import HttpRequest
from django.utils.translation import get_language, get_language_from_request, to_locale

# By its code: each language in its own words.
LANGUAGES: Final[dict[str, str]] = {
    "en": "English",
    "es": "Español",
    "fr": "Français",
    "de": "Deutsch",
    "pt": "Português",
    "ar": "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
}
SOURCE: Final = "en"


def chosen_language(request: HttpRequest) -> str:
    """Return the code that the page's address asks for by ``?lang=``, or an empty text."""
    asked = request.GET.get("lang", "")
    return asked if asked in LANGUAGES else ""


def language_of(request: HttpRequest) -> str:
    """Return the language of the payer's page, with its region if the settings list that."""
    preferred = get_language_from_request(request)
    is_known = preferred.partition("-")[0] in LANGUAGES
    return chosen_language(request) or (preferred if is_known else SOURCE)


def current_locale() -> Locale:
    """Return the locale of the active language, or that of the source."""
    try:
        return Locale.parse(to_locale(get_language() or SOURCE))
    except (UnknownLocaleError, ValueError):
        return Locale(SOURCE)


def display_date(day: date) -> str:
    return format_date(day, "long", locale=current_locale())


def display_time(moment: datetime) -> str:
    """Return date and time in UTC, without seconds."""
    day = display_date(moment.astimezone(timezone.utc))
    joined = str(get_datetime_format("medium", locale=current_locale())).replace("'", "")
    return joined.replace("{1}", day).replace("{0}", display_clock(moment))


def display_clock(moment: datetime) -> str:
    """Return the time of day in UTC."""
    return format_time(moment.astimezone(timezone.utc), "short", locale=current_locale())


def display_length(length: timedelta) -> str:
    """Return a length of time in its greatest unit: ``30 minutes``."""
    return format_timedelta(length, threshold=1, locale=current_locale())
