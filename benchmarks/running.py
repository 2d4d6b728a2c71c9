"""Run suites, each in a process of its own and on a database of its own, one after the other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from . import databases
from .options import Options
from .results import result
from .suite import Row, Suite

ROOT: Final = Path(__file__).resolve().parent.parent


class SuiteFailed(Exception):
    """A suite's process ended badly; it has said why on its standard error."""


def run(suites: Iterable[Suite], options: Options) -> dict[str, Any]:
    """Run the suites, and return the result of all. One that fails stops no other."""
    rows: list[Row] = []
    ran: dict[str, Any] = {}
    failures: list[str] = []
    for suite in suites:
        began = time.monotonic()
        print(f"{suite.name} ...", file=sys.stderr, flush=True)
        try:
            answer = _answer(suite, options)
        except SuiteFailed as error:
            failures.append(str(error))
            continue
        found = [Row(**told) for told in answer["rows"]]
        rows += found
        ran[suite.name] = {**answer["ran"], "seconds": round(time.monotonic() - began, 1)}
        missing = sorted(set(suite.keys) - {row.key for row in found})
        failures += [f"{suite.name} has not found {', '.join(missing)}."] if missing else []
    return result(options, rows, ran, failures)


def _answer(suite: Suite, options: Options) -> dict[str, Any]:
    with (
        databases.fresh(options.database) as url,
        tempfile.TemporaryDirectory(prefix="bench_") as folder,
    ):
        answer = Path(folder) / "answer.json"
        order = {"suite": suite.name, "options": options.to_dict(), "answer": str(answer)}
        command = [sys.executable, "-m", "benchmarks.child", json.dumps(order)]
        environment = {**os.environ, "DATABASE_URL": url}
        code = _ended(subprocess.Popen(command, cwd=ROOT, env=environment))  # noqa: S603
        if code != 0:
            raise SuiteFailed(f"{suite.name} ended with {code}.")
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return found


def _ended(process: subprocess.Popen[bytes]) -> int:
    """Return what the process ended with; it is asked to end where this one has to."""
    with process:
        try:
            return process.wait()
        finally:
            process.terminate()  # Of one that has ended it asks nothing.
