"""The table of a run, for a terminal and for the docs' page."""

from __future__ import annotations

from typing import Any, Final

HEADERS: Final = ("key", "value", "95 %", "must", "holds", "stretch", "reached", "note")


def cells(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return a row of texts for each figure of the result."""
    return [_cells(key, found) for key, found in result["keys"].items()]


def printed(result: dict[str, Any]) -> str:
    """Return the table with its columns aligned."""
    lines = [HEADERS, *cells(result)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def number(value: float) -> str:
    """Return a value as it is shown: a count whole, a ratio with three digits."""
    return f"{value:.0f}" if value == int(value) else f"{value:.3g}"


def _cells(key: str, found: dict[str, Any]) -> tuple[str, ...]:
    interval = "" if found["low"] is None else f"{number(found['low'])} to {number(found['high'])}"
    direction = {"<=": "≤", ">=": "≥"}[found["direction"]]
    return (
        key,
        number(found["value"]),
        interval,
        f"{direction} {number(found['must'])}",
        "yes" if found["holds"] else "NO",
        f"{direction} {number(found['stretch'])}",
        "yes" if found["stretched"] else "",
        found["note"],
    )
