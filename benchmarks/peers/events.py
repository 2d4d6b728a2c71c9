"""The events that are posted: about 900 bytes each, and no two the same."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any, Final

REFERENCE: Final = "ORDER-2026-000123"
STATUS: Final = "RECEIVED_FUNDS"


def bodies(prefix: str, size: int = 900) -> Iterator[bytes]:
    """Return bodies without end, of about so many bytes."""
    for number in itertools.count():
        yield body(f"{prefix}-{number:08d}", size)


def body(event_id: str, size: int = 900, payment_id: str = "90010001") -> bytes:
    """Return the body of a documented event of a payment."""
    event: dict[str, Any] = {
        "event_id": event_id,
        "payment_id": payment_id,
        "status": STATUS,
        "customer_id": "0201001008132685",
        "event_timestamp": "2026-01-01T00:00:00Z",
        "data": {
            "client_customer_ref": "CUST_001",
            "amount": {"currency": "AED", "value": "250000.00"},
            "note": "",
        },
    }
    event["data"]["note"] = "x" * (size - len(json.dumps(event)))
    return json.dumps(event).encode()
