"""Tell how many tests ran where, and fail where tox passed without one: it skips each Python that
is not there.

Takes the file that `tox --result-json` wrote.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def main(results: str) -> int:
    environments = json.loads(Path(results).read_text(encoding="utf-8"))["testenvs"]
    counts = {name: _passed(found) for name, found in environments.items()}
    ran = {name: count for name, count in counts.items() if count}
    if ran:
        each = ", ".join(f"{name} {count}" for name, count in ran.items())
        print(f"{sum(ran.values())} tests passed: {each}")
        return 0
    print(
        "No test ran: tox found no Python from 3.10 to 3.13 on this machine. Install one of them"
        " (with pyenv, name it in PYENV_VERSION) and run this again.",
        file=sys.stderr,
    )
    return 1


def _passed(found: Mapping[str, Any]) -> int:
    """Return how many tests passed in an environment, by what pytest said last."""
    # One that was skipped or not asked for ran no command.
    said = "\n".join(command["output"] for command in found.get("test", ()))
    return sum(map(int, re.findall(r"^=+ .*?\b(\d+) passed", said, re.MULTILINE)))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
