"""`manage.py redpin_encrypt`: bring what is encrypted up to date with the keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

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
    limit: ClassVar[int] = LIMIT
    seconds: ClassVar[float] = SECONDS

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the direction, too."""
        super().add_arguments(parser)
        parser.add_argument(
            "--decrypt",
            action="store_true",
            help="the other way round: write all rows plain, before the keys are taken out",
        )

    def sweep(
        self, *, limit: int, seconds: float, account: str | None, **options: Any
    ) -> Mapping[str, Swept]:
        """Write them anew."""
        is_plain = options["decrypt"]
        done = reencrypt_recipients(
            is_plain=is_plain, limit=limit, seconds=seconds, account=account
        )
        return {"recipients": Swept(done.written, done.unreadable)}

    def due(self, *, account: str | None, **options: Any) -> Mapping[str, int]:
        """Count them."""
        found = reencrypt_recipients(is_plain=options["decrypt"], dry_run=True, account=account)
        return {"recipients": found.written, "unreadable": found.unreadable}
