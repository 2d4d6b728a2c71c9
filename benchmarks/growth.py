"""How times grow: `python -m benchmarks.growth`, or `tox run -e growth`.

Draws a chart for each thing to grow by into `docs/images`, prints the exponents, and writes them
into a JSON file with `--json`, beside what else a run wrote there.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from . import databases
from .curves import Chart

IMAGES: Final = Path(__file__).resolve().parent.parent / "docs/images"
SMALLEST: Final = 1_000
_SIZES: Final = tuple(SMALLEST * 10**power for power in range(5))


def main(arguments: list[str] | None = None) -> int:
    asked = read_arguments(arguments)
    with databases.fresh("postgresql") as url:
        os.environ |= {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "benchmarks.settings"}
        import django

        django.setup()
        charts = list(measure(asked.rows, asked.due))
    if asked.pictures:
        from .pictures import draw

        for chart in charts:
            draw(chart, asked.pictures)
    for chart in charts:
        for curve in chart.curves:
            print(f"{curve.exponent:6.3f}  {curve.name}, {chart.title.lower()}")
    if asked.json:
        write(charts, asked.json)
    return 0


def measure(rows: int, due: int) -> Iterator[Chart]:
    """Measure each chart, on a database that has no tables yet and on the data sets."""
    from django.core.management import call_command

    from . import growing
    from .shop import open_shop
    from .wsgi_calls import Caller

    call_command("migrate", verbosity=0)
    caller = Caller()
    with open_shop(**growing.SETTINGS) as payee:
        yield growing.by_table([size for size in _SIZES if size <= rows], caller)
        yield growing.by_session(payee, caller)
        yield growing.by_body(payee, caller)
        yield growing.by_due(payee, due)


def write(charts: Sequence[Chart], path: Path) -> None:
    """Write the charts into the JSON file as its "growth", and leave the rest of it as it is."""
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    told["growth"] = [chart.to_dict() for chart in charts]
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def read_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="sessions of the largest table")
    parser.add_argument("--due", type=int, default=10_000, help="the most rows that are due")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the exponents here")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", default=IMAGES)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
