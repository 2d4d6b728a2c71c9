"""Every fault of a webhook, by its name: what this project makes of it."""

from __future__ import annotations

import pytest

from django_redpin.models import PaymentSession, WebhookEvent
from django_redpin.testing import FakeRedpin, make_session
from django_redpin.testing.spoiling import WEBHOOK_FAULTS

pytestmark = pytest.mark.django_db


@pytest.fixture
def session(redpin: FakeRedpin) -> PaymentSession:
    return make_session()


def statuses(redpin: FakeRedpin) -> list[int]:
    return [posted.status_code for posted in redpin.posted]


def outcomes(redpin: FakeRedpin) -> list[str]:
    return [posted.outcome for posted in redpin.posted]


def test_a_duplicate_is_one_event(redpin: FakeRedpin, session: PaymentSession) -> None:
    redpin.fail("webhook", "duplicate", value=3)
    redpin.pay(session, post=True)

    assert statuses(redpin) == [200, 200, 200]
    assert WebhookEvent.objects.get().duplicates == 2


def test_events_out_of_order_end_in_the_later_status(
    redpin: FakeRedpin, session: PaymentSession
) -> None:
    redpin.fail("webhook", "reorder")
    redpin.pay(session, post=True)
    assert redpin.posted == []
    redpin.advance(session, "PAYMENT_COMPLETED", post=True)

    told = [posted.event.status for posted in redpin.posted if posted.event]
    assert told == ["PAYMENT_COMPLETED", "PROCESSING"]
    session.refresh_from_db()
    assert session.payment_status == "PAYMENT_COMPLETED"


def test_a_delayed_event_comes_when_it_is_delivered(
    redpin: FakeRedpin, session: PaymentSession
) -> None:
    redpin.fail("webhook", "delay")
    redpin.pay(session, post=True)
    assert redpin.posted == []

    redpin.deliver()
    redpin.deliver()

    assert outcomes(redpin) == ["applied"]


def test_what_is_held_is_delivered_in_the_order_of_events(
    redpin: FakeRedpin, session: PaymentSession
) -> None:
    redpin.fail("webhook", "reorder")
    redpin.pay(session, post=True)
    redpin.fail("webhook", "delay")
    redpin.fail("webhook", "duplicate")
    redpin.advance(session, "PAYMENT_COMPLETED", post=True)

    redpin.deliver()

    told = [posted.event.status for posted in redpin.posted if posted.event]
    assert told == ["PROCESSING", "PAYMENT_COMPLETED", "PAYMENT_COMPLETED"]


def test_what_never_comes_is_never_stored(redpin: FakeRedpin, session: PaymentSession) -> None:
    redpin.fail("webhook", "drop")
    redpin.pay(session, post=True)
    redpin.deliver()

    assert redpin.posted == []
    assert not WebhookEvent.objects.exists()


def test_an_event_may_come_before_create_is_answered(redpin: FakeRedpin) -> None:
    redpin.fail("webhook", "before_answer")

    session = make_session()

    assert outcomes(redpin) == ["applied"]
    session.refresh_from_db()
    assert (session.state, session.payment_status) == ("open", "PROCESSING")


@pytest.mark.parametrize(("name", "status"), [("broken_json", 400), ("wrong_content_type", 415)])
def test_what_is_no_json_is_refused(
    redpin: FakeRedpin, session: PaymentSession, name: str, status: int
) -> None:
    redpin.fail("webhook", name)
    redpin.pay(session, post=True)

    assert statuses(redpin) == [status]
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize("envelope", ["nested", "flat"])
def test_the_envelope_can_be_the_other(
    redpin: FakeRedpin, session: PaymentSession, envelope: str
) -> None:
    redpin.fail("webhook", envelope)
    redpin.pay(session, post=True)

    assert outcomes(redpin) == ["applied"]
    assert (b"event_type" in bytes(WebhookEvent.objects.get().body)) is (envelope == "nested")


def test_a_field_is_missing(redpin: FakeRedpin, session: PaymentSession) -> None:
    redpin.fail("webhook", "missing_field", value="payment_id")
    redpin.pay(session, post=True)

    assert outcomes(redpin) == ["ignored"]


def test_without_its_data_a_nested_event_is_of_no_payment(
    redpin: FakeRedpin, session: PaymentSession
) -> None:
    redpin.fail("webhook", "missing_field", value="data")
    redpin.pay(session, post=True)

    assert outcomes(redpin) == ["ignored"]


@pytest.mark.parametrize(("name", "value"), [("amount", "1.00"), ("currency", "EUR")])
@pytest.mark.parametrize("status", ["PAYOUT_CREDITED", "PAYMENT_COMPLETED"])
def test_another_amount_than_was_agreed_calls_for_a_person(
    redpin: FakeRedpin, session: PaymentSession, status: str, name: str, value: str
) -> None:
    redpin.fail("webhook", name, value=value)
    redpin.advance(session, status, post=True)

    session.refresh_from_db()
    assert "another amount" in session.review_reason


def test_faults_of_several_names_are_played_together(
    redpin: FakeRedpin, session: PaymentSession
) -> None:
    redpin.fail("webhook", "duplicate", times=None)
    redpin.fail("webhook", "flat")
    redpin.pay(session, post=True)
    redpin.advance(session, "PAYMENT_COMPLETED", post=True)
    redpin.forgive()

    assert statuses(redpin) == [200] * 4
    bodies = [bytes(event.body) for event in WebhookEvent.objects.order_by("pk")]
    assert [b"event_type" in body for body in bodies] == [False, True]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("duplicate", "1", "from 2 to 20"),
        ("missing_field", "weight", "has to be one of event_id"),
        ("currency", "euro", "three capital letters"),
        ("amount", "much", "has to be a number"),
        ("amount", "NaN", "has to be a number"),
        ("drop", "1", "takes no value"),
    ],
)
def test_a_value_that_does_not_suit_is_named(
    redpin: FakeRedpin, name: str, value: str, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        redpin.fail("webhook", name, value=value)


def test_each_fault_says_what_it_does() -> None:
    assert all(fault.text for fault in WEBHOOK_FAULTS.values())
