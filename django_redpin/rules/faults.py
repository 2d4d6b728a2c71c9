"""The one shape in which a broken rule is reported."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule that a request breaks.

    `field` is the path in Redpin's own names (`recipient_details[0].amount.currency`), `code` is a
    stable word for programs (`currency_mismatch`), `message` tells a person what to change.
    """

    field: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"
