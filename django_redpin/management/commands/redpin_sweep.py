"""`manage.py redpin_sweep`: all sweeps but `redpin_prune`, for one line of cron."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...services import sweeps
from ...services.reconcile import due_sessions
from ..sweeping import SweepCommand


class Command(SweepCommand):
    help = "Do all that is due, one kind after the other, all of it within the seconds."

    def sweep(
        self, *, limit: int, seconds: float, account: str | None, **options: Any
    ) -> Mapping[str, sweeps.Swept]:
        """Do it all."""
        return sweeps.sweep(limit, seconds, account=account)

    def due(self, *, account: str | None, **options: Any) -> Mapping[str, int]:
        """Count it all."""
        return {
            "transitions": sweeps.TRANSITIONS.of(account).due().count(),
            "events": sweeps.EVENTS.of(account).due().count(),
            "sessions asked about": due_sessions(account).count(),
            "sessions to complete": sweeps.SESSIONS.of(account).due().count(),
            "recipients": sweeps.RECIPIENTS.of(account).due().count(),
        }
