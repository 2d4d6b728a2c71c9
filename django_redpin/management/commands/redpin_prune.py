"""`manage.py redpin_prune`: let go of old webhook events, for cron."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...services.retention import LIMIT, SECONDS, Pruned, prunable, prune
from ...services.sweeps import Swept
from ..sweeping import SweepCommand


class Command(SweepCommand):
    help = "Empty the bodies of webhook events that are done and old, and delete older events."
    limit: ClassVar[int] = LIMIT
    seconds: ClassVar[float] = SECONDS

    def sweep(
        self, *, limit: int, seconds: float, account: str | None, **options: Any
    ) -> Mapping[str, Swept]:
        """Let go of them."""
        pruned = prune(limit, seconds, account=account)
        return {name: Swept(count) for name, count in _named(pruned).items()}

    def due(self, *, account: str | None, **options: Any) -> Mapping[str, int]:
        """Count them."""
        return _named(prunable(account))


def _named(pruned: Pruned) -> dict[str, int]:
    return {"bodies": pruned.bodies, "events": pruned.events}
