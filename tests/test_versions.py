"""What the metadata promises about versions is what the matrix tests."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Final

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT: Final = Path(__file__).resolve().parent.parent
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TOX: Final = (ROOT / "tox.ini").read_text()


def environments() -> set[tuple[str, str]]:
    """Return the pairs of tox.ini's env_list, such as ("3.12", "6.1")."""
    env_list = TOX.partition("env_list =")[2].partition("skip_missing")[0]
    found = re.findall(r"py3(\d+)-django\{?([\d, ]+)\}?", env_list)
    return {
        (f"3.{python}", f"{django[0]}.{django[1]}")
        for python, djangos in found
        for django in re.findall(r"\d\d", djangos)
    }


def promised(prefix: str) -> set[str]:
    found = (name.removeprefix(prefix) for name in PROJECT["classifiers"] if prefix in name)
    return {name for name in found if re.fullmatch(r"\d\.\d+", name)}


def test_each_promised_version_is_tested_and_no_other() -> None:
    pairs = environments()

    assert {python for python, _ in pairs} == promised("Programming Language :: Python :: ")
    assert {django for _, django in pairs} == promised("Framework :: Django :: ")


def test_each_django_meets_each_python_that_it_supports() -> None:
    # Django 6.0 and 6.1 want Python 3.12.
    older = {(f"3.{minor}", "5.2") for minor in (10, 11)}
    newer = {(f"3.{minor}", django) for minor in (12, 13) for django in ("5.2", "6.0", "6.1")}

    assert environments() == older | newer


def test_the_oldest_pair_has_the_oldest_release_of_each_dependency() -> None:
    lines = (ROOT / "tests/oldest.txt").read_text().splitlines()
    oldest = dict(line.split("==") for line in lines if not line.startswith("#"))

    assert oldest == dict(re.split(">=", each) for each in PROJECT["dependencies"])
    assert "py310-django52: -r tests/oldest.txt" in TOX
    assert PROJECT["requires-python"] == ">=3.10"
