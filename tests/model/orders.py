"""What the model's merchant asks for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from moneyed import Money

from django_redpin.models import Recipient
from django_redpin.services import Share


def order(payees: Sequence[Recipient], number: int = 0) -> dict[str, Any]:
    """Return the arguments of a right call, with a share for each of the payees."""
    amounts = [Money(f"{100 + place}.25", "AED") for place in range(len(payees))]
    return {
        "client_customer_ref": f"CUST_{number}",
        "amount": sum(amounts[1:], amounts[0]),
        "due_date": datetime.now(timezone.utc).date() + timedelta(days=30),
        "purpose_of_transaction": "PROPERTY_PURCHASE",
        "recipients": [Share(*each) for each in zip(payees, amounts, strict=True)],
        "idempotency_key": f"order-{number}",
    }
