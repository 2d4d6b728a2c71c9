"""`manage.py redpin_process`: the inbox, for cron."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...services.sweeps import EVENTS, Swept
from ..sweeping import SweepCommand


class Command(SweepCommand):
    help = "Process the webhook events that are due."

    def sweep(self, *, limit: int, seconds: float, **options: Any) -> Mapping[str, Swept]:
        """Process them."""
        return {"events": EVENTS.run(limit, seconds)}

    def due(self, **options: Any) -> Mapping[str, int]:
        """Count them."""
        return {"events": EVENTS.due().count()}
