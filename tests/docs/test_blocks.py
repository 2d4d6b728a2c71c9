"""Every block of every page runs, or says why it can't."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import shell
from .blocks import ELSEWHERE, ROOT, Block, blocks_of, code_in, name_of, pages
from .prelude import namespace
from .running import DATA, Page

_FEWEST_WORDS = 5
PROGRAMS = ("manage.py ", "python ", "pip ", "celery ", "tox ")


@pytest.mark.django_db
@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_block_of_the_page_runs(
    page: Path,
    world: None,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running = Page(namespace(page.stem), tmp_path, request, monkeypatch)

    faults = [fault for block in blocks_of(page) if (fault := running.run(block))]

    faults += running.unknown()
    assert not faults, "\n".join(["", *faults])


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_command_within_a_sentence_can_be_typed(page: Path) -> None:
    for line, code in code_in(page):
        if code.startswith(PROGRAMS) and code != "python manage.py" and "..." not in code:
            try:
                shell.check_text(code)
            except shell.NotACommand as error:
                pytest.fail(f"{name_of(page)}:{line}: `{code}`: {error}")


def marked() -> list[Block]:
    return [block for page in pages() for block in blocks_of(page) if block.reason is not None]


@pytest.mark.heavy
def test_who_is_not_run_says_why() -> None:
    short = [each for each in marked() if len(str(each.reason).split()) < _FEWEST_WORDS]
    assert not short, "\n".join(f"{each.place}: `{each.reason}` is no reason" for each in short)


def test_all_but_a_few_blocks_are_run() -> None:
    every = [b for page in pages() for b in blocks_of(page) if b.language not in DATA]
    listed = "\n".join(f"{block.place}: {block.reason}" for block in marked())

    assert len(marked()) * 10 <= len(every), f"too many of {len(every)} are not run:\n{listed}"


def test_the_pages_that_are_left_out_are_followed_elsewhere() -> None:
    for name in ELSEWHERE:
        if (ROOT / "docs" / name).exists():
            tests = "".join(each.read_text() for each in (ROOT / "tests/tutorial").glob("*.py"))
            assert name in tests or Path(name).stem in tests, f"no test follows {name}"
