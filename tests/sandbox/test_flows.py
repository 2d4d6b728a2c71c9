"""Both documented flows: which facts, in which order, with which payloads, and when."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from django_redpin.sandbox.courier import deliver_due
from django_redpin.sandbox.flows import (
    Expired,
    advance,
    begin_payment,
    cancel_payment,
    go_on,
)
from django_redpin.sandbox.models import Fact, Payment, Session
from django_redpin.sandbox.rates import offers

from .conftest import CUSTOMER, Program, Receiver, amount, body_of

STEP = timedelta(seconds=10)  # As the options of these tests have it.
SHARES: list[dict[str, Any]] = [
    {"recipient_id": "111", "amount": amount(Decimal("240000.50"))},
    {
        "name": "Agent LLC",
        "type": "Corporate",
        "country_code": "ARE",
        "recipient_bank_details": {"iban": "AE070331234567890123456"},
        "amount": amount(Decimal("9999.50")),
    },
]


@pytest.fixture
def session(program: Program, receiver: Receiver) -> Session:
    return program.session(recipient_details=SHARES, callbacks=[f"{receiver.url}/hook"])


def pay(session: Session, currency: str, now: datetime) -> Payment:
    offer = next(offer for offer in offers(session.total) if offer.currency == currency)
    return begin_payment(session, offer, now)


def run(begun: datetime, steps: int) -> None:
    for step in range(steps + 1):
        deliver_due(begun + step * STEP)


def test_a_payment_with_exchange_reaches_the_documented_facts(
    session: Session, receiver: Receiver
) -> None:
    now = timezone.now()
    payment = pay(session, "GBP", now)
    run(now, 10)
    agent = session.recipients.get(name="Agent LLC").recipient_id
    sell = {"currency": "GBP", "value": payment.sell.value}
    buy = {"currency": "AED", "value": Decimal("250000.00")}
    to_escrow = {"recipient_id": "111", "amount": amount(Decimal("240000.50"))}
    to_agent = {"recipient_id": agent, "amount": amount(Decimal("9999.50"))}
    assert [(body["status"], body["data"]) for _, body in receiver.posted] == [
        ("AWAITING_FUNDS", {}),
        ("RECEIVED_FUNDS", {"amount": sell}),
        ("FX_COMPLETED", {"sell_amount": sell, "buy_amount": buy}),
        ("PAYOUT_INITIATED", to_escrow),
        ("PAYOUT_INITIATED", to_agent),
        ("PAYOUT_CREDITED", to_escrow),
        ("PAYOUT_CREDITED", to_agent),
        ("PAYMENT_COMPLETED", {}),
    ]


def test_a_payment_in_one_currency_reaches_the_documented_facts(
    session: Session, receiver: Receiver
) -> None:
    now = timezone.now()
    pay(session, "AED", now)
    run(now, 10)
    assert receiver.statuses == [
        "PROCESSING",
        "PAYOUT_INITIATED",
        "PAYOUT_INITIATED",
        "PAYOUT_CREDITED",
        "PAYOUT_CREDITED",
        "PAYMENT_COMPLETED",
    ]
    assert receiver.posted[0][1]["data"] == {}


def test_the_envelope_is_flat_and_names_the_session(session: Session, receiver: Receiver) -> None:
    now = timezone.now()
    payment = pay(session, "AED", now)
    run(now, 10)
    for _, body in receiver.posted:
        assert set(body) == {
            "event_id",
            "payment_id",
            "status",
            "customer_id",
            "client_customer_ref",
            "client_reference_id",
            "session_id",
            "event_timestamp",
            "data",
        }
        assert uuid.UUID(body["event_id"])
        assert body["payment_id"] == payment.payment_id
        assert body["customer_id"] == CUSTOMER
        assert body["client_customer_ref"] == "CUST_001"
        assert body["client_reference_id"] == session.client_reference_id
        assert body["session_id"] == str(session.session_id)
    assert len({body["event_id"] for _, body in receiver.posted}) == 6


def test_facts_are_a_step_apart_in_whole_seconds(session: Session, receiver: Receiver) -> None:
    now = timezone.now()
    pay(session, "AED", now)
    # The courier comes late, all at once: that does not change when the facts were.
    deliver_due(now + timedelta(hours=1))
    times = [
        datetime.strptime(body["event_timestamp"], "%Y-%m-%dT%H:%M:%S%z")
        for _, body in receiver.posted
    ]
    assert times[0] == now.replace(microsecond=0)
    assert times == [times[0] + step * STEP for step in range(6)]


def test_a_fact_is_true_only_once_its_time_has_come(session: Session) -> None:
    now = timezone.now()
    payment = pay(session, "GBP", now)
    for after, status in ((9, "AWAITING_FUNDS"), (10, "RECEIVED_FUNDS"), (29, "FX_COMPLETED")):
        advance(now + timedelta(seconds=after))
        payment.refresh_from_db()
        assert payment.status == status
        assert not payment.is_final


@pytest.mark.django_db(transaction=True)
def test_a_status_is_true_before_its_callback_is_posted(
    program: Program, session: Session, receiver: Receiver
) -> None:
    listed = []

    def look(path: str, body: Any) -> None:
        # In the receiver's own thread, as a merchant asks back while the callback is open.
        try:
            listed.append(body_of(program.list())["sessions"][0]["latest_status"])
        finally:
            connection.close()

    receiver.on_post = look
    now = timezone.now()
    pay(session, "AED", now)
    run(now, 10)
    assert listed == receiver.statuses
    assert len(listed) == 6


def test_numbers_on_the_wire_are_exact(program: Program, receiver: Receiver) -> None:
    value = Decimal("9007199254740993.01")
    session = program.session(
        amount=amount(value),
        recipient_details=[{"recipient_id": "1", "amount": amount(value)}],
        callbacks=[f"{receiver.url}/hook"],
    )
    now = timezone.now()
    pay(session, "AED", now)
    run(now, 3)
    assert receiver.posted[1][1]["data"]["amount"]["value"] == value


@pytest.mark.parametrize(("currency", "first"), [("GBP", "AWAITING_FUNDS"), ("AED", "PROCESSING")])
def test_a_payment_can_be_cancelled_before_money_moves(
    session: Session, receiver: Receiver, currency: str, first: str
) -> None:
    now = timezone.now()
    payment = pay(session, currency, now)
    assert cancel_payment(payment, now + timedelta(seconds=5))
    run(now, 10)
    assert receiver.statuses == [first, "CANCELLED"]
    assert set(receiver.posted[1][1]["data"]) == {"reason_description"}
    payment.refresh_from_db()
    assert payment.status == "CANCELLED"
    assert payment.is_final


def test_a_payment_cannot_be_cancelled_twice_or_too_late(session: Session) -> None:
    now = timezone.now()
    payment = pay(session, "GBP", now)
    advance(now + STEP)
    assert not cancel_payment(payment, now + STEP)
    assert Payment.objects.get().status == "RECEIVED_FUNDS"
    assert Fact.objects.count() == 8


def test_a_cancel_that_loses_the_race_changes_nothing(session: Session) -> None:
    now = timezone.now()
    payment = pay(session, "AED", now)
    stale = Payment.objects.get()
    assert cancel_payment(payment, now)
    assert not cancel_payment(stale, now)
    assert advance(now + timedelta(days=1)) == 0
    assert Fact.objects.filter(status="CANCELLED").count() == 1


def test_a_second_begin_returns_the_first_payment(session: Session) -> None:
    now = timezone.now()
    first = pay(session, "AED", now)
    again = pay(session, "GBP", now + timedelta(days=1))
    assert (again.pk, again.sell_currency) == (first.pk, "AED")
    assert Fact.objects.count() == 6


def test_of_two_that_begin_in_the_same_moment_both_get_the_same_payment(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()

    def has_expired(self: Session, now: datetime) -> bool:
        monkeypatch.undo()  # The other, which has looked for a payment as well, is faster.
        pay(session, "GBP", now)
        return False

    monkeypatch.setattr(Session, "has_expired", has_expired)

    assert pay(session, "AED", now).sell_currency == "GBP"
    assert Payment.objects.count() == 1
    assert Fact.objects.filter(status="AWAITING_FUNDS").count() == 1


def test_what_is_planned_is_put_off_for_a_payment_only_as_it_was_read(session: Session) -> None:
    now = timezone.now()
    stale = pay(session, "AED", now)
    assert advance(now + STEP) == 1
    later = now + timedelta(days=1)
    assert not go_on(stale, later)
    planned = Fact.objects.order_by("-position")
    assert planned[0].due_at < later
    assert go_on(Payment.objects.get(), later)
    assert planned[0].due_at > later


def test_an_expired_session_is_not_paid(session: Session) -> None:
    with pytest.raises(Expired):
        pay(session, "AED", session.expires_at)
    assert not Payment.objects.exists()


def test_a_payment_begun_in_time_goes_on_after_the_session_has_expired(session: Session) -> None:
    now = session.expires_at - timedelta(seconds=1)
    payment = pay(session, "AED", now)
    advance(now + 10 * STEP)
    payment.refresh_from_db()
    assert payment.status == "PAYMENT_COMPLETED"


def test_a_session_without_callbacks_moves_all_the_same(program: Program) -> None:
    session = program.session()
    now = timezone.now()
    payment = pay(session, "AED", now)
    assert deliver_due(now + 10 * STEP) == 0
    payment.refresh_from_db()
    assert payment.status == "PAYMENT_COMPLETED"
