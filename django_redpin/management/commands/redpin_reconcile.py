"""`manage.py redpin_reconcile`: the sessions that Redpin is to be asked about, for cron."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from ...services.reconcile import MOST_SESSIONS, due_sessions
from ...services.sweeps import Swept, reconcile
from ..sweeping import SweepCommand


class Command(SweepCommand):
    help = "Ask Redpin about the sessions that are due, whether webhooks came or not."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take an account, too. A run asks about no more sessions than it does by default."""
        super().add_arguments(parser)
        parser.set_defaults(limit=MOST_SESSIONS)
        parser.add_argument(
            "--account", help="an alias of REDPIN['ACCOUNTS']; default: all of them"
        )

    def sweep(self, *, limit: int, seconds: float, **options: Any) -> Mapping[str, Swept]:
        """Ask."""
        return {"sessions": reconcile(limit, seconds, account=options["account"])}

    def due(self, **options: Any) -> Mapping[str, int]:
        """Count them."""
        return {"sessions": due_sessions(options["account"]).count()}
