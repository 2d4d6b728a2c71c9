"""The changelog has the form of Keep a Changelog, and speaks of the version that there is."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Final

import pytest

import django_redpin

TEXT: Final = (Path(__file__).resolve().parent.parent / "CHANGELOG.md").read_text()
KINDS: Final = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
HEADING: Final = re.compile(r"(\d+\.\d+\.\d+) - (\d{4}-\d{2}-\d{2})")


def releases(text: str) -> list[tuple[tuple[int, ...], date]]:
    """Return version and day of each release, as the headings say, from the top.

    Raises `AssertionError` for a heading of another form.
    """
    first, *others = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert first == "Unreleased", "what is new stands under Unreleased, at the top"
    found = [(heading, HEADING.fullmatch(heading)) for heading in others]
    assert all(match for _, match in found), "a release is '## 0.2.0 - 2026-12-24'"
    parts = [match.groups() for _, match in found if match]
    return [
        (tuple(map(int, version.split("."))), date.fromisoformat(day)) for version, day in parts
    ]


def kinds(text: str) -> list[list[str]]:
    """Return the headings below each release."""
    return [re.findall(r"^### (.*)$", part, re.MULTILINE) for part in text.split("\n## ")[1:]]


def test_it_begins_with_its_form() -> None:
    assert TEXT.startswith("# Changelog\n")
    assert "[Keep a Changelog](https://keepachangelog.com/en/1.1.0/)" in TEXT


def test_releases_are_dated_and_stand_newest_first() -> None:
    found = releases(TEXT)

    assert found == sorted(found, reverse=True)
    assert len({version for version, _ in found}) == len(found)


def test_below_a_release_stand_its_kinds_of_change_once_and_in_order() -> None:
    for found in kinds(TEXT):
        assert found == [kind for kind in KINDS if kind in found]


def test_no_line_stands_outside_of_a_kind() -> None:
    for part in TEXT.split("\n## ")[1:]:
        _, _, rest = part.partition("\n")
        assert not rest.partition("\n### ")[0].strip()


def test_the_newest_release_is_the_version_or_the_version_is_still_to_come() -> None:
    version = tuple(int(part) for part in re.findall(r"\d+", django_redpin.__version__))
    found = releases(TEXT)

    assert not found or version >= found[0][0]


@pytest.mark.parametrize(
    "heading", ["0.2.0", "0.2.0 - 24.12.2026", "v0.2.0 - 2026-12-24", "[0.2.0] - 2026-12-24"]
)
def test_another_heading_is_refused(heading: str) -> None:
    with pytest.raises(AssertionError, match="a release is"):
        releases(f"# Changelog\n\n## Unreleased\n\n## {heading}\n")


def test_each_line_is_begun_once_and_none_is_left_of_another() -> None:
    """Lines that two branches had changed are both kept when these are merged."""
    lines = [line for line in TEXT.splitlines() if len(line) > 40]
    beginnings = [line.strip("- ")[:40] for line in lines]

    assert [start for start in set(beginnings) if beginnings.count(start) > 1] == []
