"""Measure against what else there is, side by side: `python -m benchmarks`, or `tox run -e bench`.

Prints one table of ratios and counts. Ends with 1 where a suite failed or left a key out.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

from .options import DATABASES, FULL, QUICK, Options
from .page import rewrite
from .running import run
from .suites import SUITES
from .table import printed


def main(arguments: list[str] | None = None) -> int:
    asked = read_arguments(arguments)
    if asked.list:
        for suite in SUITES:
            print(f"{suite.name}: {', '.join(suite.keys)}")
        return 0
    options = Options(
        database=asked.database,
        quick=asked.quick,
        plan=QUICK if asked.quick else FULL,
        rows=asked.rows,
    )
    chosen = [
        suite
        for suite in SUITES
        if options.database in suite.databases and suite.name in (asked.only or [suite.name])
    ]
    found = run(chosen, options)
    print(printed(found), flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if asked.page:
        rewrite(found)
    for failure in found["failures"]:
        print(failure, file=sys.stderr)
    return 1 if found["failures"] else 0


def read_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer calls, in a few minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was found here")
    parser.add_argument("--database", choices=DATABASES, default="postgresql")
    names = [suite.name for suite in SUITES]
    parser.add_argument("--only", nargs="+", choices=names, metavar="SUITE", help="these alone")
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="how many sessions the large table has"
    )
    parser.add_argument("--page", action="store_true", help="write the result into the docs, too")
    parser.add_argument("--list", action="store_true", help="list the suites and their keys")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    # Databases are dropped, whoever ends this process.
    signal.signal(signal.SIGTERM, lambda *args: sys.exit(143))
    raise SystemExit(main())
