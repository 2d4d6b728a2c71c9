"""The translations as files: complete, alike in all languages, and compiled from what is read."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from babel.messages import Message
from babel.messages.mofile import read_mo

from django_redpin.sandbox.languages import LANGUAGES

from .languages import PACKAGE, ROOMS, TRANSLATED, catalogue, forms_of, messages

HELD: Final = re.compile(r"%\(\w+\)[sd]|\{\w+\}|<[^>]+>|Redpin\b")
EACH: Final = pytest.mark.parametrize("language", TRANSLATED)
BOTH: Final = pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)


def text_of(room: Path, language: str) -> str:
    return (room / "locale" / language / "LC_MESSAGES/django.po").read_text()


def plain(message: Message) -> tuple[str | None, tuple[str, ...], tuple[str, ...]]:
    context: object = message.context  # Babel gives bytes for that of a compiled catalogue.
    said = context.decode() if isinstance(context, bytes) else message.context
    return said, tuple(forms_of(message.id)), tuple(forms_of(message.string))


@BOTH
def test_both_rooms_have_the_same_languages(room: Path) -> None:
    assert {path.name for path in (room / "locale").iterdir()} == set(TRANSLATED)
    assert set(LANGUAGES) == {"en", *TRANSLATED}


@EACH
@BOTH
def test_every_text_is_translated_and_every_plural_form_is_there(room: Path, language: str) -> None:
    forms = catalogue(room, language).num_plurals
    for message in messages(room, language):
        wanted = forms if message.pluralizable else 1
        texts = forms_of(message.string)
        assert len([text for text in texts if text.strip()]) == wanted, message.id


@EACH
@BOTH
def test_no_text_is_a_guess_and_none_is_left_over(room: Path, language: str) -> None:
    found = catalogue(room, language)

    assert not [message.id for message in found if message.fuzzy]
    assert not found.obsolete
    assert "\n#: " not in text_of(room, language)  # Where it stands changes with every edit.


@EACH
@BOTH
def test_every_language_has_the_same_texts(room: Path, language: str) -> None:
    def known(code: str) -> list[tuple[str | None, tuple[str, ...]]]:
        return [plain(message)[:2] for message in messages(room, code)]

    assert known(language) == known("de")


@EACH
@BOTH
def test_what_is_filled_in_and_the_tags_around_it_are_kept(room: Path, language: str) -> None:
    for message in messages(room, language):
        wanted = Counter(HELD.findall(forms_of(message.id)[0]))
        for text in forms_of(message.string):
            assert Counter(HELD.findall(text)) == wanted, text
            assert "%" not in re.sub(r"%\(\w+\)s", "", text), text


@EACH
@BOTH
def test_what_django_reads_is_compiled_from_what_people_read(room: Path, language: str) -> None:
    path = room / "locale" / language / "LC_MESSAGES/django.mo"
    with path.open("rb") as file:
        compiled = {plain(each) for each in read_mo(file) if each.id}

    assert compiled == {plain(each) for each in messages(room, language)}


@EACH
def test_the_catalogue_tells_which_language_it_is_in(language: str) -> None:
    (marker,) = (m for m in messages(PACKAGE, language) if m.context)

    assert (marker.id, marker.string) == ("en", language)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_arabic_has_its_six_plural_forms(room: Path) -> None:
    assert catalogue(room, "ar").num_plurals == 6


@EACH
def test_a_text_of_both_rooms_is_translated_alike(language: str) -> None:
    """Where both are installed, one catalogue speaks for the other."""
    package, sandbox = ({str(m.id): m.string for m in messages(r, language)} for r in ROOMS)

    assert {text: sandbox[text] for text in package.keys() & sandbox.keys()} == {
        text: package[text] for text in package.keys() & sandbox.keys()
    }
