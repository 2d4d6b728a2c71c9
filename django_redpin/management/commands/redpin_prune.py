"""`manage.py redpin_prune`: let go of old webhook events, for cron."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from ...services.retention import LIMIT, SECONDS, Pruned, prunable, prune
from ...services.sweeps import Swept
from ..sweeping import SweepCommand


class Command(SweepCommand):
    help = "Empty the bodies of webhook events that are done and old, and delete older events."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the bounds, which are wider."""
        super().add_arguments(parser)
        parser.set_defaults(limit=LIMIT, seconds=SECONDS)

    def sweep(self, *, limit: int, seconds: float, **options: Any) -> Mapping[str, Swept]:
        """Let go of them."""
        return {name: Swept(count) for name, count in _named(prune(limit, seconds)).items()}

    def due(self, **options: Any) -> Mapping[str, int]:
        """Count them."""
        return _named(prunable())


def _named(pruned: Pruned) -> dict[str, int]:
    return {"bodies": pruned.bodies, "events": pruned.events}
