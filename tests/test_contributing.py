"""CONTRIBUTING.md describes each environment of tox, and its recipes name files that are there."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
GUIDE: Final = (ROOT / "CONTRIBUTING.md").read_text()
TOX: Final = configparser.ConfigParser(interpolation=None)
TOX.read(ROOT / "tox.ini")


def environments() -> set[str]:
    """Return the names of all that tox can run: those with a section, and the pairs."""
    named = {section.partition(":")[2] for section in TOX.sections() if ":" in section}
    listed = TOX["tox"]["env_list"].split("\n")
    for line in filter(None, listed):
        head, _, choices = line.partition("{")
        named |= {head + choice.strip() for choice in choices.rstrip("}").split(",")}
    return named


def section(title: str) -> str:
    return GUIDE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def recipes() -> list[tuple[str, str]]:
    return [(part.partition("\n")[0], part) for part in section("Recipes").split("\n### ")[1:]]


def test_each_environment_of_tox_is_described_and_each_that_is_described_exists() -> None:
    rows = [
        line for line in section("What each environment does").splitlines() if line[:3] == "| `"
    ]
    described = [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]

    assert sorted(described) == sorted(environments())


def test_the_hooks_run_before_a_commit_are_installed_with_the_environment() -> None:
    assert "pre-commit install" in TOX["testenv:dev"]["commands"]
    assert "python -m tox run -e dev" in GUIDE


def test_what_the_hooks_run_is_what_lint_runs() -> None:
    hooks = re.findall(r"entry: (\S+)", (ROOT / ".pre-commit-config.yaml").read_text())
    upgraded = (ROOT / ".ci/upgraded.py").read_text().replace("django_upgrade", "django-upgrade")
    lint = TOX["testenv:lint"]["commands"] + upgraded

    assert len(hooks) == 6
    assert all(hook in lint for hook in hooks)


@pytest.mark.parametrize(("title", "recipe"), recipes(), ids=[title for title, _ in recipes()])
def test_a_recipe_names_files_that_are_there(title: str, recipe: str) -> None:
    named = re.findall(
        r"`((?:\.ci|\.github|django_redpin|docs|tests)/[^`]*|CHANGELOG\.md)`", recipe
    )

    assert title
    assert len(named) > 2
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("thing", ["status", "verifier", "fault of the sandbox"])
def test_there_is_a_recipe_for(thing: str) -> None:
    assert f"Add a {thing}" in {title for title, _ in recipes()}
