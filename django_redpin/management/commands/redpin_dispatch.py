"""`manage.py redpin_dispatch`: the signals, for cron."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...services.sweeps import TRANSITIONS, Swept
from ..sweeping import SweepCommand


class Command(SweepCommand):
    help = "Send the signals of the transitions that are due."

    def sweep(self, *, limit: int, seconds: float, **options: Any) -> Mapping[str, Swept]:
        """Send them."""
        return {"transitions": TRANSITIONS.run(limit, seconds)}

    def due(self, **options: Any) -> Mapping[str, int]:
        """Count them."""
        return {"transitions": TRANSITIONS.due().count()}
