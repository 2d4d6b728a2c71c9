"""What the commands have in common that sweep: bounds, one line, and when they fail."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ..exceptions import ConfigurationError
from ..services.sweeps import LIMIT, SECONDS, Swept


class SweepCommand(BaseCommand):
    """Sweeps once, prints one line, and fails where a row needs a person."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the bounds of the run."""
        parser.add_argument(
            "--limit",
            type=_count,
            default=LIMIT,
            help="how many rows at most; default: %(default)s",
        )
        parser.add_argument(
            "--seconds",
            type=_seconds,
            default=SECONDS,
            help="after which no other row is begun; default: %(default)s",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="only tell how many rows are due"
        )

    def sweep(self, *, limit: int, seconds: float, **options: Any) -> Mapping[str, Swept]:
        """Do it, and return what was done by the name of the rows."""
        raise NotImplementedError

    def due(self, **options: Any) -> Mapping[str, int]:
        """Return how many rows are due, by their name."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep, or tell what is due."""
        try:
            if options["dry_run"]:
                self.stdout.write(f"Due: {_listed(self.due(**options))}.")
                return
            done = self.sweep(**options)
        except ConfigurationError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Done: {_listed({name: each.tried for name, each in done.items()})}.")
        stuck = {name: each.stuck for name, each in done.items() if each.stuck}
        if stuck:
            raise CommandError(f"A person has to look at: {_listed(stuck)}; see the log and admin.")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _count(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0.")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0.")
    return value
