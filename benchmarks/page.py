"""The page in the docs: what a run found stands between two marks, the rest is written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from .table import HEADERS, cells

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"
BEGIN: Final = "<!-- what a run found -->"
END: Final = "<!-- end of what a run found -->"


def rewrite(result: dict[str, Any], docs: Path = DOCS) -> None:
    """Write the result into `benchmarks.md` and, whole, into `benchmarks.json`.

    There, what `benchmarks/growth.py` has written stays.
    """
    page = docs / "benchmarks.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    text = f"{before}{BEGIN}\n\n{rendered(result)}\n\n{END}{after}"
    page.write_text(text, encoding="utf-8")
    path = docs / "benchmarks.json"
    earlier = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    kept = {name: told for name, told in earlier.items() if name == "growth"}
    path.write_text(json.dumps({**result, **kept}, indent=2) + "\n", encoding="utf-8")


def rendered(result: dict[str, Any]) -> str:
    """Return the table, what each figure is, and what it was measured on, as Markdown."""
    whats = {key: found["what"] for key, found in result["keys"].items()}
    rows = [(f"{whats[row[0]]} (`{row[0]}`)", *row[1:]) for row in cells(result)]
    return "\n\n".join((_table(("what is measured", *HEADERS[1:]), rows), _ran_on(result)))


def _ran_on(result: dict[str, Any]) -> str:
    machine = result["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    databases = sorted({ran["database"] for ran in result["suites"].values()})
    return (
        f"Measured at {result['at']} on {machine['cores']} cores of {machine['processor']},"
        f" {machine['memory_mib']} MiB, {machine['system']}; {', '.join(databases)}; {versions}."
    )


def _table(headers: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [headers, ("---",) * len(headers), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
