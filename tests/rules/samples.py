"""A request that breaks no rule, ways to change it, and values that belong nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

from hypothesis import HealthCheck, settings
from moneyed import Money

from django_redpin.rules.requests import (
    MIN_DAYS_AHEAD,
    Item,
    Payee,
    PayeeShare,
    Policy,
    SessionRequest,
    request_faults,
)

TODAY: Final = date(2026, 11, 22)
POLICY: Final = Policy(today=TODAY)
ESCROW: Final = Payee("Escrow", "Corporate", "ARE", "AED", recipient_id="501")
AGENT: Final = Payee("Agent", "Corporate", "ARE", "AED", {"iban": "AE070331234567890123456"})
RIGHT: Final = SessionRequest(
    client_customer_ref="CUST_001",
    client_reference_id="order-1",
    amount=Money("250000.00", "AED"),
    due_date=TODAY + timedelta(days=MIN_DAYS_AHEAD),
    purpose_of_transaction="PROPERTY_PURCHASE",
    recipients=(
        PayeeShare(ESCROW, Money("245000.00", "AED")),
        PayeeShare(AGENT, Money("5000.00", "AED")),
    ),
    items=(Item("UNIT-1204", "Deposit, unit 1204", Money("250000.00", "AED")),),
    allowed_origins=("https://example.com",),
    callbacks=("https://example.com/hook",),
)


def _numbers() -> Iterator[int]:
    yield 1


# Neither text, money, a date nor a list of any of these.
FOREIGN: Final[dict[str, Any]] = {
    "None": None,
    "True": True,
    "float": 0.1,
    "NaN": float("nan"),
    "int": 7,
    "Decimal": Decimal("250000.00"),
    "sNaN": Decimal("sNaN"),
    "bytes": b"CUST_001",
    "dict": {"currency": "AED", "value": 1},
    "set": {"CUST_001"},
    "generator": _numbers(),
    "datetime": datetime(2026, 12, 24, tzinfo=timezone.utc),
    "class": str,
    "object": object(),
}


def examples(count: int) -> settings:
    """Return hypothesis settings for a machine that may be busy with other things.

    `REDPIN_RULE_EXAMPLES` bounds how many, where only a change as such is to be noticed.
    """
    most = int(os.environ.get("REDPIN_RULE_EXAMPLES", count))
    return settings(
        max_examples=min(count, most), deadline=None, suppress_health_check=(HealthCheck.too_slow,)
    )


def right_but(**changes: Any) -> SessionRequest:
    """Return the right request with some fields changed, to values of any type."""
    return replace(RIGHT, **changes)


def found_in(request: SessionRequest, policy: Policy = POLICY) -> list[tuple[str, str]]:
    """Return the path and the code of every fault."""
    return [(fault.field, fault.code) for fault in request_faults(request, policy)]
