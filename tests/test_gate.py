"""The gate: green means that tests have run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
MATRIX: Final = ("py310-django52", "py312-django60", "py313-django61")


def ask(folder: Path, **said: str) -> subprocess.CompletedProcess[str]:
    """Ask whether tests ran, with what tox writes about environments that did and did not."""
    environments: dict[str, dict[str, object]] = {
        name: {"result": {"success": True, "exit_code": 0, "skipped": True}} for name in MATRIX
    }
    environments["py311-django52"] = {"python": {}}  # Known to tox, and not asked for.
    for name, output in said.items():
        environments[name.replace("_", "-")] = {"test": [{"output": output}]}
    results = folder / "tox.json"
    results.write_text(json.dumps({"testenvs": environments}))
    command = [sys.executable, ".ci/tests_ran.py", str(results)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"lint": "All checks passed!\n", "types": ""},
        {MATRIX[0]: "=== 3 deselected in 1s ===\n"},
    ],
)
def test_where_each_python_was_skipped_the_gate_fails_and_says_which_are_needed(
    tmp_path: Path, said: dict[str, str]
) -> None:
    done = ask(tmp_path, **said)

    assert done.returncode == 1
    assert "no Python from 3.10 to 3.13" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", MATRIX)
def test_one_python_is_enough(tmp_path: Path, name: str) -> None:
    done = ask(tmp_path, lint="All checks passed!\n", **{name: "== 1 failed, 12 passed in 3s ==\n"})

    assert done.returncode == 0
    assert done.stdout == f"12 tests passed: {name} 12\n"


def test_all_that_passed_are_added_up(tmp_path: Path) -> None:
    two = "tests/a.py ..\n==== 2 passed in 1s ====\nmore\n==== 1 passed, 1 skipped in 1s ====\n"
    done = ask(tmp_path, browser=two, faults="==== 4 passed in 1s ====\n")

    assert done.stdout == "7 tests passed: browser 3, faults 4\n"


def test_one_case_is_for_what_is_slow_and_pages_and_releases_are_tried_whole() -> None:
    tox = ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    shortened = {name for name in tox.sections() if "ONE_CASE" in tox[name].get("pass_env", "")}

    assert shortened == {"testenv:browser", "testenv:faults", "testenv:services"}


def test_the_gate_asks_right_after_the_tests() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    places = [number for number, line in enumerate(lines) if "--result-json" in line]
    assert len(places) == 2
    for place in places:
        (written,) = re.findall(r"--result-json (\S+)$", lines[place])

        assert lines[place + 1] == f"python .ci/tests_ran.py {written}"
    assert "set -euo pipefail" in lines
