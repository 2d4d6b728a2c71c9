"""Many at once, on real connections: one row, one call, one application."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from django.db import connection

from django_redpin.exceptions import OutcomeUnknown
from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session, renew_payment_session
from django_redpin.services.dispatch import dispatch_transition
from django_redpin.services.process import process_event
from django_redpin.services.record import record_event
from django_redpin.signals import payment_status_changed
from tests.redpin_server import FakeRedpin

pytestmark = pytest.mark.django_db(transaction=True)
Result = TypeVar("Result")
THREADS = 16


def at_once(work: Callable[[int], Result], count: int = THREADS) -> list[Result]:
    """Run the work in as many threads, all let go together, and return what each returned."""
    barrier = threading.Barrier(count)

    def one(number: int) -> Result:
        barrier.wait()
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.mark.heavy
def test_b18_one_key_makes_one_session_however_many_ask(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    sessions = at_once(
        lambda _: create_payment_session(**arguments, idempotency_key="order-1"), count=50
    )

    assert len({(session.pk, session.session_id, session.session_url) for session in sessions}) == 1
    assert {session.state for session in sessions} == {"open"}
    assert len(redpin.creates) == 1
    assert redpin.count("POST", "/token") == 1


@pytest.mark.heavy
def test_different_keys_make_different_sessions(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    sessions = at_once(lambda n: create_payment_session(**arguments, idempotency_key=f"order-{n}"))

    assert len({session.session_id for session in sessions}) == THREADS
    assert len(redpin.creates) == THREADS


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_one_session_has_one_renewal(
    redpin: FakeRedpin, arguments: dict[str, Any], is_cancelled: bool
) -> None:
    redpin.lifetime = -timedelta(minutes=10)
    session = create_payment_session(**arguments, idempotency_key="order-1")
    redpin.lifetime = timedelta(minutes=30)
    if is_cancelled:
        redpin.pay(session.client_reference_id, "CANCELLED")

    def renew(_: int) -> int | None:
        try:
            return renew_payment_session(PaymentSession.objects.get(pk=session.pk)).pk
        except OutcomeUnknown:  # The winner's call is still under way.
            return None

    renewals = at_once(renew, 8)

    assert len({pk for pk in renewals if pk}) == 1
    assert PaymentSession.objects.count() == 2
    assert len(redpin.creates) == 2


def test_copies_of_one_event_make_one_row_one_move_and_one_signal(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    session = create_payment_session(**arguments)
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    body = json.dumps(
        {
            "event_id": "1",
            "payment_id": "9001",
            "status": "AWAITING_FUNDS",
            "event_timestamp": "2026-01-01T00:00:00Z",
        }
    ).encode()
    heard: list[int] = []

    def receiver(sender: object, transition: StatusTransition, **kwargs: object) -> None:
        heard.append(transition.pk)

    payment_status_changed.connect(receiver)

    def deliver(_: int) -> bool:
        recorded = record_event(
            body,
            account="default",
            client_reference_id=session.client_reference_id,
            verifier="session token",
        )
        process_event(recorded.event.pk)
        for pk in StatusTransition.objects.values_list("pk", flat=True):
            dispatch_transition(pk)
        return recorded.is_new

    results = at_once(deliver)

    assert sorted(results) == [False] * (THREADS - 1) + [True]
    assert WebhookEvent.objects.get().duplicates == THREADS - 1
    (moved,) = StatusTransition.objects.filter(subject="payment_status")
    assert heard == [moved.pk]
