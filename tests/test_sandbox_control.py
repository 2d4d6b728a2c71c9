"""The package against a Redpin that is made to misbehave: whatever comes, the end is right."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from django_redpin.models import PaymentSession, WebhookEvent
from django_redpin.services import create_payment_session, refresh_payment_session

from .test_sandbox_flow import SECRET, history, running_sandbox

pytestmark = pytest.mark.django_db(transaction=True)

FLOW = ["PROCESSING", "PAYOUT_INITIATED", "PAYOUT_CREDITED", "PAYMENT_COMPLETED"]
ON_THE_WAY = {"waiting", "posting", "retrying"}


@dataclass
class Redpin:
    """A sandbox whose payments rest until somebody says what comes next."""

    url: str
    settle: Callable[[], None]

    def tell(self, session: PaymentSession | None, control: str, **given: Any) -> Any:
        place = f"sessions/{session.session_id}/{control}" if session else control
        response = requests.post(f"{self.url}/control/{place}", json=given, timeout=10)
        assert response.status_code == 200, response.text
        return response.json()

    def deliveries(self, session: PaymentSession) -> Any:
        found = requests.get(f"{self.url}/control/sessions/{session.session_id}", timeout=10)
        return found.json()["deliveries"]

    def let_all_arrive(self, session: PaymentSession, seconds: float = 20) -> None:
        """Wait until nothing is on its way, and let the worker do what it can."""
        deadline = time.monotonic() + seconds
        while {row["state"] for row in self.deliveries(session)} & ON_THE_WAY:
            assert time.monotonic() < deadline, self.deliveries(session)
            time.sleep(0.05)
        self.settle()
        session.refresh_from_db()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_sandbox(tmp_path_factory.mktemp("control"), 3600) as url:
        yield url


@pytest.fixture
def redpin(
    sandbox: str, live_server: LiveServer, settings: Settings, settle: Callable[[], None]
) -> Redpin:
    settings.DEBUG = True
    settings.REDPIN = {
        **settings.REDPIN,
        "BASE_URL": sandbox,
        "TOKEN_URL": f"{sandbox}/auth/oauth/v2/token",
        "CLIENT_SECRET": SECRET,
        "WEBHOOK_BASE_URL": live_server.url,
        "HOSTED_PAGE_ORIGINS": [sandbox],
    }
    return Redpin(sandbox, settle)


@pytest.fixture
def session(redpin: Redpin, arguments: dict[str, Any]) -> PaymentSession:
    return create_payment_session(**arguments)


def outcomes() -> set[str]:
    return set(WebhookEvent.objects.values_list("outcome", flat=True))


@pytest.mark.heavy
def test_each_event_counts_once_however_often_it_comes(
    redpin: Redpin, session: PaymentSession
) -> None:
    redpin.tell(session, "callback-fault", kind="duplicate", value=5, events=6)
    redpin.tell(session, "pay")
    redpin.tell(session, "finish")
    redpin.let_all_arrive(session)

    assert len(redpin.deliveries(session)) == 30
    assert WebhookEvent.objects.count() == 6
    assert session.payment_status == "PAYMENT_COMPLETED"
    assert len(set(history(session))) == len(history(session))


@pytest.mark.heavy
@pytest.mark.parametrize("held", [1, 2, 3, 5])
def test_the_order_in_which_events_come_makes_no_difference(
    redpin: Redpin, session: PaymentSession, held: int
) -> None:
    redpin.tell(session, "callback-fault", kind="reorder", events=held)
    redpin.tell(session, "pay")
    redpin.tell(session, "finish")
    redpin.let_all_arrive(session)

    assert WebhookEvent.objects.count() == 6
    assert outcomes() <= {"applied", "known"}
    assert session.payment_status == "PAYMENT_COMPLETED"
    assert session.state == PaymentSession.State.CLOSED
    assert session.shares.all()[0].payout_status == "PAYOUT_CREDITED"


def test_what_is_dropped_is_made_good_by_asking(redpin: Redpin, session: PaymentSession) -> None:
    redpin.tell(session, "callback-fault", kind="drop", events=100)
    redpin.tell(session, "pay")
    redpin.tell(session, "finish")
    redpin.let_all_arrive(session)
    assert not WebhookEvent.objects.exists()

    session = refresh_payment_session(session)

    assert session.payment_status == "PAYMENT_COMPLETED"
    assert session.state == PaymentSession.State.CLOSED


def test_a23_an_event_that_overtakes_the_create_calls_answer_is_kept_and_applied(
    redpin: Redpin, arguments: dict[str, Any]
) -> None:
    redpin.tell(None, "callback-fault", kind="before_answer", value="GBP")

    session = create_payment_session(**arguments)

    (row,) = redpin.deliveries(session)
    assert row["answer"] == "HTTP 200"
    event = WebhookEvent.objects.get()
    assert event.received_at < timezone.now()
    WebhookEvent.objects.exclude(next_attempt_at=None).update(next_attempt_at=timezone.now())
    redpin.let_all_arrive(session)
    event.refresh_from_db()
    assert (event.session, event.outcome) == (session, "applied")
    assert history(session) == ["AWAITING_FUNDS"]
    assert session.session_url


@pytest.mark.heavy
def test_events_in_a_nested_envelope_are_the_same(redpin: Redpin, session: PaymentSession) -> None:
    redpin.tell(session, "callback-fault", kind="nested", events=100)
    redpin.tell(session, "pay")
    for _status in range(5):
        redpin.tell(session, "next")
        redpin.let_all_arrive(session)

    assert history(session) == FLOW
    assert session.shares.all()[0].payout_status == "PAYOUT_CREDITED"
    redpin.tell(session, "clear-callback-faults")


def test_money_that_bounced_is_refunded(redpin: Redpin, session: PaymentSession) -> None:
    redpin.tell(session, "pay")
    for status in ("PAYOUT_INITIATED", "BOUNCED_BACK"):
        redpin.tell(session, "status", status=status, recipient_id="501")
        redpin.let_all_arrive(session)
    assert session.payment_status == "BOUNCED_BACK"
    redpin.tell(session, "status", status="REFUNDED", refund_amount="250000.00")
    redpin.let_all_arrive(session)

    assert history(session) == ["PROCESSING", "PAYOUT_INITIATED", "BOUNCED_BACK", "REFUNDED"]
    assert session.state == PaymentSession.State.CLOSED
    assert session.review_reason == ""
    assert session.shares.get(recipient__recipient_id="501").payout_status == "BOUNCED_BACK"


@pytest.mark.heavy
def test_one_of_two_recipients_bounces(redpin: Redpin, session: PaymentSession) -> None:
    redpin.tell(session, "pay")
    redpin.tell(session, "status", status="PAYOUT_INITIATED", recipient_id="501")
    redpin.tell(session, "status", status="BOUNCED_BACK", recipient_id="501", reason="Closed")
    redpin.let_all_arrive(session)
    redpin.tell(session, "finish")
    redpin.let_all_arrive(session)

    assert session.shares.get(recipient__recipient_id="501").payout_status == "BOUNCED_BACK"
    assert session.state != PaymentSession.State.CLOSED
    assert "PAYMENT_COMPLETED" not in history(session)


def test_a_forged_event_is_contradicted(redpin: Redpin, session: PaymentSession) -> None:
    redpin.tell(session, "pay")
    redpin.let_all_arrive(session)
    redpin.tell(session, "forge", status="PAYMENT_COMPLETED")
    redpin.let_all_arrive(session)

    forged = WebhookEvent.objects.latest("pk")
    assert forged.outcome == "contradicted"
    assert session.payment_status == "PROCESSING"
    assert history(session) == ["PROCESSING"]


def test_a_forged_event_begins_no_payment(redpin: Redpin, session: PaymentSession) -> None:
    redpin.tell(session, "forge", status="PAYMENT_COMPLETED")
    redpin.let_all_arrive(session)

    assert outcomes() == {"contradicted"}
    assert session.payment_status == ""
    assert history(session) == []


@pytest.mark.heavy
def test_an_amount_that_was_changed_holds_the_success_back(
    redpin: Redpin, session: PaymentSession
) -> None:
    redpin.tell(session, "callback-fault", kind="amount", value="1.00", events=100)
    redpin.tell(session, "pay")
    redpin.tell(session, "finish")
    redpin.let_all_arrive(session)

    assert session.payment_status == "PAYMENT_COMPLETED"
    assert session.review_reason
    last = session.transitions.get(subject="payment_status", to_value="PAYMENT_COMPLETED")
    assert last.outcome == "held"


@pytest.mark.heavy
def test_an_unknown_status_is_kept_and_moves_nothing(
    redpin: Redpin, session: PaymentSession
) -> None:
    redpin.tell(session, "pay")
    redpin.let_all_arrive(session)
    redpin.tell(session, "status", status="ON_HOLD")
    redpin.let_all_arrive(session)
    assert WebhookEvent.objects.latest("pk").outcome == "unknown_status"
    assert session.payment_status == "PROCESSING"

    redpin.tell(session, "finish")
    redpin.let_all_arrive(session)
    assert session.payment_status == "PAYMENT_COMPLETED"


@pytest.mark.parametrize(
    ("kind", "answer"), [("broken_json", "HTTP 400"), ("wrong_content_type", "HTTP 415")]
)
def test_what_is_malformed_is_refused_and_posted_again_it_counts(
    redpin: Redpin, session: PaymentSession, kind: str, answer: str
) -> None:
    redpin.tell(session, "callback-fault", kind=kind)
    redpin.tell(session, "pay")
    deadline = time.monotonic() + 20
    while not (row := redpin.deliveries(session)[0])["tries"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert row["answer"] == answer
    assert not WebhookEvent.objects.exists()

    redpin.tell(session, "post-again")
    while not WebhookEvent.objects.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    redpin.settle()
    session.refresh_from_db()
    assert session.payment_status == "PROCESSING"
