"""What the services cost: counts, which a busy machine does not change."""

from __future__ import annotations

from typing import Final

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_redpin.models import PaymentSession, WebhookEvent
from django_redpin.services.dispatch import dispatch_transition
from django_redpin.services.process import process_event
from tests.redpin_server import FakeRedpin

from .events import event_body, post

pytestmark = pytest.mark.django_db(transaction=True)
Outcome = WebhookEvent.Outcome

IS_AT_ONCE: Final = connection.vendor == "postgresql"
# An event is claimed, and read, and its session; Redpin is asked with no transaction open.
TAKEN: Final = ["WITH"] if IS_AT_ONCE else ["UPDATE", "SELECT", "SELECT"]


def verbs(context: CaptureQueriesContext) -> list[str]:
    """Return the first word of each statement, BEGIN and COMMIT among them."""
    return [query["sql"].split(maxsplit=1)[0] for query in context.captured_queries]


def test_an_event_is_applied_by_a_claim_and_one_transaction(
    session: PaymentSession, redpin: FakeRedpin
) -> None:
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    event = post(session, event_body(session, "AWAITING_FUNDS"))

    with CaptureQueriesContext(connection) as context:
        assert process_event(event.pk) == Outcome.APPLIED

    assert verbs(context) == [
        *TAKEN,
        "BEGIN",
        # The session, its journal, the event.
        *(["WITH"] if IS_AT_ONCE else ["UPDATE", "INSERT", "UPDATE"]),
        "COMMIT",
    ]


def test_an_event_that_is_no_news_is_looked_at_once_more(
    session: PaymentSession, redpin: FakeRedpin
) -> None:
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    process_event(post(session, event_body(session, "AWAITING_FUNDS", seconds=5)).pk)
    event = post(session, event_body(session, "AWAITING_FUNDS"))

    with CaptureQueriesContext(connection) as context:
        assert process_event(event.pk) == Outcome.KNOWN

    assert verbs(context) == [
        *TAKEN,
        "SELECT",  # Whether the session still is as it was read.
        "BEGIN",
        "UPDATE",
        "COMMIT",
    ]


def test_a_transition_is_claimed_read_and_told(session: PaymentSession, redpin: FakeRedpin) -> None:
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    process_event(post(session, event_body(session, "AWAITING_FUNDS")).pk)
    transition = session.transitions.get(subject="payment_status")

    with CaptureQueriesContext(connection) as context:
        assert dispatch_transition(transition.pk)

    assert verbs(context) == [*(["WITH"] if IS_AT_ONCE else ["UPDATE", "SELECT"]), "UPDATE"]
