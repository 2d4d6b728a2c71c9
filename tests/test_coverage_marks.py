"""What the measure of coverage leaves out says why, in words, where it does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
MARK: Final = re.compile(r"#\s*pragma: no (?:cover|branch)(.*)")
MARKED: Final = [
    (f"{file.relative_to(ROOT)}:{number}", found[1])
    for file in sorted((ROOT / "django_redpin").rglob("*.py"))
    for number, line in enumerate(file.read_text().splitlines(), 1)
    if (found := re.search(MARK, line))
]


def is_reason(text: str) -> bool:
    return text.startswith("  ") and len(re.findall(r"[A-Za-z]{2,}", text)) >= 3


@pytest.mark.parametrize(("place", "reason"), MARKED, ids=[place for place, _ in MARKED])
def test_a_line_that_is_not_measured_has_its_reason_beside_it(place: str, reason: str) -> None:
    assert is_reason(reason), f"{place} does not say why nothing can reach it"


@pytest.mark.parametrize("text", ["", " ", "  never", "  # noqa: S101", "never reached by a test"])
def test_a_word_or_another_mark_is_no_reason(text: str) -> None:
    assert not is_reason(text)
    assert is_reason("  Windows has no fork.")


def test_no_other_mark_of_coverage_is_used() -> None:
    others = re.compile(r"pragma:(?! no (?:cover|branch)\b)|nocover|no-cover")

    for file in (ROOT / "django_redpin").rglob("*.py"):
        assert not others.search(file.read_text()), file
