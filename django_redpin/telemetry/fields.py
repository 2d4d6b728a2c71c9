"""The only facts that a log record or a span may carry besides its sentence: an allow-list.

Nothing of a payer, no secret, no body, no address with a token in it. What is not listed can't be
told: mypy refuses the name, and `safe` leaves it out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, TypedDict

from ..rules.quoting import bounded

# Room for a reference, which is the longest of them.
LENGTH: Final = 100

Scalar = str | int | float


class Fields(TypedDict, total=False):
    """The names of the facts, and what each of them is."""

    account: str  # The alias.
    session: int | None  # These are primary keys.
    webhook_event: int
    transition: int
    recipient: int
    row: int  # Of the table that `table` or `task` tells.
    reference: str  # `client_reference_id`, of a session or a recipient.
    table: str
    task: str
    state: str  # Of a session, ours.
    status: str  # Of a payment, Redpin's.
    outcome: str
    reason: str  # One of a few words, never a sentence.
    failure: str  # The name of an exception's class.
    attempt: int
    count: int
    page: int
    duration_ms: float
    seconds: float
    method: str
    path: str  # A template, with its parts not filled in.
    status_code: int | None
    client_request_id: str
    request_id: str  # Redpin's.
    circuit: str  # A host, and what is asked of it.
    cache: str  # An alias in CACHES.
    verifier: str  # Its name, with a fingerprint of the secret.
    option: str


def safe(fields: Mapping[str, object], allowed: Collection[str]) -> dict[str, Scalar]:
    """Return the facts that may be told: those of the allow-list that are there, bounded."""
    return {
        name: value if isinstance(value, (int, float)) else bounded(value, LENGTH)
        for name, value in fields.items()
        if name in allowed and value is not None and value != ""
    }
