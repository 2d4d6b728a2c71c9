"""Rows for the admin: every state, status, outcome and subject, and texts that are hostile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import Any, Final

from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from django_redpin.models import (
    PaymentSession,
    Recipient,
    SessionItem,
    SessionRecipient,
    StatusTransition,
    WebhookEvent,
)

NOW: Final = datetime(2026, 11, 22, 14, tzinfo=timezone.utc)
SESSION_URL: Final = "https://pay.redpin.test/s/canary-session-url/"
IBAN: Final = "AE07CANARY3456789012QZXW"
HOSTILE: Final = "<script>alert('canary')</script><img src=x onerror=alert(1)>\"'"
STATUSES: Final = ["AWAITING_FUNDS", "PAYMENT_COMPLETED", "REFUNDED", "ON_HOLD"]
MODELS: Final = (PaymentSession, WebhookEvent, StatusTransition, Recipient)
REDPINS: Final = (PaymentSession, WebhookEvent, StatusTransition)
Row = PaymentSession | WebhookEvent | StatusTransition | Recipient


def page(model: type[Row], name: str = "changelist", pk: int | None = None) -> str:
    """Return the address of one of the model's pages in the admin."""
    args = () if pk is None else (pk,)
    return reverse(f"admin:redpin_{model._meta.model_name}_{name}", args=args)


def may(codename: str) -> Permission:
    """Return one of this app's permissions."""
    return Permission.objects.get(codename=codename, content_type__app_label="redpin")


def make_session(number: int, recipient: Recipient, **changes: Any) -> PaymentSession:
    """Store a session with a share, an item, an event and a line for each subject."""
    values: dict[str, Any] = {
        "customer_id": "7",
        "client_customer_ref": f"CUST_{number}",
        "client_reference_id": f"order-{number}",
        "idempotency_key": f"key-{number}",
        "amount": "250000.00",
        "currency": "AED",
        "due_date": date(2026, 12, 24),
        "purpose_of_transaction": "PROPERTY_PURCHASE",
        "session_id": f"session-{number}",
        "session_url": SESSION_URL,
        "expires_at": NOW,
        "payment_id": f"payment-{number}",
    }
    session = PaymentSession.objects.create(**values | changes)
    share = SessionRecipient.objects.create(session=session, recipient=recipient, amount="250000")
    SessionItem.objects.create(session=session, item_ref="UNIT-1204", amount="250000")
    event = make_event(number, session=session)
    for subject in StatusTransition.Subject:
        make_transition(session, subject, event=event, share=share)
    return session


def make_event(number: int, **changes: Any) -> WebhookEvent:
    """Store an event."""
    values: dict[str, Any] = {
        "account": "default",
        "key": f"key-{number}",
        "client_reference_id": f"order-{number}",
        "event_type": "PAYMENT STATUS",
        "event_id": f"event-{number}",
        "payment_id": f"payment-{number}",
        "status": STATUSES[number % len(STATUSES)],
        "body": b'{"event_id": "1"}',
        "verifier": "path_token",
        "outcome": list(WebhookEvent.Outcome)[number % len(WebhookEvent.Outcome)],
    }
    return WebhookEvent.objects.create(**values | changes)


def make_transition(
    session: PaymentSession, subject: StatusTransition.Subject, **changes: Any
) -> StatusTransition:
    """Store one line of the journal."""
    values = {"to_value": "open"} | changes
    return StatusTransition.objects.create(session=session, subject=subject, **values)


@dataclass(frozen=True)
class World:
    """Rows of every kind, one session hostile in each text, its renewal, an event of no one."""

    hostile: PaymentSession
    recipient: Recipient
    stray: WebhookEvent

    @classmethod
    def create(cls) -> World:
        payer = User.objects.create(username="payer")
        recipient = Recipient.objects.create(
            name=HOSTILE,
            country_code="ARE",
            currency="AED",
            bank_details={"iban": IBAN, HOSTILE: HOSTILE, "nested": {"iban": IBAN}, "none": None},
        )
        pairs = [(state, "") for state in PaymentSession.State] + [
            (PaymentSession.State.OPEN, status) for status in STATUSES
        ]
        for number, (state, status) in enumerate(pairs):
            make_session(number, recipient, state=state, payment_status=status, payer=payer)
        old = make_session(100, recipient, state="superseded")
        stray = make_event(101, body=HOSTILE.encode() + b"\xff\xfe\x00\x80", client_reference_id="")
        hostile = make_session(
            102,
            recipient,
            renews=old,
            payment_status=HOSTILE[:64],
            client_customer_ref=HOSTILE,
            purpose_of_transaction=HOSTILE,
            review_reason=HOSTILE,
            metadata={HOSTILE: [HOSTILE]},
            callbacks=[HOSTILE],
            allowed_origins=[HOSTILE],
            last_error=HOSTILE,
            last_error_code=HOSTILE,
            last_error_field=HOSTILE,
        )
        make_event(103, session=hostile, status=HOSTILE[:64], event_id=HOSTILE, last_error=HOSTILE)
        review = StatusTransition.Subject.REVIEW
        make_transition(hostile, review, from_value=HOSTILE, to_value=HOSTILE, last_error=HOSTILE)
        SessionItem.objects.create(
            session=hostile, item_ref=HOSTILE, description=HOSTILE, amount="1"
        )
        return cls(hostile, recipient, stray)

    def pages(self) -> list[str]:
        """Return the address of each kind of page, for rows of each kind."""
        sessions = PaymentSession.objects.values_list("pk", flat=True)
        found = [page(PaymentSession, "change", pk) for pk in sessions]
        rows: list[Row] = [*self.hostile.events.all(), *self.hostile.transitions.all()]
        rows += [self.hostile, self.recipient, self.stray]
        for row in rows:
            found += [page(type(row), "change", row.pk), page(type(row), "history", row.pk)]
        found += [page(Recipient, "add"), page(Recipient, "delete", self.recipient.pk)]
        return [page(model) for model in MODELS] + found


def staff(*codenames: str, name: str = "clerk") -> User:
    """Return a member of staff with these of this app's permissions."""
    person, _ = User.objects.get_or_create(username=name, is_staff=True)
    person.user_permissions.set([may(codename) for codename in codenames])
    return person


def client_of(person: User | None = None, **options: Any) -> Client:
    """Return a browser in which the person is signed in."""
    client = Client(**options)
    if person is not None:
        client.force_login(person)
    return client


def action(model: type[Row], verb: str) -> str:
    """Return the address of one of the model's actions."""
    return page(model, verb)


def said(response: Any) -> list[str]:
    """Return the messages on the page that a response is, or leads to."""
    return [str(message) for message in response.context["messages"]]
