"""`manage.py redpin_reconcile`: the sessions that Redpin is to be asked about, for cron."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...services.reconcile import MOST_SESSIONS, due_sessions
from ...services.sweeps import Swept, reconcile
from ..sweeping import SweepCommand


class Command(SweepCommand):
    help = "Ask Redpin about the sessions that are due, whether webhooks came or not."
    limit: ClassVar[int] = MOST_SESSIONS

    def sweep(
        self, *, limit: int, seconds: float, account: str | None, **options: Any
    ) -> Mapping[str, Swept]:
        """Ask."""
        return {"sessions": reconcile(limit, seconds, account=account)}

    def due(self, *, account: str | None, **options: Any) -> Mapping[str, int]:
        """Count them."""
        return {"sessions": due_sessions(account).count()}
