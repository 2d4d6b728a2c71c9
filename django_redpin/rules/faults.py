"""The one shape in which a broken rule is reported."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping


def gettext_noop(text: str) -> str:
    """Mark a text that a payer may read on a form for translators; Django stays outside of here."""
    return text


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """One rule that a request breaks.

    `field` is the path in Redpin's own names (`recipient_details[0].amount.currency`), `code` is a
    stable word for programs (`currency_mismatch`), `message` tells a person what to change.
    `text` and `params` are what it is made of, for `l10n.fault_message` to make it in another
    language.
    """

    field: str
    code: str
    text: str
    params: Mapping[str, object] = dataclasses.field(default_factory=dict, hash=False)

    @property
    def message(self) -> str:
        return self.text % self.params if self.params else self.text

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"
