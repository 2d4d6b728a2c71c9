"""What a shop has when something is measured: a payee, sessions, events, and no queue.

Nothing is handed to a queue, by nobody: what it costs is another matter than what is raced.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any, Final
from unittest import mock

from django.conf import settings
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.utils import override_settings
from moneyed import Money

from django_redpin.client import read_event
from django_redpin.conf import get_account
from django_redpin.models import PaymentSession, Recipient, SessionRecipient, WebhookEvent
from django_redpin.rules import exact_json
from django_redpin.services import queue, record
from django_redpin.testing.payloads import payment_event

from .handing_on import left_out

AMOUNT: Final = Money("250000.00", "AED")
PAYER: Final = "CUST_001"
_numbers = itertools.count(1)


@contextmanager
def open_shop(url: str = "", **redpin: Any) -> Iterator[Recipient]:
    """Return, as a context, the one payee of a project that hands nothing on.

    Its Redpin is at the `url`, by HTTP, which takes `DEBUG`; what else that costs, a list of all
    statements, is left out. `redpin` are further settings.
    """
    if url:
        redpin |= {"BASE_URL": url, "TOKEN_URL": f"{url}/auth/oauth/v2/token"}
        redpin |= {"HOSTED_PAGE_ORIGINS": ["https://pay.example"]}
    with (
        override_settings(REDPIN={**settings.REDPIN, **redpin}, DEBUG=bool(url)),
        mock.patch.object(BaseDatabaseWrapper, "queries_logged", property(_is_asked_for)),
        mock.patch.object(queue, "enqueue", handed_on),
        left_out(),
    ):
        yield Recipient.objects.create(
            name="Escrow", country_code="ARE", currency="AED", recipient_id=f"r{next(_numbers)}"
        )


def _is_asked_for(connection: BaseDatabaseWrapper) -> bool:
    return connection.force_debug_cursor


def handed_on(*args: object) -> bool:
    """Say that a queue took it."""
    return True


def new_reference() -> str:
    """Return a reference that no session has."""
    return f"ORDER-{next(_numbers):010d}"


def due_date() -> datetime:
    """Return a time on a day by which money may be asked to be credited."""
    return datetime.now(timezone.utc) + timedelta(days=10)


def session_columns() -> dict[str, Any]:
    """Return a value for each column of an open session that nobody has paid yet."""
    now = datetime.now(timezone.utc)
    reference = new_reference()
    return {
        "account": "default",
        "customer_id": get_account().customer_id,
        "client_customer_ref": PAYER,
        "client_reference_id": reference,
        "fingerprint": "0" * 64,
        "amount": AMOUNT.amount,
        "currency": AMOUNT.currency.code,
        "due_date": due_date().date(),
        "purpose_of_transaction": "PROPERTY_PURCHASE",
        "allowed_origins": ["https://merchant.example"],
        "session_id": f"s-{reference}",
        "session_url": f"https://pay.example/{reference}/",
        "expires_at": now + timedelta(days=1),
        "state": PaymentSession.State.OPEN,
        "attempts": 1,
        "next_attempt_at": now + timedelta(minutes=15),
    }


def new_sessions(payee: Recipient, count: int) -> list[PaymentSession]:
    """Return stored sessions that are open, each with one recipient."""
    with transaction.atomic():
        sessions = PaymentSession.objects.bulk_create(
            PaymentSession(**session_columns()) for _ in range(count)
        )
        SessionRecipient.objects.bulk_create(
            SessionRecipient(session=session, recipient=payee, amount=session.amount)
            for session in sessions
        )
    return sessions


def new_events(sessions: Iterable[PaymentSession], status: str) -> list[WebhookEvent]:
    """Return stored events that are due, one of each session's payment, as if signed."""
    with transaction.atomic():
        return WebhookEvent.objects.bulk_create(_event(each, status) for each in sessions)


def _event(session: PaymentSession, status: str) -> WebhookEvent:
    body = exact_json.dumps(payment_event(session, status, event_id=f"e-{next(_numbers)}"))
    message, reference = read_event(body), session.client_reference_id
    return WebhookEvent(
        account=session.account,
        key=record.event_key(message, body, reference),
        client_reference_id=reference,
        event_type=message.event_type,
        event_id=message.event_id,
        payment_id=message.payment_id,
        client_customer_ref=message.client_customer_ref,
        status=message.status,
        body=body,
        verifier="signature",
        is_signed=True,
        next_attempt_at=datetime.now(timezone.utc),
    )
