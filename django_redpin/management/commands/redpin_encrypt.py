"""`manage.py redpin_encrypt`: bring what is encrypted up to date with the keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from ...services.reencrypt import reencrypt_recipients
from ...services.retention import LIMIT, SECONDS
from ...services.sweeps import Swept
from ..sweeping import SweepCommand


class Command(SweepCommand):
    help = (
        "Encrypt the recipients that are plain, or under an older key, under the newest of"
        " REDPIN['BANK_DETAILS_KEYS']. Fails where a row is under a key that is not there."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the bounds, which are wider, and the direction."""
        super().add_arguments(parser)
        parser.set_defaults(limit=LIMIT, seconds=SECONDS)
        parser.add_argument(
            "--decrypt",
            action="store_true",
            help="the other way round: write all rows plain, before the keys are taken out",
        )

    def sweep(self, *, limit: int, seconds: float, **options: Any) -> Mapping[str, Swept]:
        """Write them anew."""
        done = reencrypt_recipients(is_plain=options["decrypt"], limit=limit, seconds=seconds)
        return {"recipients": Swept(done.written, done.unreadable)}

    def due(self, **options: Any) -> Mapping[str, int]:
        """Count them."""
        bounds = {name: options[name] for name in ("limit", "seconds")}
        found = reencrypt_recipients(is_plain=options["decrypt"], dry_run=True, **bounds)
        return {"recipients": found.written, "unreadable": found.unreadable}
