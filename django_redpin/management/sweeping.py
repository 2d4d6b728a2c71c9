"""What the commands have in common that sweep: bounds, one line, and when they fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser

from ..services.sweeps import LIMIT, SECONDS, Swept
from .running import NEEDS_SOMEBODY, RedpinCommand, add_bounds, shows_progress, watched


class SweepCommand(RedpinCommand):
    """Sweeps once, prints one line, and fails where a row needs a person."""

    limit: ClassVar[int] = LIMIT
    seconds: ClassVar[float] = SECONDS

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the bounds of the run, and whose rows they are."""
        add_bounds(parser, limit=self.limit, seconds=self.seconds)
        self.add_account(parser)
        parser.add_argument(
            "--dry-run", action="store_true", help="only tell how many rows are due"
        )

    def sweep(
        self, *, limit: int, seconds: float, account: str | None, **options: Any
    ) -> Mapping[str, Swept]:
        """Do it, and return what was done by the name of the rows."""
        raise NotImplementedError

    def due(self, *, account: str | None, **options: Any) -> Mapping[str, int]:
        """Return how many rows are due, by their name."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep, or tell what is due."""
        if options["dry_run"]:
            self.stdout.write(f"Due: {_listed(self.due(**options))}.")
            return
        total = None
        if shows_progress(self, options):
            total = sum(min(each, options["limit"]) for each in self.due(**options).values())
        with watched(total) as watcher:
            done = self.sweep(**options)
        line = _listed({name: each.tried for name, each in done.items()})
        self.tell(f"Done: {line}.", options)
        watcher.raise_if_stopped()
        stuck = {name: each.stuck for name, each in done.items() if each.stuck}
        if stuck:
            raise CommandError(
                f"A person has to look at: {_listed(stuck)}; see the log and admin.",
                returncode=NEEDS_SOMEBODY,
            )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
