"""The gate: green means that tests have run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
MATRIX: Final = ("py310-django52", "py312-django60", "py313-django61")


def ask(folder: Path, *ran: str) -> subprocess.CompletedProcess[str]:
    """Ask whether tests ran, with what tox writes about environments that did and did not."""
    environments: dict[str, dict[str, object]] = {
        name: {"result": {"success": True, "exit_code": 0, "skipped": name not in ran}}
        for name in ("lint", "types", *MATRIX)
    }
    environments["py311-django52"] = {"python": {}}  # Known to tox, and not asked for.
    results = folder / "tox.json"
    results.write_text(json.dumps({"testenvs": environments}))
    command = [sys.executable, ".ci/tests_ran.py", str(results)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("ran", [(), ("lint", "types")])
def test_where_each_python_was_skipped_the_gate_fails_and_says_which_are_needed(
    tmp_path: Path, ran: tuple[str, ...]
) -> None:
    done = ask(tmp_path, *ran)

    assert done.returncode == 1
    assert "no Python from 3.10 to 3.13" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", MATRIX)
def test_one_python_is_enough(tmp_path: Path, name: str) -> None:
    done = ask(tmp_path, "lint", "types", name)

    assert done.returncode == 0
    assert done.stdout == f"The tests ran in 1 of 4 environments: {name}\n"


def test_the_gate_asks_right_after_the_tests() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    (place,) = (number for number, line in enumerate(lines) if "--result-json" in line)
    (written,) = re.findall(r"--result-json (\S+)$", lines[place])

    assert lines[place + 1] == f"python .ci/tests_ran.py {written}"
    assert "set -euo pipefail" in lines
