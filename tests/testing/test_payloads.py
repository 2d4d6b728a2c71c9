"""The payloads: Redpin's documented events, field by field, in either envelope."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from moneyed import Money

from django_redpin.client import read_event
from django_redpin.models import PaymentSession, Recipient
from django_redpin.rules.statuses import PAYOUT, RANKS
from django_redpin.services import Share
from django_redpin.testing import (
    FakeRedpin,
    customer_event,
    encode,
    make_session,
    payment_event,
    payout_events,
    referral_event,
    third_party_event,
    virtual_account_event,
)
from django_redpin.testing.payloads import Envelope

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 1, 12, 30, tzinfo=timezone.utc)
AED = {"currency": "AED", "value": Decimal("250000.00")}


@pytest.fixture
def session(redpin: FakeRedpin) -> PaymentSession:
    return make_session(client_reference_id="order-1")


@pytest.fixture
def shared(redpin: FakeRedpin) -> PaymentSession:
    """A session of two recipients, the second of whom Redpin knows by an id of its own alone."""
    known = Recipient.objects.create(
        name="Escrow", country_code="ARE", currency="AED", recipient_id="501"
    )
    embedded = Recipient.objects.create(
        name="Agent",
        country_code="ARE",
        currency="AED",
        bank_details={"iban": "AE070331234567890123456"},
    )
    shares = [Share(known, Money("200000", "AED")), Share(embedded, Money("50000", "AED"))]
    return make_session(recipients=shares)


def named(session: PaymentSession, status: str, **more: object) -> dict[str, object]:
    return {
        "payment_id": payment_event(session, "PROCESSING")["data"]["payment_id"],
        "status": status,
        "customer_id": session.customer_id,
        "client_customer_ref": "CUST_001",
        "client_reference_id": "order-1",
        "session_id": session.session_id,
        **more,
    }


def test_the_nested_envelope_has_all_of_the_payment_in_its_data(session: PaymentSession) -> None:
    event = payment_event(session, "RECEIVED_FUNDS", at=AT, event_id="7")

    assert event == {
        "event_id": "7",
        "event_type": "PAYMENT STATUS",
        "version": "v1.0.0",
        "event_timestamp": "2026-03-01T12:30:00Z",
        "data": named(session, "RECEIVED_FUNDS", amount=AED),
    }


def test_the_flat_envelope_has_the_payment_at_its_top(session: PaymentSession) -> None:
    event = payment_event(session, "RECEIVED_FUNDS", at=AT, event_id="7", envelope="flat")

    assert event == {
        "event_id": "7",
        "event_timestamp": "2026-03-01T12:30:00Z",
        **named(session, "RECEIVED_FUNDS"),
        "data": {"amount": AED},
    }


@pytest.mark.parametrize(
    ("status", "data"),
    [
        ("AWAITING_FUNDS", {}),
        ("PROCESSING", {}),
        ("RECEIVED_FUNDS", {"amount": AED}),
        ("FX_COMPLETED", {"sell_amount": AED, "buy_amount": AED}),
        ("PAYOUT_INITIATED", {"recipient_id": "%", "amount": AED}),
        ("PAYOUT_CREDITED", {"recipient_id": "%", "amount": AED}),
        ("PAYMENT_COMPLETED", {}),
        ("CANCELLED", {"reason_description": "Cancelled by the customer"}),
        ("BOUNCED_BACK", {"bounce_reason": "The account is closed"}),
        ("REFUNDED", {"refund_amount": AED}),
    ],
)
def test_each_status_brings_what_redpin_documents_of_it(
    session: PaymentSession, status: str, data: dict[str, Any]
) -> None:
    if "recipient_id" in data:
        data = {**data, "recipient_id": session.shares.get().recipient.recipient_id}

    assert payment_event(session, status, envelope="flat")["data"] == data


def test_no_documented_status_is_missing_above() -> None:
    marks = test_each_status_brings_what_redpin_documents_of_it.pytestmark
    assert {status for status, _ in marks[0].args[1]} == set(RANKS)


@pytest.mark.parametrize("envelope", ["flat", "nested"])
@pytest.mark.parametrize("status", RANKS)
def test_the_client_reads_back_what_was_made(
    session: PaymentSession, status: str, envelope: Envelope
) -> None:
    made = payment_event(session, status, envelope=envelope, at=AT)

    read = read_event(encode(made))

    assert read.is_payment_status
    assert (read.status, read.at, read.event_id) == (status, AT, made["event_id"])
    assert (read.session_id, read.client_reference_id) == (session.session_id, "order-1")
    assert not read.amount_is_unreadable


def test_what_the_payer_sends_may_be_of_another_currency(session: PaymentSession) -> None:
    sold = Money("62000", "EUR")

    data = payment_event(session, "FX_COMPLETED", amount=sold)["data"]

    assert data["sell_amount"] == {"currency": "EUR", "value": Decimal("62000.00")}
    assert data["buy_amount"] == AED


def test_a_payout_is_told_for_each_recipient_with_its_share(shared: PaymentSession) -> None:
    events = payout_events(shared, "PAYOUT_CREDITED", envelope="flat")

    told = [(event["data"]["recipient_id"], event["data"]["amount"]["value"]) for event in events]
    assert told[0] == ("501", Decimal("200000.00"))
    assert told[1][1] == Decimal("50000.00")
    assert told[1][0].isdecimal()
    assert len({event["event_id"] for event in events}) == 2


def test_a_payout_of_nobody_in_particular_names_the_cure(shared: PaymentSession) -> None:
    with pytest.raises(ValueError, match=r"this session has 2: name one with recipient=\.\.\."):
        payment_event(shared, "PAYOUT_INITIATED")


def test_a_payout_of_a_stranger_is_none(shared: PaymentSession) -> None:
    stranger = Recipient.objects.create(
        name="Stranger", country_code="ARE", currency="AED", recipient_id="999"
    )

    with pytest.raises(ValueError, match="pays no recipient '999'"):
        payment_event(shared, "PAYOUT_INITIATED", recipient=stranger)


def test_a_recipient_without_redpins_id_is_named_by_that(shared: PaymentSession) -> None:
    embedded = Recipient.objects.get(recipient_id=None)

    with pytest.raises(ValueError, match="give Redpin's id as text"):
        payment_event(shared, "PAYOUT_INITIATED", recipient=embedded)


def test_what_is_told_once_is_not_told_for_each_recipient(shared: PaymentSession) -> None:
    with pytest.raises(ValueError, match="PAYMENT_COMPLETED is told once"):
        payout_events(shared, "PAYMENT_COMPLETED")
    assert len(payout_events(shared, "BOUNCED_BACK")) == len(PAYOUT) - 1


def test_the_same_arguments_make_the_same_event(session: PaymentSession) -> None:
    once, again = (payment_event(session, "PROCESSING", at=AT) for _ in range(2))

    assert once == again
    assert payment_event(session, "CANCELLED")["event_id"] != once["event_id"]


def test_a_single_field_can_be_replaced(session: PaymentSession) -> None:
    event = payment_event(session, "CANCELLED", reason="Too late", data={"note": "x"})

    assert event["data"]["reason_description"] == "Too late"
    assert event["data"]["note"] == "x"
    other = payment_event(session, "PROCESSING", payment_id="9001")
    assert other["data"]["payment_id"] == "9001"


@pytest.mark.parametrize(
    "status", ["RECEIVED_FUNDS", "PAYOUT_CREDITED", "REFUNDED", "PAYMENT_COMPLETED"]
)
def test_nothing_at_all_is_an_amount_too(session: PaymentSession, status: str) -> None:
    event = payment_event(session, status, amount=Money(0, "AED"), envelope="flat")

    amounts = [held for held in event["data"].values() if isinstance(held, dict)]
    assert [amount["value"] for amount in amounts] == [0]


@pytest.mark.parametrize("status", sorted(set(RANKS) | {"A_NEW_ONE"}))
def test_what_the_event_would_not_tell_is_refused(session: PaymentSession, status: str) -> None:
    told = set(payment_event(session, status, envelope="flat")["data"])
    has_amount = any(name.endswith("amount") for name in told) or status == "PAYMENT_COMPLETED"
    has_reason = any(name.endswith(("reason", "description")) for name in told)

    for given, is_told in (
        ({"amount": Money(1, "AED")}, has_amount),
        ({"reason": "x"}, has_reason),
    ):
        if is_told:
            assert payment_event(session, status, **given)
        else:
            with pytest.raises(ValueError, match=rf"of {status} tells no (amount|reason)"):
                payment_event(session, status, **given)


def test_ids_follow_from_the_reference_alone(session: PaymentSession) -> None:
    assert session.session_id == "6f5628b3-316c-5a94-a3e9-9c3b961e6ce7"


def test_a_payer_is_approved_or_rejected_in_either_envelope(session: PaymentSession) -> None:
    approved = third_party_event(session, event_id="1", at=AT)
    assert approved == {
        "event_id": "1",
        "event_type": "THIRD PARTY CUSTOMER STATUS",
        "version": "v1.0.0",
        "event_timestamp": "2026-03-01T12:30:00Z",
        "data": {
            "customer_id": session.customer_id,
            "client_customer_ref": "CUST_001",
            "status": "APPROVED",
        },
    }
    reasons = [{"reason": "Compliance check failed", "code": "COMPLIANCE_CHECK_FAILED"}]
    assert third_party_event(session, "REJECTED")["data"]["reasons"] == reasons
    flat = third_party_event("CUST_7", "REJECTED", envelope="flat", customer_id="1")
    assert (flat["client_customer_ref"], flat["customer_id"]) == ("CUST_7", "1")
    assert flat["data"] == reasons
    assert "data" not in third_party_event(session, envelope="flat")
    other = [{"reason": "No", "code": "NO"}]
    assert third_party_event(session, "REJECTED", reasons=other)["data"]["reasons"] == other


def test_a_payers_event_always_names_a_customer(session: PaymentSession) -> None:
    known = session.customer_id

    assert third_party_event("CUST_7")["data"]["customer_id"] == known
    assert third_party_event("CUST_7", customer_id="2")["data"]["customer_id"] == "2"
    assert third_party_event(session, customer_id="2")["data"]["customer_id"] == "2"


@pytest.mark.parametrize("envelope", ["flat", "nested"])
@pytest.mark.parametrize("status", ["APPROVED", "REJECTED"])
def test_the_client_reads_a_payers_status(
    session: PaymentSession, status: str, envelope: Envelope
) -> None:
    read = read_event(encode(third_party_event(session, status, envelope=envelope)))

    assert read.is_third_party_status
    assert (read.status, read.client_customer_ref) == (status, "CUST_001")


@pytest.mark.parametrize(
    ("make", "event_type"),
    [
        (customer_event, "CUSTOMER STATUS"),
        (lambda: customer_event("inactive", reason="Left"), "CUSTOMER STATUS"),
        (lambda: customer_event("inactive"), "CUSTOMER STATUS"),
        (virtual_account_event, "VBAN STATUS"),
        (referral_event, "REFERRAL CREATED"),
    ],
)
def test_events_of_no_payment_are_told_apart(
    make: Callable[[], dict[str, Any]], event_type: str
) -> None:
    event = make()

    assert read_event(encode(event)).event_type == event_type
    assert not read_event(encode(event)).is_payment_status
