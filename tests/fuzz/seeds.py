"""Bodies to begin with: what Redpin documents, what is odd but can be read, and what can't be."""

from __future__ import annotations

import json
from typing import Any, Final


def _flat(status: str, **data: Any) -> dict[str, Any]:
    return {
        "event_id": "1",
        "payment_id": "123456",
        "status": status,
        "customer_id": "0201001008132685",
        "client_customer_ref": "CUST_001",
        "event_timestamp": "2025-01-01T00:00:00Z",
        "data": data,
    }


def _nested(event_type: str, **data: Any) -> dict[str, Any]:
    return {
        "event_id": "0b1f2a6e-6f0c-4a43-9f6e-1f0f5d9d2c11",
        "event_type": event_type,
        "version": "v1.0.0",
        "event_timestamp": "2025-01-01T00:00:00Z",
        "data": {"customer_id": "0201001008132685", **data},
    }


_MONEY: Final = {"currency": "AED", "value": 250000.00}
DOCUMENTED: Final[dict[str, dict[str, Any]]] = {
    "awaiting": _flat("AWAITING_FUNDS"),
    "received": _flat("RECEIVED_FUNDS", amount=_MONEY),
    "converted": _flat("FX_COMPLETED", sell_amount=_MONEY, buy_amount=_MONEY),
    "payout": _flat("PAYOUT_CREDITED", recipient_id="501"),
    "cancelled": _flat("CANCELLED", reason_description="Changed their mind."),
    "bounced": _flat("BOUNCED_BACK", bounce_reason="Account closed."),
    "nested": _nested("PAYMENT STATUS", payment_id="123456", status="PAYMENT_COMPLETED"),
    "hosted": _nested(
        "PAYMENT STATUS", payment_id="1", status="PROCESSING", session_id="s", item_ref="UNIT-1"
    ),
    "payer": _nested(
        "THIRD PARTY CUSTOMER STATUS",
        client_customer_ref="CUST_001",
        status="REJECTED",
        reasons=[{"reason": "Compliance", "code": "COMPLIANCE_CHECK_FAILED"}],
    ),
    "customer": {
        "customer_id": "1",
        "status": "inactive",
        "unique_identifier": "u",
        "contacts": [{}],
        "documents_required": ["passport"],
    },
    "virtual account": {"customer_id": "1", "virtual_account_details": {"vban": "GB00"}},
}
_SAMPLE: Final = json.dumps(DOCUMENTED["awaiting"])
STORABLE: Final[dict[str, str]] = {
    "NUL": '{"event_id": "a\\u0000b", "payment_id": "\\u0000", "event_type": "\\u0000"}',
    "NUL as key": '{"\\u0000": "\\u0000", "data": {"\\u0000": 1}}',
    "emoji": '{"event_id": "\\ud83d\\ude00", "status": "\U0001f600", "event_type": "\u0436"}',
    "noncharacters": '{"event_id": "\\uffff\\ufffe", "status": "\\ufdd0"}',
    "controls": '{"event_id": "\\u0001\\u001b[2J\\r\\n", "status": "\\u007f\\u0085\\u2028"}',
    "right to left": '{"status": "\\u202eDEDNUFER"}',
    "long ids": json.dumps({"event_id": "e" * 256, "payment_id": "p" * 101, "status": "s" * 65}),
    "ids of full length": json.dumps(
        {"event_id": "e" * 255, "payment_id": "p" * 100, "status": "s" * 64}
    ),
    "growing text": '{"event_id": "1", "event_type": "' + "\u00df\ufb03" * 32 + '"}',
    "huge integers": '{"event_id": ' + "9" * 64 + ', "payment_id": -' + "9" * 63 + "}",
    "numbers": '{"event_id": 1.50, "payment_id": 1e5, "status": 0, "data": {"value": 1e-30}}',
    "other types": '{"event_id": [], "payment_id": {}, "status": true, "data": [[[null]]]}',
    "times": '{"event_id": "1", "event_timestamp": "99999-01-01T00:00:00Z"}',
    "the end of time": '{"event_id": "1", "event_timestamp": "9999-12-31T23:59:59-14:00"}',
    "deep": '{"data": ' + "[" * 60 + "]" * 60 + "}",
    "empty": "{}",
    "SQL": json.dumps({"event_id": "'; DROP TABLE redpin_webhookevent; --%s%(a)s"}),
}
UNREADABLE: Final[dict[str, str | bytes]] = {
    "nested": "[" * 100_000,
    "nested objects": '{"a":' * 50_000,
    "nested and closed": "[" * 100_000 + "]" * 100_000,
    "NaN": '{"amount": NaN}',
    "Infinity": '{"amount": Infinity}',
    "-Infinity": '{"amount": -Infinity}',
    "1e400": '{"amount": 1e400}',
    "-1E+999999999": '{"amount": -1E+999999999}',
    "1e-99999999999999999999": '{"amount": 1e-99999999999999999999}',
    "5000 digits": '{"amount": ' + "9" * 5000 + "}",
    "5000 decimals": '{"amount": 0.' + "9" * 5000 + "}",
    "a key twice": '{"status": "AWAITING_FUNDS", "status": "PAYMENT_COMPLETED"}',
    "a key twice within": '{"data": {"a": 1, "\\u0061": 2}}',
    "BOM": b"\xef\xbb\xbf" + _SAMPLE.encode(),
    "UTF-16": _SAMPLE.encode("utf-16"),
    "UTF-16-LE": _SAMPLE.encode("utf-16-le"),
    "UTF-32": _SAMPLE.encode("utf-32"),
    "latin-1": '{"a": "\xe9"}'.encode("latin-1"),
    "overlong": b'{"a": "\xc0\xaf"}',
    "a surrogate": b'{"a": "\xed\xa0\x80"}',
    "an escaped surrogate": '{"event_id": "\\ud800"}',
    "an escaped surrogate as key": '{"\\udfff": 1}',
    "a NUL": '{"event_id": "a\x00b"}',
    "NULs": b"\x00" * 100,
    "two texts": "{}{}",
    "a comment": "{} // so",
    "a list": "[{}]",
    "a number": "5",
    "null": "null",
    "a text": '"{}"',
    "nothing": b"",
    "spaces": b" " * 1000,
    "a form": b"a=1&b=2",
    "HTML": "<!doctype html>",
}


def bodies() -> dict[str, bytes]:
    """Return all of them, by name."""
    named: dict[str, str | bytes] = {
        **{name: json.dumps(event, indent=1) for name, event in DOCUMENTED.items()},
        **STORABLE,
        **UNREADABLE,
    }
    return {
        name: body if isinstance(body, bytes) else body.encode() for name, body in named.items()
    }
