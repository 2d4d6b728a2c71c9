"""What runs the pages' blocks fails where a block is wrong, and names page and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import shell
from .blocks import Block, blocks_in
from .prelude import namespace
from .running import Page

FENCE = "```"


@pytest.fixture
def page(
    db: None,
    world: None,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Page:
    return Page(namespace("a_page"), tmp_path, request, monkeypatch)


def block(text: str, language: str = "python", mark: str = "") -> Block:
    before = f"<!-- not run: {mark} -->\n" if mark else "\n"
    (found,) = blocks_in(f"# A page\n{before}{FENCE}{language}\n{text}\n{FENCE}\n", "docs/a.md")
    return found


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("x = 1\nx / 0", "docs/a.md:5: ZeroDivisionError"),
        ("x = (", "docs/a.md:4: SyntaxError"),
        ("def test_it(tmp_path):\n    assert not tmp_path", "docs/a.md:5: AssertionError"),
        ('REDPIN["CLIENT_SECRETS"] = "x"', "docs/a.md:3: AssertionError: redpin.E002"),
    ],
)
def test_python_that_does_not_run_is_told(page: Page, text: str, fault: str) -> None:
    assert page.run(block(text)).startswith(fault)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("console", "python manage.py redpin_swoop"),
        ("console", "python manage.py redpin_sweep --limits 3"),
        ("console", "$ python manage.py redpin_swoop\n200"),
        ("console", "python -m tox run -e dreams"),
        ("console", "pip install django-redpin[dreams]"),
        ("console", "celery -A yourproject work"),
        ("console", "echo $(python manage.py redpin_swoop)"),
        ("console", "python -c 'import redpins'"),
        ("console", "if true; then"),
        ("console", "swoop"),
        ("cron", "61 * * * * python manage.py redpin_sweep"),
        ("cron", "* * * * * python manage.py redpin_swoop"),
        ("ini", "[Service]\nExecStart=/venv/bin/python manage.py redpin_swoop"),
        ("django", "{% load redpins %}"),
        ("django", "{# nothing #}"),
        ("jinja", "{{ payment_session_html(session, mode='no') }}"),
        ("json", "{1}"),
        ("toml", "a = "),
        ("yaml", "a: b: c"),
        ("pycon", ">>> 1 + 1\n3"),
        ("", "no language"),
        ("brainfuck", "+"),
        ("{literalinclude} ../example_project/nothing.py", ""),
        ("{literalinclude} ../README.md", ":pyobject: nothing"),
        ("{literalinclude} ../example_project/urls.py", ":pyobject: nothing"),
        ("{literalinclude} ../example_project/urls.py", ":lines: 1-900"),
        ("{literalinclude} ../example_project/urls.py", ":start-at: nothing"),
    ],
)
def test_what_is_wrong_in_another_language_is_told(page: Page, language: str, text: str) -> None:
    assert page.run(block(text, language)).startswith("docs/a.md:3: ")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("console", "python manage.py redpin_sweep --limit 3 --seconds 5 | tee && cd /srv"),
        ("console", "$ python manage.py redpin_sweep \\\n    --limit 3\nwhatever is answered"),
        ("console", "A=1 PYENV_VERSION=3.12 python -m tox run -e py312-django61 -- tests/rules"),
        ("console", "pip install 'django-redpin[openapi, health]'"),
        ("console", "python -W error::DeprecationWarning -m pytest"),
        ("text", "anything"),
        ("python", "session = create_payment_session(..., idempotency_key='x')"),
        ("{literalinclude} ../example_project/urls.py", ":start-at: urlpatterns"),
        ("{literalinclude} ../example_project/settings.py", ':start-at: "# --- Redpin"'),
    ],
)
def test_what_is_right_is_not(page: Page, language: str, text: str) -> None:
    page.run(block("from django_redpin.services import create_payment_session"))
    assert page.run(block(text.replace("| tee ", ""), language)) == ""


def test_blocks_of_a_page_know_what_earlier_ones_defined(page: Page) -> None:
    assert page.run(block("x = 1")) == page.run(block("assert x == 1")) == ""
    assert page.unknown() == []


def test_a_name_that_a_reader_cannot_know_is_told(page: Page) -> None:
    page.run(block("def pay(request):\n    return shop(request)"))
    assert page.unknown() == [
        "docs/a.md:3: `shop` is neither on the page nor in tests/docs/prelude.py"
    ]


def test_a_mark_on_what_would_run_is_wrong(page: Page) -> None:
    reason = "it would take a bank to run it"

    assert "though it runs" in page.run(block("x = 1", mark=reason))
    assert "though nothing of it" in page.run(block("x", "text", mark=reason))
    assert page.run(block("x / 0", mark=reason)) == ""


def test_blocks_within_notes_and_directives_are_blocks_with_their_lines() -> None:
    note = f":::{{note}}\nWords.\n\n{FENCE}python\nx = 1\n{FENCE}\n:::\n"
    code = f"{FENCE}{{code-block}} python\n:caption: Code\n\nx / 0\n{FENCE}\n"
    first, second = blocks_in(note + code, "docs/a.md")

    assert (first.language, first.line, first.text) == ("python", 4, "x = 1\n")
    assert (second.language, second.line) == ("python", 8)
    assert second.padded.splitlines().index("x / 0") + 1 == 11


def test_what_is_typed_is_told_from_what_is_answered() -> None:
    assert shell.typed("$ a \\\n  b\nanswer\n$ c") == "a \\\n  b\nc"
    assert shell.typed("a\nb") == "a\nb"
