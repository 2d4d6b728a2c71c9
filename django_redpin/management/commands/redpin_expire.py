"""`manage.py redpin_expire`: the sessions whose page has ended, for cron."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...services.reconcile import MOST_SESSIONS, due_sessions
from ...services.sweeps import Swept, reconcile
from ..sweeping import SweepCommand


class Command(SweepCommand):
    help = (
        "Ask Redpin about the open sessions that are past their end, and expire those for which it"
        " lists no payment."
    )
    limit: ClassVar[int] = MOST_SESSIONS

    def sweep(
        self, *, limit: int, seconds: float, account: str | None, **options: Any
    ) -> Mapping[str, Swept]:
        """Ask, a hundred sessions a call; what a local clock says expires nothing."""
        return {"sessions": reconcile(limit, seconds, account=account, is_over=True)}

    def due(self, *, account: str | None, **options: Any) -> Mapping[str, int]:
        """Count them."""
        return {"sessions": due_sessions(account, is_over=True).count()}
