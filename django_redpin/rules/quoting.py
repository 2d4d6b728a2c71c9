"""The words of others, made fit for a log: one line, bounded, without what may be a secret."""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = "[hidden]"

# What Redpin says of a request may repeat what it was sent.
_SECRETS: Final = re.compile(
    r"""
      [A-Za-z][A-Za-z0-9+.-]{0,20}://\S+          # an address; whoever has a hosted page's can pay
    | \b[Bb]earer\s+\S+
    | \b[A-Za-z]{2}\d{2}[A-Za-z0-9]{11,30}\b     # an IBAN
    | \b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]){11,30}\b   # an IBAN in groups of four
    | \d(?:[ ]?\d){7,}                           # an account's or a card's number
    | [A-Za-z0-9_.~+/=-]{40,}                    # a token; a UUID has 36 characters
    """,
    re.VERBOSE,
)


def bounded(text: object, max_length: int) -> str:
    """Return the text as one printable line of at most `max_length` characters."""
    letters = str(text)[: max_length * 4]
    line = " ".join("".join(c if c.isprintable() else " " for c in letters).split())
    return line if len(line) <= max_length else f"{line[: max_length - 1]}…"


def quoted(text: object, max_length: int) -> str:
    """Return `bounded` text with all that may be a secret or a bank detail hidden."""
    # Hidden before it is cut: half an account's number would not be known for one.
    return bounded(_SECRETS.sub(HIDDEN, bounded(text, max_length * 4)), max_length)
