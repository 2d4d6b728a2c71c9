"""`manage.py redpin_process`: the inbox, for cron."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...services.sweeps import EVENTS, Swept
from ..sweeping import SweepCommand


class Command(SweepCommand):
    help = "Process the webhook events that are due."

    def sweep(
        self, *, limit: int, seconds: float, account: str | None, **options: Any
    ) -> Mapping[str, Swept]:
        """Process them."""
        return {"events": EVENTS.of(account).run(limit, seconds)}

    def due(self, *, account: str | None, **options: Any) -> Mapping[str, int]:
        """Count them."""
        return {"events": EVENTS.of(account).due().count()}
