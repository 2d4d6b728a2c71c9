"""Payments of the last month for the eye alone, so that the admin has something to show.

They are rows and nothing else: Redpin's sandbox knows none of them, and no sweep asks about them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db import transaction
from django.utils import timezone

from django_redpin.models import (
    PaymentSession,
    Recipient,
    SessionItem,
    SessionRecipient,
    StatusTransition,
    WebhookEvent,
)

from .models import CURRENCY
from .seed import AGENT, ESCROW, payee

DAYS: Final = 30
_ACCOUNT: Final = "default"
_PAID: Final = (
    "AWAITING_FUNDS",
    "RECEIVED_FUNDS",
    "FX_COMPLETED",
    "PAYOUT_INITIATED",
    "PAYOUT_CREDITED",
    "PAYMENT_COMPLETED",
)
_DIFFERS: Final = "Redpin's amount, AED 98,000.00, differs from what was asked for."


class _Story(NamedTuple):
    """How a session ended, by what Redpin told of it."""

    state: str
    told: tuple[str, ...] = ()
    review_reason: str = ""


_STORIES: Final = (
    _Story("closed", _PAID),
    _Story("closed", ("PROCESSING", *_PAID[-3:])),
    _Story("closed", _PAID),
    _Story("expired"),
    _Story("closed", _PAID),
    _Story("closed", ("PROCESSING", *_PAID[-3:])),
    _Story("closed", (*_PAID[:2], "REFUNDED")),
    _Story("closed", _PAID),
    _Story("closed", ("PROCESSING", *_PAID[-3:])),
    _Story("rejected"),
    _Story("closed", _PAID),
    _Story("closed", _PAID, _DIFFERS),
    _Story("closed", ("AWAITING_FUNDS", "CANCELLED")),
)
# What has not ended yet can only be recent.
_RECENT: Final = (
    _Story("open", _PAID[:3]),
    _Story("open"),
    _Story("closed", ("PROCESSING", *_PAID[-3:])),
    _Story("open", ("AWAITING_FUNDS",)),
)


@transaction.atomic
def add_samples() -> int:
    """Store the samples, unless they are there; return how many sessions were stored."""
    if PaymentSession.objects.filter(client_reference_id__startswith="SAMPLE-").exists():
        return 0
    escrow, agent = payee(ESCROW), payee(AGENT)
    found = [_add(number, story, at, escrow, agent) for number, story, at in _plan()]
    for number, outcome in enumerate(("dead", "waiting", "pending", "dead")):
        at = timezone.now() - timedelta(hours=2 + 5 * number)
        _event(f"stray-{number}", "PAYOUT_CREDITED", at, outcome=outcome, attempts=number)
    return len(found)


def _plan() -> Iterator[tuple[int, _Story, datetime]]:
    """Tell the samples in order: more on some days than on others, none on Fridays."""
    number, now = 0, timezone.now()
    for day in reversed(range(DAYS)):
        at = now - timedelta(days=day)
        for each in range(0 if at.isoweekday() == 5 else 3 + day * day % 7):
            stories = _RECENT if day < 3 else _STORIES
            # An odd step through the table, so that no day is like another.
            yield number, stories[number * 5 % len(stories)], at - timedelta(minutes=97 * each + 5)
            number += 1


def _add(
    number: int, story: _Story, at: datetime, escrow: Recipient, agent: Recipient
) -> PaymentSession:
    amount, part = (number * 37 % 90 + 10) * 5000, 2500
    reference = f"SAMPLE-{number:04}"
    is_known = story.state != "rejected"
    session = PaymentSession.objects.create(
        account=_ACCOUNT,
        customer_id="1000000000000000",
        client_customer_ref=f"MQ-{2000 + number * 11 % 60}",
        client_reference_id=reference,
        amount=amount,
        # A buyer in three pays in dollars; two dirham accounts get it all the same.
        currency="USD" if number % 3 == 2 else CURRENCY,
        due_date=(at + timedelta(days=14)).date(),
        purpose_of_transaction="PROPERTY_PURCHASE",
        session_id=f"sample-session-{number}" if is_known else None,
        payment_id=f"sample-payment-{number}" if story.told else None,
        expires_at=at + timedelta(days=7) if is_known else None,
        state=story.state,
        payment_status=story.told[-1] if story.told else "",
        review_reason=story.review_reason,
        last_error="" if is_known else "The due date has to be a working day.",
        last_error_code="" if is_known else "INVALID_DUE_DATE",
        attempts=1,
    )
    PaymentSession.objects.filter(pk=session.pk).update(created_at=at, updated_at=at)
    for to, share in ((escrow, amount - part), (agent, part)):
        SessionRecipient.objects.create(session=session, recipient=to, amount=share)
    SessionItem.objects.create(
        session=session, item_ref=f"MQ-{number % 40:04}", description="Deposit", amount=amount
    )
    first = story.state if not is_known else "open"
    _move(session, "state", "creating", first, at + timedelta(seconds=2))
    _tell(session, number, story, at)
    return session


def _tell(session: PaymentSession, number: int, story: _Story, at: datetime) -> None:
    """Write what became of it: an event and a line for each status, and the end of its state."""
    before, outcome = "", "held" if story.review_reason else "told"
    for step, status in enumerate(story.told, start=1):
        # Hours to days, never alike.
        at += timedelta(minutes=40 + number * 53 % 600, seconds=step * 7)
        event = _event(f"{number}-{step}", status, at, session=session, outcome="applied")
        _move(session, "payment_status", before, status, at, event=event, outcome=outcome)
        before = status
    if story.review_reason:
        _move(session, "review", "", story.review_reason, at, outcome="told")
    if story.state in ("closed", "expired"):
        _move(session, "state", "open", story.state, at, outcome=outcome)


def _move(
    session: PaymentSession, subject: str, before: str, after: str, at: datetime, **more: Any
) -> None:
    values: dict[str, Any] = {"outcome": "told", **more}
    if values["outcome"] == "told":
        values["dispatched_at"] = at + timedelta(seconds=1)
    line = StatusTransition.objects.create(
        session=session,
        subject=subject,
        from_value=before,
        to_value=after,
        occurred_at=at,
        **values,
    )
    StatusTransition.objects.filter(pk=line.pk).update(created_at=at)


def _event(key: str, status: str, at: datetime, **more: Any) -> WebhookEvent:
    session = more.get("session")
    told = {
        "event_type": "PAYMENT STATUS",
        "event_id": f"sample-event-{key}",
        "payment_id": session.payment_id if session else f"sample-payment-{key}",
        "status": status,
        "client_reference_id": session.client_reference_id if session else f"SAMPLE-{key}",
    }
    event = WebhookEvent.objects.create(
        account=_ACCOUNT,
        key=f"sample-{key}",
        body=json.dumps(told).encode(),
        verifier="path_token",
        processed_at=at if session else None,
        **told,
        **more,
    )
    WebhookEvent.objects.filter(pk=event.pk).update(received_at=at)
    return event
