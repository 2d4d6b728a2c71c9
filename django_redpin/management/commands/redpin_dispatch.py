"""`manage.py redpin_dispatch`: the signals, for cron."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...services.sweeps import TRANSITIONS, Swept
from ..sweeping import SweepCommand


class Command(SweepCommand):
    help = "Send the signals of the transitions that are due."

    def sweep(
        self, *, limit: int, seconds: float, account: str | None, **options: Any
    ) -> Mapping[str, Swept]:
        """Send them."""
        return {"transitions": TRANSITIONS.of(account).run(limit, seconds)}

    def due(self, *, account: str | None, **options: Any) -> Mapping[str, int]:
        """Count them."""
        return {"transitions": TRANSITIONS.of(account).due().count()}
