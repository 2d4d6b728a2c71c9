"""What the webhook's tests share: a right event, its URL, and how Redpin posts it."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from django_redpin.rules.callback_tokens import sign

REFERENCE = "ORDER-1"
SECRET = "canary-webhook-secret-0123456789-abcdef"
BODY = json.dumps(
    {
        "event_id": "1",
        "payment_id": "9001",
        "status": "AWAITING_FUNDS",
        "customer_id": "0201001008132685",
        "event_timestamp": "2026-01-01T00:00:00Z",
        "data": {},
    }
)


def path(reference: str = REFERENCE, secret: str = SECRET) -> str:
    token = sign(secret, "default", reference)
    return f"/redpin/webhooks/default/{reference}/{token}/"


def post(url: str, body: Any = BODY, **kwargs: Any) -> Any:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    return client.post(
        url, body, content_type=kwargs.pop("content_type", "application/json"), **kwargs
    )
