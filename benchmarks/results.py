"""The JSON of a run: each figure with its goal, and what a reader needs to judge it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from .goals import GOALS
from .machine import machine, versions
from .options import Options
from .suite import Row


def result(
    options: Options, rows: Iterable[Row], suites: dict[str, Any], failures: list[str]
) -> dict[str, Any]:
    """Return all that a run found. `suites` tells how each ran, `failures` what did not."""
    found = {row.key: row for row in rows}
    return {
        "at": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "options": options.to_dict(),
        "machine": machine(),
        "versions": versions(),
        "suites": suites,
        "failures": failures,
        "keys": {key: judged(found[key]) for key in GOALS if key in found},
    }


def judged(row: Row) -> dict[str, Any]:
    """Return a figure, and whether it is what it must be."""
    goal = GOALS[row.key]
    return {
        **{name: told for name, told in row.to_dict().items() if name != "key"},
        "what": goal.what,
        "direction": goal.direction,
        "must": goal.must,
        "stretch": goal.stretch,
        "holds": goal.holds(row.value),
        "stretched": goal.is_stretched(row.value),
    }
