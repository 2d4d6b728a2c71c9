"""`manage.py redpin_complete`: what is still to be sent to Redpin, for cron."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...services.sweeps import RECIPIENTS, SESSIONS, Swept
from ..sweeping import SweepCommand


class Command(SweepCommand):
    help = "Create the sessions and register the recipients that Redpin is still to be sent."

    def sweep(self, *, limit: int, seconds: float, **options: Any) -> Mapping[str, Swept]:
        """Complete them, each kind within the bounds."""
        return {
            "sessions": SESSIONS.run(limit, seconds),
            "recipients": RECIPIENTS.run(limit, seconds),
        }

    def due(self, **options: Any) -> Mapping[str, int]:
        """Count them."""
        return {"sessions": SESSIONS.due().count(), "recipients": RECIPIENTS.due().count()}
