"""Reading single values out of a parsed JSON object, each broken rule noted with its field's path.

Rules that look at several fields together are in ``validation``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from .money import Amount, decimals_of

MISSING: Final = "is required"


@dataclass(frozen=True, slots=True)
class Fault:
    """A broken rule: the field's path, and what is wrong in words."""

    field: str
    description: str


class Fields:
    """One JSON object at ``path``, and the list that its faults go to."""

    def __init__(self, document: dict[str, object], faults: list[Fault], path: str = "") -> None:
        self.document = document
        self.faults = faults
        self.path = path

    def name(self, field: str) -> str:
        return f"{self.path}.{field}" if self.path else field

    def fault(self, field: str, description: str) -> None:
        self.faults.append(Fault(self.name(field), f"{self.name(field)} {description}"))

    def has(self, field: str) -> bool:
        return self.document.get(field) is not None

    def text(self, field: str, *, most: int, required: bool = True) -> str:
        """Return the string of ``field``; "" after a fault, or when absent and not required."""
        if not self.has(field):
            if required:
                self.fault(field, MISSING)
            return ""
        value = self.document[field]
        if not isinstance(value, str):
            self.fault(field, "must be a string")
        elif not value.strip():
            self.fault(field, "must not be empty")
        elif len(value) > most:
            self.fault(field, f"must have at most {most} characters")
        elif not is_clean(value):
            self.fault(field, "must not contain control characters")
        else:
            return value
        return ""

    def objects(self, field: str) -> list[Fields]:
        """Return the objects listed in ``field``, which must be there and hold at least one."""
        value = self.document.get(field)
        if value is None:
            self.fault(field, MISSING)
        elif not isinstance(value, list):
            self.fault(field, "must be a list")
        elif not value:
            self.fault(field, "must have at least one entry")
        else:
            found = []
            for index, entry in enumerate(value):
                place = f"{field}[{index}]"
                if isinstance(entry, dict):
                    found.append(Fields(entry, self.faults, self.name(place)))
                else:
                    self.fault(place, "must be an object")
            return found
        return []

    def strings(self, field: str, holds: Callable[[str], bool], rule: str) -> tuple[str, ...]:
        """Return the strings listed in ``field`` that keep the rule; absent means none."""
        value = self.document.get(field)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.fault(field, "must be a list of strings")
            return ()
        found = []
        for index, entry in enumerate(value):
            if isinstance(entry, str) and holds(entry):
                found.append(entry)
            else:
                self.fault(f"{field}[{index}]", rule)
        return tuple(found)

    def amount(self, field: str = "amount", currency: str | None = None) -> Amount | None:
        """Return the amount in ``field``; its currency must be ``currency`` where that is given."""
        value = self.document.get(field)
        if value is None:
            self.fault(field, MISSING)
            return None
        if not isinstance(value, dict):
            self.fault(field, "must be an object with currency and value")
            return None
        inner = Fields(value, self.faults, self.name(field))
        code = inner._currency(currency)
        number = inner._number()
        if code is None or number is None:
            return None
        try:
            return Amount.of(number, code)
        except ValueError as problem:
            inner.fault("value", str(problem))
            return None

    def _currency(self, wanted: str | None) -> str | None:
        code = self.text("currency", most=3)
        if not code:
            return None
        if decimals_of(code) is None:
            self.fault("currency", "must be an ISO 4217 currency code")
            return None
        if wanted is not None and code != wanted:
            self.fault("currency", f"must be {wanted}, the currency of the session's amount")
            return None
        return code

    def _number(self) -> Decimal | None:
        number = self.document.get("value")
        if number is None:
            self.fault("value", MISSING)
            return None
        # bool is an int in Python, never in money.
        if isinstance(number, bool) or not isinstance(number, int | Decimal):
            self.fault("value", "must be a number")
            return None
        return Decimal(number)


def is_clean(text: str) -> bool:
    """Whether ``text`` can be stored and shown: no control characters, no lone surrogates."""
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)
