"""The tag in the reader's language: its direction, its digits, its times and its words."""

from __future__ import annotations

import re
from datetime import datetime
from datetime import timezone as utc
from pathlib import Path
from typing import Final

import pytest
from django.template import Context, Template
from django.utils import timezone, translation

import django_redpin

from .reading import State, make_session, render

TEMPLATES: Final = Path(django_redpin.__file__).parent / "templates/redpin/session"


@pytest.mark.parametrize(
    ("language", "direction"), [("en", "ltr"), ("ar", "rtl"), ("he", "rtl"), ("de-ch", "ltr")]
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
        ("de", "Asia/Dubai", "25. November 2026 20:30 (+04)"),
        ("de", "Europe/Berlin", "25. November 2026 17:30 (CET)"),
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


def test_the_sessions_words_can_be_translated() -> None:
    with translation.override("ar"):
        html = Template("{% load i18n %}{% translate 'Yes' %}").render(Context())

    assert html != "Yes"  # Django's own word, so the test's languages are really active.
