"""The merchant of the soak: begins payments, and tells what became of them. Needs Django."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from django.db.models import Q, QuerySet
from moneyed import Money

from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from django_redpin.services import Item, Share, create_payment_session

from .app import app as celery_app  # noqa: F401  Makes it Celery's current app.
from .redpin import FLOW

State = PaymentSession.State
_ENDED: Final = (State.CLOSED, State.SUPERSEDED)
# More than this at once only wait for each other.
_AT_ONCE: Final = 30


def begin(payee: Recipient) -> None:
    """Begin one payment; a worker creates its session at Redpin."""
    amount = Money("1000.00", "AED")
    create_payment_session(
        client_customer_ref="CUST_001",
        amount=amount,
        due_date=datetime.now(timezone.utc).date() + timedelta(days=10),
        purpose_of_transaction="PROPERTY_PURCHASE",
        recipients=[Share(payee, amount)],
        items=[Item("UNIT-1", "Deposit", amount)],
        defer=True,
    )


def add_payee() -> Recipient:
    return Recipient.objects.create(
        name="Escrow", country_code="ARE", currency="AED", recipient_id="501"
    )


def find_capacity(payee: Recipient, seconds: float) -> float:
    """Return how many payments a second are carried to their end, when there are always enough."""
    begun, ended = time.monotonic(), []
    while time.monotonic() < begun + seconds:
        for _ in range(_AT_ONCE - unfinished().count()):
            begin(payee)
        time.sleep(0.05)
        done = PaymentSession.objects.filter(state__in=_ENDED).count()
        ended.append((time.monotonic() - begun, done))
    # The first half is for the processes to warm up, and for payments to be at every step.
    (since, before), (until, after) = ended[len(ended) // 2], ended[-1]
    return max(0.5, (after - before) / (until - since))


def offer(payee: Recipient, a_second: float, seconds: float) -> None:
    """Begin so many payments a second, for so many seconds, at even distances."""
    begun = time.monotonic()
    for number in range(int(a_second * seconds)):
        time.sleep(max(0.0, begun + number / a_second - time.monotonic()))
        begin(payee)


def settle(seconds: float, is_posting: Callable[[], object]) -> float:
    """Wait until nothing is left to do, for so many seconds at most; return how long it took.

    `is_posting` tells whether Redpin has yet to post: a payment may be at its end without that.
    """
    begun = time.monotonic()
    while time.monotonic() < begun + seconds:
        # Redpin first: what it has posted is a row by then.
        if not is_posting() and not any(
            rows.exists() for rows in (unfinished(), unapplied(), untold())
        ):
            break
        time.sleep(0.5)
    return time.monotonic() - begun


def unfinished() -> QuerySet[PaymentSession]:
    return PaymentSession.objects.exclude(state__in=_ENDED)


def unapplied() -> QuerySet[WebhookEvent]:
    return WebhookEvent.objects.filter(processed_at=None)


def untold() -> QuerySet[StatusTransition]:
    """Return the transitions that are not dispatched, but for those given up with a reason."""
    given_up = Q(outcome=StatusTransition.Outcome.DEAD) & ~Q(last_error="")
    return StatusTransition.objects.filter(dispatched_at=None).exclude(given_up)


def outcome() -> dict[str, Any]:
    """Return the account at the end."""
    events = WebhookEvent.objects
    paid = PaymentSession.objects.filter(payment_status=FLOW[-1])
    left = unfinished().values_list("state", "last_error")
    return {
        "payments": PaymentSession.objects.count(),
        "payments_completed": paid.count(),
        "payments_unfinished": unfinished().count(),
        "payments_unfinished_why": Counter(f"{state}: {error}"[:200] for state, error in left),
        "payments_held_for_review": PaymentSession.objects.exclude(review_reason="").count(),
        "payments_begun_anew": PaymentSession.objects.filter(state=State.SUPERSEDED).count(),
        "events_stored": events.count(),
        "events_applied": events.filter(processed_at__isnull=False).count(),
        "events_unapplied": unapplied().count(),
        "events_by_outcome": Counter(events.values_list("outcome", flat=True)),
        "events_tried_again": events.filter(attempts__gt=1).count(),
        "copies": sum(events.values_list("duplicates", flat=True)),
        "transitions": StatusTransition.objects.count(),
        "transitions_undispatched": untold().count(),
        "transitions_given_up": StatusTransition.objects.filter(
            outcome=StatusTransition.Outcome.DEAD
        ).count(),
    }
