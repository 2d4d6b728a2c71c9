"""What the docs name of ours is there: ids, commands, options, settings, tags, imports, words."""

from __future__ import annotations

import builtins
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from django.core.management import get_commands
from django.utils.module_loading import import_string

import django_redpin.tasks
from django_redpin.accounts import PROJECT_KEYS
from django_redpin.checks.table import MEANINGS
from django_redpin.shapes import DEFAULTS
from django_redpin.templatetags.redpin import register
from docs._ext import inventory

from .celery import app

ROOT: Final = Path(__file__).resolve().parent.parent
PAGES: Final = [
    *sorted((ROOT / "docs").glob("*.md")),
    *(page for page in sorted(ROOT.glob("*.md")) if page.name != "CHANGELOG.md"),
]
SETTINGS: Final = {*DEFAULTS, *PROJECT_KEYS}
COMMANDS: Final = {name for name, app in get_commands().items() if app == "django_redpin"}
# Of loggers and tasks, which are no modules. The app knows of tasks once their module is imported.
assert django_redpin.tasks
NAMES: Final = {"django_redpin.security", *app.tasks}
OF_DJANGO: Final = {"--settings", "--verbosity", "--help", "--traceback", "--no-color"}


@pytest.fixture(params=PAGES, ids=lambda page: page.name)
def page(request: pytest.FixtureRequest) -> str:
    text: str = request.param.read_text()
    return text


@cache
def words() -> frozenset[str]:
    """Return every name in the code of the package, of the example and of the tests."""
    found: set[str] = set()
    for folder in ("benchmarks", "django_redpin", "docs/_ext", "example_project", "tests"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".html", ".js", ".css", ".toml"} and path != Path(__file__):
                found |= set(re.findall(r"[A-Za-z_]\w*", path.read_text()))
    return frozenset(found)


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def in_code_marks(page: str) -> list[str]:
    """Return what stands in code marks within sentences and cells."""
    text = re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", text)


def test_every_id_of_a_check(page: str) -> None:
    assert set(re.findall(r"redpin\.[EW]\d{3}", page)) <= MEANINGS.keys()


def test_every_command_that_is_run(page: str) -> None:
    assert set(re.findall(r"manage\.py (redpin\w*)(?!\.\.\.)\b", page)) <= COMMANDS


def test_every_option_of_a_command_that_is_run(page: str) -> None:
    options = {
        each.name: {flag for option in each.options for flag in option.flags}
        for each in inventory.command_texts()
    }
    for line in [*"".join(blocks(page, "console")).splitlines(), *in_code_marks(page)]:
        for name, rest in re.findall(r"\b(redpin_\w+)((?: [^|;&#`]*)?)", line):
            given = set(re.findall(r"(?<!\S)(--[a-z-]+)", rest))
            assert given <= options.get(name, set()) | OF_DJANGO, line


def test_every_tag(page: str) -> None:
    assert set(re.findall(r"{% (redpin_\w+)", page)) <= register.tags.keys()


def test_every_word_that_begins_with_our_name(page: str) -> None:
    found = {word for code in in_code_marks(page) for word in re.findall(r"\bredpin_\w+", code)}

    assert found <= words() | COMMANDS


def keys_in(block: str) -> set[str]:
    """Return the keys of each dict that is written as `REDPIN`, whatever else is left out in it."""
    found: set[str] = set()
    for begin in re.finditer(r"^(?:settings\.)?REDPIN = {", block, re.MULTILINE):
        depth = 0
        for end, letter in enumerate(block[begin.end() - 1 :], begin.end()):
            depth += {"{": 1, "}": -1}.get(letter, 0)
            if not depth:
                found |= set(re.findall(r'"([A-Z][A-Z_]+)":', block[begin.end() : end]))
                break
    return found | set(re.findall(r"\bREDPIN\[['\"](\w+)['\"]\]", block))


def test_every_setting_in_code(page: str) -> None:
    found = {name for block in blocks(page, "python") for name in keys_in(block)}

    assert found - SETTINGS - {"BACKEND", "OPTIONS"} == set()


def test_every_setting_in_a_sentence(page: str) -> None:
    ours = {name.partition("_")[0] for name in SETTINGS if "_" in name}
    found = {code for code in in_code_marks(page) if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", code)}

    assert {name for name in found if name.partition("_")[0] in ours} <= SETTINGS | words()


def test_every_import_of_ours(page: str) -> None:
    for block in blocks(page, "python"):
        for module, names in re.findall(
            r"^ *from (django_redpin[\w.]*) import (\([^)]*\)|.*)$", block, re.MULTILINE
        ):
            for name in re.findall(r"\w+", re.sub(r"#.*| as \w+", "", names)):
                assert imported(f"{module}.{name}")


def test_every_dotted_name_of_ours(page: str) -> None:
    for code in in_code_marks(page):
        for name in re.findall(r"(?<![\w./-])django_redpin(?:\.[A-Za-z_]\w*)+(?![\w/])", code):
            if name not in NAMES and not name.endswith(".py"):
                assert imported(name), name


def imported(name: str) -> object:
    """Return what a dotted name leads to: a module, what is in it, or an attribute of that."""
    module, _, attribute = name.rpartition(".")
    try:
        return import_string(name)
    except ImportError:
        if module == "django_redpin" or not module:
            return __import__(name, fromlist=["*"])
        return getattr(imported(module), attribute, None) or __import__(name, fromlist=["*"])


def test_every_word_that_begins_as_names_of_ours_do(page: str) -> None:
    public = [
        *(each.name for each in inventory.signal_texts()),
        *(each.name.lower() for each in inventory.settings()),
        *vars(__import__("django_redpin.services", fromlist=["*"]))["__all__"],
    ]
    beginnings = {name.partition("_")[0] for name in public if "_" in name}
    found = {
        word
        for code in in_code_marks(page)
        for word in re.findall(r"(?<![\w.-])[a-z]+(?:_[a-z0-9]+)+(?![\w-])", code)
        if word.partition("_")[0] in beginnings
    }

    assert found - words() - set(dir(builtins)) == set()
