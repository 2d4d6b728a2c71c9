"""`manage.py redpin_complete`: what is still to be sent to Redpin, for cron."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ...services.sweeps import RECIPIENTS, SESSIONS, Swept
from ..sweeping import SweepCommand


class Command(SweepCommand):
    help = "Create the sessions and register the recipients that Redpin is still to be sent."

    def sweep(
        self, *, limit: int, seconds: float, account: str | None, **options: Any
    ) -> Mapping[str, Swept]:
        """Complete them, each kind up to the limit; the sessions take half of the time at most."""
        began = time.monotonic()
        sessions = SESSIONS.of(account).run(limit, seconds / 2)
        left = max(0.0, began + seconds - time.monotonic())
        return {"sessions": sessions, "recipients": RECIPIENTS.of(account).run(limit, left)}

    def due(self, *, account: str | None, **options: Any) -> Mapping[str, int]:
        """Count them."""
        return {
            "sessions": SESSIONS.of(account).due().count(),
            "recipients": RECIPIENTS.of(account).due().count(),
        }
