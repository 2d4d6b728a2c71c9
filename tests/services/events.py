"""What the tests of events share: what Redpin posts, who listens, and how time passes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from django.dispatch import Signal

from django_redpin.models import PaymentSession, WebhookEvent
from django_redpin.services.record import record_event
from tests.redpin_server import iso

START: Final = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


class Listener:
    """Hears every signal, and can be told to fail."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.is_broken = False

    def connect(self, name: str, signal: Signal) -> Callable[..., None]:
        def receiver(sender: object, **kwargs: Any) -> None:
            self.heard.append((name, kwargs))
            if self.is_broken:
                raise RuntimeError("the merchant's receiver")

        signal.connect(receiver, weak=False)
        return receiver

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.heard]


def event_body(
    session: PaymentSession,
    status: str,
    *,
    event_id: str = "",
    seconds: int = 0,
    nested: bool = False,
    **fields: Any,
) -> bytes:
    """Return what Redpin would post, in either envelope."""
    payment: dict[str, Any] = {
        "payment_id": "9001",
        "status": status,
        "customer_id": session.customer_id,
        "client_customer_ref": session.client_customer_ref,
        "client_reference_id": session.client_reference_id,
        "session_id": session.session_id,
    }
    data = {key: fields.pop(key) for key in ("recipient_id", "amount") if key in fields}
    envelope: dict[str, Any] = {
        "event_id": event_id or f"{status}-{seconds}",
        "event_timestamp": iso(START + timedelta(seconds=seconds)),
    }
    if nested:
        envelope |= {"event_type": "PAYMENT STATUS", "version": "v1.0.0"}
        envelope["data"] = {**payment, **data, **fields}
    else:
        envelope |= {**payment, "data": data, **fields}
    return json.dumps(envelope).encode()


def post(session: PaymentSession, body: bytes) -> WebhookEvent:
    return record_event(
        body,
        account="default",
        client_reference_id=session.client_reference_id,
        verifier="session token",
    ).event


def due_again() -> None:
    """Let the time pass after which events are tried again."""
    WebhookEvent.objects.filter(next_attempt_at__isnull=False).update(
        next_attempt_at=datetime.now(timezone.utc), leased_until=None
    )


def statuses(session: PaymentSession) -> list[str]:
    return [t.to_value for t in session.transitions.filter(subject="payment_status").order_by("pk")]
