"""Fail where tox passed without a single test: it skips each Python that is not there.

Takes the file that `tox --result-json` wrote.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(results: str) -> int:
    environments = json.loads(Path(results).read_text(encoding="utf-8"))["testenvs"]
    tests = {name: found for name, found in environments.items() if name.startswith("py3")}
    # One that was not asked for has no result.
    ran = [n for n, found in tests.items() if not found.get("result", {}).get("skipped", True)]
    if ran:
        print(f"The tests ran in {len(ran)} of {len(tests)} environments: {', '.join(ran)}")
        return 0
    print(
        "No test ran: tox found no Python from 3.10 to 3.13 on this machine. Install one of them"
        " (with pyenv, name it in PYENV_VERSION) and run this again.",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
