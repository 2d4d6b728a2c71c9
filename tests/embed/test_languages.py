"""The tag in the reader's language: its direction, its digits, its times and its words."""

from __future__ import annotations

import re
from datetime import datetime
from datetime import timezone as utc
from pathlib import Path
from typing import Final

import pytest
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.numbers import get_group_symbol
from django.utils import timezone, translation
from django.utils.translation import trans_real
from pytest_django import Settings

import django_redpin
from tests.languages import TRANSLATED

from .reading import State, make_session, render

# The apostrophe that the Swiss write between thousands: CLDR, and with it Babel 2.19, has another
# one than before.
SWISS: Final = get_group_symbol("de_CH")
TEMPLATES: Final = Path(django_redpin.__file__).parent / "templates/redpin/session"


@pytest.mark.parametrize(
    ("language", "direction"),
    [
        ("en", "ltr"),
        ("en-gb", "ltr"),
        ("ar", "rtl"),
        ("ar-dz", "rtl"),
        ("de-ch", "ltr"),
        ("pt-br", "ltr"),
    ],
)
@pytest.mark.parametrize("state", [State.OPEN, State.EXPIRED, State.CREATING])
def test_every_view_has_its_language_and_its_direction(
    language: str, direction: str, state: str
) -> None:
    with translation.override(language):
        section = render(make_session(state=state)).one("section").attributes

    assert (section["lang"], section["dir"]) == (language, direction)


def test_amount_and_reference_keep_their_own_direction() -> None:
    with translation.override("ar"):
        paid = render(make_session(payment_status="PAYMENT_COMPLETED", session_url=""))
        rejected = render(make_session(state=State.REJECTED))

    assert paid.one("bdi").text
    assert rejected.one("bdi").text == "order-7"


@pytest.mark.parametrize(
    ("language", "zone", "told"),
    [
        ("de", "Asia/Dubai", "25. November 2026, 20:30 (GMT+04:00)"),
        ("de", "Europe/Berlin", "25. November 2026, 17:30 (GMT+01:00)"),
    ],
)
def test_the_end_is_told_in_the_readers_words_and_zone(
    monkeypatch: pytest.MonkeyPatch, language: str, zone: str, told: str
) -> None:
    now = datetime(2026, 11, 25, 16, tzinfo=utc.utc)
    monkeypatch.setattr(timezone, "now", lambda: now)
    with translation.override(language), timezone.override(zone):
        page = render(make_session())

    section, shown = page.one("section").attributes, page.one("time")
    assert shown.text == told
    # For the script, in UTC whatever the reader's zone is.
    assert shown.attributes["datetime"] == section["data-redpin-expires-at"]
    assert section["data-redpin-expires-at"] == "2026-11-25T16:30:00Z"


def test_no_word_of_the_templates_is_outside_of_gettext() -> None:
    for path in TEMPLATES.glob("*.html"):
        text = path.read_text()
        text = re.sub(r"{#.*?#}", "", text)
        text = re.sub(r"{% blocktranslate.*?{% endblocktranslate %}", "", text, flags=re.DOTALL)
        text = re.sub(r"{%.*?%}|{{.*?}}", "", text, flags=re.DOTALL)
        assert not re.search(r"\w", re.sub(r"<[^>]*>", "", text)), path.name


@pytest.mark.parametrize(
    ("language", "told", "heading", "amount"),
    [
        ("zh-hans", "en", "Paid", "AED 250,000.00"),  # Django has it, this package has not.
        ("he", "en", "Paid", "AED 250,000.00"),
        ("xx", "en", "Paid", "AED 250,000.00"),
        ("en-gb", "en-gb", "Paid", "AED 250,000.00"),
        ("pt-br", "pt-br", "Pago", "AED 250.000,00"),
        ("de-ch", "de-ch", "Bezahlt", f"AED 250{SWISS}000.00"),
        ("ar-ae", "ar-ae", "تم الدفع", "\u200f250,000.00 د.إ.\u200f"),
        ("es-xx", "es-xx", "Pagado", "250.000,00 AED"),
    ],
)
def test_words_amounts_and_direction_are_of_one_language(
    language: str, told: str, heading: str, amount: str
) -> None:
    with translation.override(language):
        page = render(make_session(payment_status="PAYMENT_COMPLETED", session_url=""))

    section = page.one("section").attributes
    assert (section["lang"], section["dir"]) == (told, "rtl" if told[:2] == "ar" else "ltr")
    assert page.one("h2").text == heading
    assert page.one("bdi").text.replace("\N{NO-BREAK SPACE}", " ") == amount


def test_the_page_around_it_keeps_its_language() -> None:
    with translation.override("he"):
        render(make_session())

        assert translation.get_language() == "he"


def test_a_project_adds_a_language_in_its_own_locale(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hebrew = Catalog(locale="he")
    hebrew.add("en", "he", context="the language of these words")
    hebrew.add("Paid", "שולם")
    (tmp_path / "he/LC_MESSAGES").mkdir(parents=True)
    with (tmp_path / "he/LC_MESSAGES/django.mo").open("wb") as file:
        write_mo(file, hebrew)
    settings.LOCALE_PATHS = [tmp_path]
    monkeypatch.setattr(trans_real, "_translations", {})

    with translation.override("he"):
        page = render(make_session(payment_status="PAYMENT_COMPLETED", session_url=""))

    assert page.one("h2").text == "שולם"
    assert (page.one("section").attributes["lang"], page.one("section").attributes["dir"]) == (
        "he",
        "rtl",
    )


def test_where_a_language_has_no_words_those_of_the_projects_own_language_stand_in(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LANGUAGE_CODE = "de"
    monkeypatch.setattr(trans_real, "_translations", {})
    monkeypatch.setattr(trans_real, "_default", None)

    with translation.override("zh-hans"):
        page = render(make_session(payment_status="PAYMENT_COMPLETED", session_url=""))

    assert page.one("section").attributes["lang"] == "de"
    assert (page.one("h2").text, page.one("bdi").text) == ("Bezahlt", "250.000,00\xa0AED")


def test_without_translation_the_tag_speaks_english(settings: Settings) -> None:
    settings.USE_I18N = False

    assert render(make_session(payment_status="REFUNDED", session_url="")).one("h2").text


def test_the_scripts_sentence_keeps_its_place_to_fill_in() -> None:
    for language in TRANSLATED:
        with translation.override(language):
            span = next(e for e in render(make_session()).all("span"))
        said = span.attributes["data-redpin-time-left-text"]
        assert "{when}" in said
        assert said != "This page closes {when}."
