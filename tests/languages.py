"""What the tests of translations share: the catalogues, and a translator that is watched."""

from __future__ import annotations

import gettext
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest
from babel.messages import Catalog, Message
from babel.messages.pofile import read_po
from django.utils.translation import trans_real

import django_redpin

PACKAGE: Final = Path(django_redpin.__file__).parent
ROOMS: Final = (PACKAGE, PACKAGE / "sandbox")
TRANSLATED: Final = ("ar", "de", "es", "fr", "pt")

_CONTEXT: Final = "\x04"
_SPOKEN_ATTRIBUTES: Final = {"alt", "aria-label", "content", "placeholder", "summary", "title"}
_BRACKETED: Final = re.compile("⟦[^⟦⟧]*⟧")


def catalogue(room: Path, language: str) -> Catalog:
    path = room / "locale" / language / "LC_MESSAGES/django.po"
    with path.open("rb") as file:
        return read_po(file, locale=language)


def messages(room: Path, language: str) -> list[Message]:
    return [message for message in catalogue(room, language) if message.id]


def forms_of(text: object) -> list[str]:
    """Return singular and plural, or the one text that there is."""
    return [str(each) for each in text] if isinstance(text, (list, tuple)) else [str(text)]


def sources(room: Path, language: str = "de") -> set[str]:
    return {forms_of(message.id)[0] for message in messages(room, language)}


class Watched(gettext.NullTranslations):
    """Translates each text into itself in brackets, and notes what it was asked for."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self.asked: set[str] = set()
        self._language = language

    def language(self) -> str:
        return self._language

    to_language = language

    def gettext(self, message: str) -> str:
        context, _, text = message.rpartition(_CONTEXT)
        self.asked.add(text)
        # The one text that tells which language the others are in.
        return self._language if context == "the language of these words" else f"⟦{text}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        self.asked.add(msgid1)
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


def watch(monkeypatch: pytest.MonkeyPatch, language: str) -> Watched:
    """Let a watched translator stand in for the language's own one."""
    watched = Watched(language)
    monkeypatch.setitem(trans_real._translations, language, watched)  # type: ignore[attr-defined]
    return watched


@dataclass
class _Words(HTMLParser):
    """All that a page says: its text, and the attributes that are shown or read out."""

    html: str
    said: list[str] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if tag != "meta" and (name in _SPOKEN_ATTRIBUTES or name.endswith(("-text", "-label"))):
                self.spoken.append(value or "")

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def untranslated(html: str, *data: str) -> list[str]:
    """Return the words of a page that went past the watched translator, without the data in it."""
    page = _Words(html)
    left: list[str] = []
    for text in ["".join(page.said), *page.spoken]:
        rest = _BRACKETED.sub(" ", text)
        for known in sorted(data, key=len, reverse=True):
            rest = rest.replace(known, " ")
        left += re.findall(r"[^\W\d_]+", rest)
    return left
