"""What is believed, and what calls for a person: claims that do not fit what we created."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from moneyed import Money
from pytest_django import Settings

from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from django_redpin.services import (
    Item,
    Share,
    create_payment_session,
    dispatch,
    journal,
    release_from_review,
)
from django_redpin.services.journal import hold_for_review
from django_redpin.services.process import process_event
from django_redpin.services.record import record_event
from django_redpin.services.transactions import update
from tests.redpin_server import FakeRedpin

from .events import Listener, due_again, event_body, post, statuses

pytestmark = pytest.mark.django_db
Outcome = WebhookEvent.Outcome


def money(value: str, currency: str = "AED") -> dict[str, Any]:
    return {"currency": currency, "value": float(value)}


@pytest.mark.parametrize(
    "claim",
    [
        {"customer_id": "666"},
        {"client_customer_ref": "SOMEBODY_ELSE"},
        {"client_reference_id": "another"},
        {"session_id": "00000000-0000-0000-0000-000000000000"},
    ],
)
def test_a25_an_event_that_names_another_customer_or_session_needs_review(
    session: PaymentSession,
    redpin: FakeRedpin,
    settle: Callable[[], None],
    listener: Listener,
    claim: dict[str, Any],
) -> None:
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")

    event = post(session, event_body(session, "PAYMENT_COMPLETED", **claim))
    settle()

    event.refresh_from_db()
    session.refresh_from_db()
    assert (event.outcome, event.next_attempt_at) == (Outcome.CONTRADICTED, None)
    assert next(iter(claim)) in session.review_reason
    assert session.payment_status == ""
    assert listener.names.count("session_needs_review") == 1
    assert "payment_completed" not in listener.names
    assert redpin.count("GET", "/sessions") == 0, "Redpin can't say anything that changes it."


@pytest.mark.parametrize(
    ("status", "data"),
    [
        ("RECEIVED_FUNDS", {"amount": money("249999.99")}),
        ("FX_COMPLETED", {"buy_amount": money("250000.00", "USD")}),
        ("FX_COMPLETED", {"buy_amount": money("1.00")}),
        ("PAYOUT_INITIATED", {"recipient_id": "501", "amount": money("245000.01")}),
        ("PAYOUT_CREDITED", {"recipient_id": "501", "amount": money("245000.00", "USD")}),
        ("REFUNDED", {"refund_amount": money("250000.01")}),
        ("REFUNDED", {"refund_amount": money("0")}),
        ("RECEIVED_FUNDS", {"amount": {"currency": "aed", "value": "1.00"}}),
        ("RECEIVED_FUNDS", {"amount": "a lot"}),
        ("RECEIVED_FUNDS", {"amount": {"currency": 7.5, "value": True}}),
        ("PAYMENT_COMPLETED", {"amount": money("1.00", "USD")}),
    ],
)
def test_a25_an_amount_that_is_not_ours_needs_review_and_no_success_is_told(
    session: PaymentSession,
    redpin: FakeRedpin,
    settle: Callable[[], None],
    listener: Listener,
    status: str,
    data: dict[str, Any],
) -> None:
    redpin.pay(session.client_reference_id, status)

    event = post(session, event_body(session, status, data=data))
    settle()
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    post(session, event_body(session, "PAYMENT_COMPLETED", seconds=9))
    settle()

    event.refresh_from_db()
    session.refresh_from_db()
    assert event.outcome == Outcome.APPLIED, "The status is what Redpin says; the amount is not."
    reasons = [t.to_value for t in session.transitions.filter(subject="review")]
    assert any(f"An event says {status} of an" in reason for reason in reasons)
    assert "session_needs_review" in listener.names
    assert "payment_completed" not in listener.names


@pytest.mark.parametrize(
    ("status", "data"),
    [
        ("RECEIVED_FUNDS", {"amount": money("250000.00")}),
        ("RECEIVED_FUNDS", {"amount": money("68067.00", "USD")}),
        ("FX_COMPLETED", {"sell_amount": money("1", "USD"), "buy_amount": money("250000")}),
        ("PAYOUT_CREDITED", {"recipient_id": "501", "amount": money("245000")}),
        ("PAYOUT_CREDITED", {"recipient_id": "777", "amount": money("5000")}),
        ("REFUNDED", {"refund_amount": money("68000", "USD")}),
        ("REFUNDED", {"refund_amount": money("249000")}),
        ("RECEIVED_FUNDS", {"amount": {"currency": "aed", "value": "250000.00"}}),
        ("PAYMENT_COMPLETED", {"amount": money("250000")}),
        ("PAYOUT_CREDITED", {"recipient_id": "501", "amount": "a lot"}),
        ("AWAITING_FUNDS", {"amount": money("1")}),
    ],
)
def test_an_amount_that_fits_or_can_not_be_compared_needs_no_review(
    session: PaymentSession,
    redpin: FakeRedpin,
    settle: Callable[[], None],
    status: str,
    data: dict[str, Any],
) -> None:
    redpin.pay(session.client_reference_id, status)

    event = post(session, event_body(session, status, data=data))
    settle()

    event.refresh_from_db()
    session.refresh_from_db()
    assert (event.outcome, session.review_reason) == (Outcome.APPLIED, "")


def test_a25_a_payout_to_somebody_else_needs_review(
    escrow: Recipient,
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    settle: Callable[[], None],
    listener: Listener,
) -> None:
    arguments["recipients"] = [Share(escrow, Money("250000.00", "AED"))]
    session = create_payment_session(**arguments)
    redpin.pay(session.client_reference_id, "PAYOUT_CREDITED")

    post(session, event_body(session, "PAYOUT_CREDITED", recipient_id="666"))
    settle()

    session.refresh_from_db()
    assert "a recipient that this session does not have" in session.review_reason
    assert session.shares.get().payout_status == ""
    assert "session_needs_review" in listener.names
    assert "payout_status_changed" not in listener.names


def test_a_payee_whose_id_only_redpin_knows_is_told_by_elimination(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None]
) -> None:
    redpin.pay(session.client_reference_id, "PAYOUT_CREDITED")

    post(session, event_body(session, "PAYOUT_CREDITED", recipient_id="777"))
    settle()

    known, embedded = session.shares.order_by("pk")
    assert (known.payout_status, embedded.payout_status) == ("", "PAYOUT_CREDITED")


def test_among_several_payees_whose_ids_only_redpin_knows_none_is_guessed(
    agent: Recipient,
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    settle: Callable[[], None],
) -> None:
    other = Recipient.objects.create(
        name="Other",
        country_code="ARE",
        currency="AED",
        bank_details={"iban": "AE340331234567890123455"},
    )
    half = Money("125000.00", "AED")
    arguments["recipients"] = [Share(agent, half), Share(other, half)]
    session = create_payment_session(**arguments)
    redpin.pay(session.client_reference_id, "PAYOUT_CREDITED")

    event = post(session, event_body(session, "PAYOUT_CREDITED", recipient_id="777"))
    settle()

    event.refresh_from_db()
    session.refresh_from_db()
    assert event.outcome == Outcome.APPLIED
    assert [share.payout_status for share in session.shares.all()] == ["", ""]
    assert session.review_reason == ""


def test_a_success_that_was_held_back_is_told_once_the_session_is_released(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None], listener: Listener
) -> None:
    redpin.pay(session.client_reference_id, "RECEIVED_FUNDS")
    post(session, event_body(session, "RECEIVED_FUNDS", amount=money("1")))
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    post(session, event_body(session, "PAYMENT_COMPLETED", seconds=9))
    settle()
    held = session.transitions.get(to_value="PAYMENT_COMPLETED")
    assert (held.outcome, held.next_attempt_at, held.dispatched_at) == ("held", None, None)
    assert PaymentSession.objects.get().payment_status == "PAYMENT_COMPLETED"

    session.refresh_from_db()
    assert release_from_review(session)
    settle()

    held.refresh_from_db()
    assert held.outcome == "told"
    told = [kwargs["transition"].pk for name, kwargs in listener.heard if "completed" in name]
    assert told == [held.pk]
    assert session.review_reason == ""
    last = session.transitions.filter(subject="review").order_by("pk").last()
    assert last is not None
    assert last.to_value == ""
    assert listener.names.count("session_needs_review") == 1


def test_a_failure_is_told_at_once_even_under_review(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None], listener: Listener
) -> None:
    PaymentSession.objects.update(review_reason="Look at it.")
    redpin.pay(session.client_reference_id, "CANCELLED")

    post(session, event_body(session, "CANCELLED"))
    settle()

    assert "payment_failed" in listener.names


def test_a_session_that_needs_no_review_can_not_be_released(session: PaymentSession) -> None:
    assert not release_from_review(session)
    assert not session.transitions.filter(subject="review").exists()


def test_a_reason_that_came_in_meanwhile_is_not_released_unread(session: PaymentSession) -> None:
    PaymentSession.objects.update(review_reason="The first.")
    session.refresh_from_db()
    PaymentSession.objects.update(review_reason="The second.")

    assert not release_from_review(session)
    assert session.review_reason == "The second."


def test_a_release_between_the_look_and_the_hold_leaves_nothing_held(
    session: PaymentSession,
    redpin: FakeRedpin,
    settle: Callable[[], None],
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    PaymentSession.objects.update(review_reason="Look at it.")
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    event = post(session, event_body(session, "PAYMENT_COMPLETED"))
    process_event(event.pk)
    hold = dispatch._hold

    def release_first(transition: StatusTransition) -> None:
        session.refresh_from_db()
        release_from_review(session)
        # Another worker tells of the release before this one has held anything.
        released = session.transitions.get(subject=StatusTransition.Subject.REVIEW)
        assert dispatch.dispatch_transition(released.pk)
        hold(transition)

    monkeypatch.setattr(dispatch, "_hold", release_first)
    settle()

    assert "payment_completed" in listener.names
    assert not session.transitions.filter(outcome="held").exists()


def test_a_step_that_redpin_does_not_document_is_applied_flagged_and_reviewed(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None], listener: Listener
) -> None:
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    post(session, event_body(session, "PAYMENT_COMPLETED"))
    settle()
    redpin.pay(session.client_reference_id, "REFUNDED")

    post(session, event_body(session, "REFUNDED", seconds=9))
    settle()

    session.refresh_from_db()
    assert session.payment_status == "REFUNDED"
    flags = [t.is_documented for t in session.transitions.filter(subject="payment_status")]
    assert flags == [True, False]
    assert "PAYMENT_COMPLETED to REFUNDED" in session.review_reason
    assert {"payment_failed", "session_needs_review"} <= set(listener.names)


def signed(session: PaymentSession, status: str, **fields: Any) -> WebhookEvent:
    return record_event(
        event_body(session, status, **fields),
        account="default",
        client_reference_id=session.client_reference_id,
        verifier="session token, HMAC",
        is_signed=True,
    ).event


@pytest.fixture
def verified(settings: Settings) -> Settings:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_TRUST": "verified"}
    return settings


def test_a1_what_a_signature_covers_is_believed_where_the_settings_say_so(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None], verified: Settings
) -> None:
    signed(session, "PAYOUT_CREDITED", recipient_id="501")
    signed(session, "PAYMENT_COMPLETED", seconds=5)
    settle()

    session.refresh_from_db()
    assert session.payment_status == "PAYMENT_COMPLETED"
    assert session.shares.all()[0].payout_status == "PAYOUT_CREDITED"
    assert redpin.count("GET", "/sessions") == 0


def test_a1_what_no_signature_covers_is_asked_about_whatever_the_settings_say(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None], verified: Settings
) -> None:
    event = post(session, event_body(session, "PAYMENT_COMPLETED"))
    settle()

    event.refresh_from_db()
    session.refresh_from_db()
    assert (event.outcome, session.payment_status) == (Outcome.CONTRADICTED, "")


def test_a1_a_signed_body_is_asked_about_where_the_settings_do_not_trust_it(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None]
) -> None:
    event = signed(session, "PAYMENT_COMPLETED")
    settle()

    event.refresh_from_db()
    assert event.outcome == Outcome.CONTRADICTED


@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("AWAITING_FUNDS", "PAYMENT_COMPLETED"),
        ("BOUNCED_BACK", "REFUNDED"),
        ("PAYMENT_COMPLETED", "REFUNDED"),
        ("PAYOUT_INITIATED", "CANCELLED"),
    ],
)
def test_a22_signed_facts_end_the_same_in_either_order(
    session: PaymentSession,
    settle: Callable[[], None],
    verified: Settings,
    earlier: str,
    later: str,
    is_turned: bool,
) -> None:
    facts = [(earlier, 0), (later, 60)]
    for status, seconds in reversed(facts) if is_turned else facts:
        signed(session, status, seconds=seconds)
        settle()

    session.refresh_from_db()
    assert session.payment_status == later


def test_a26_an_event_that_is_given_up_is_told_and_its_session_reviewed(
    session: PaymentSession,
    settings: Settings,
    settle: Callable[[], None],
    listener: Listener,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.REDPIN = {**settings.REDPIN, "BASE_URL": "http://127.0.0.1:9"}
    event = post(session, event_body(session, "AWAITING_FUNDS"))
    settle()
    WebhookEvent.objects.update(attempts=79)
    due_again()
    settle()

    event.refresh_from_db()
    session.refresh_from_db()
    assert (event.outcome, event.attempts, event.next_attempt_at) == (Outcome.DEAD, 80, None)
    assert session.review_reason == "An event could not be processed."
    [told] = [kwargs for name, kwargs in listener.heard if name == "webhook_event_dead"]
    assert told["event"] == event
    assert f"Event {event.pk} is given up" in caplog.text
    due_again()
    settle()
    event.refresh_from_db()
    assert event.attempts == 80


def test_a23_an_event_whose_session_never_comes_is_an_orphan(
    db: None, settle: Callable[[], None], listener: Listener
) -> None:
    body = b'{"event_id": "1", "payment_id": "9", "status": "PROCESSING", "session_id": "nobody"}'
    event = record_event(
        body, account="default", client_reference_id="", verifier="account token"
    ).event
    for _ in range(13):
        settle()
        due_again()

    event.refresh_from_db()
    assert (event.outcome, event.attempts, event.next_attempt_at) == (Outcome.ORPHAN, 12, None)
    assert listener.names == ["webhook_event_dead"]


def third_party(reference: str, status: str = "APPROVED", *, nested: bool = False) -> bytes:
    """Return Redpin's documented event of a payer, in either envelope."""
    payer = {"customer_id": "77", "client_customer_ref": reference, "status": status}
    reasons = [{"reason": "Compliance", "code": "COMPLIANCE_CHECK_FAILED"}]
    envelope: dict[str, Any] = {"event_id": "e-1", "event_timestamp": "2026-01-01T00:00:00Z"}
    if nested:
        envelope |= {"event_type": "THIRD PARTY CUSTOMER STATUS", "version": "v1.0.0"}
        envelope["data"] = payer | ({"reasons": reasons} if status == "REJECTED" else {})
    else:
        envelope |= payer | ({"data": reasons} if status == "REJECTED" else {})
    return json.dumps(envelope).encode()


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("status", ["APPROVED", "REJECTED"])
def test_a_payer_that_redpin_approves_or_rejects_is_told_once(
    db: None, settle: Callable[[], None], listener: Listener, nested: bool, status: str
) -> None:
    body = third_party("CUST_001", status, nested=nested)
    for _ in range(2):
        event = record_event(
            body, account="default", client_reference_id="", verifier="account token"
        ).event
        settle()

    event.refresh_from_db()
    assert (event.event_type, event.outcome) == ("THIRD PARTY CUSTOMER STATUS", Outcome.APPLIED)
    assert (event.client_customer_ref, event.status) == ("CUST_001", status)
    assert listener.names == ["third_party_status_changed"]
    assert listener.heard[0][1]["event"] == event
    assert event.payload["event_id"] == "e-1"


def test_a_payers_event_is_told_again_until_its_receivers_manage(
    db: None, settle: Callable[[], None], listener: Listener
) -> None:
    listener.is_broken = True
    event = record_event(
        third_party("CUST_001"), account="default", client_reference_id="", verifier="v"
    ).event
    settle()
    event.refresh_from_db()
    assert (event.outcome, event.processed_at) == (Outcome.PENDING, None)
    assert "RuntimeError" in event.last_error

    listener.is_broken = False
    due_again()
    settle()

    event.refresh_from_db()
    assert event.outcome == Outcome.APPLIED
    assert [kwargs["event"].pk for _, kwargs in listener.heard] == [event.pk, event.pk]


def test_one_sessions_url_speaks_for_no_other_payer(
    session: PaymentSession, settle: Callable[[], None], listener: Listener
) -> None:
    settle()
    listener.heard.clear()
    event = post(session, third_party("SOMEBODY_ELSE"))
    settle()

    event.refresh_from_db()
    assert (event.outcome, event.next_attempt_at) == (Outcome.CONTRADICTED, None)
    assert listener.names == []


def test_both_events_of_a_payment_of_one_recipient_are_applied_and_told(
    escrow: Recipient,
    redpin: FakeRedpin,
    settle: Callable[[], None],
    listener: Listener,
) -> None:
    total = Money("100.00", "AED")
    session = create_payment_session(
        client_customer_ref="CUST_001",
        amount=total,
        due_date=timezone.now().date() + timedelta(days=9),
        purpose_of_transaction="PROPERTY_PURCHASE",
        recipients=[Share(escrow, total)],
        items=[Item("1", "One", total)],
    )
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    post(session, event_body(session, "PAYOUT_CREDITED", seconds=1, recipient_id="501"))
    post(session, event_body(session, "PAYMENT_COMPLETED", seconds=1))
    settle()

    assert statuses(session) == ["PAYOUT_CREDITED", "PAYMENT_COMPLETED"]
    assert listener.names.count("payout_status_changed") == 1
    assert listener.names.count("payment_completed") == 1


@pytest.mark.parametrize(
    ("listed", "claimed"),
    [
        ("REFUNDED", "PAYOUT_CREDITED"),
        ("REFUNDED", "PAYOUT_INITIATED"),
        ("CANCELLED", "RECEIVED_FUNDS"),
        ("CANCELLED", "PAYOUT_CREDITED"),
        ("BOUNCED_BACK", "PAYOUT_CREDITED"),
        ("PAYOUT_INITIATED", "PAYOUT_CREDITED"),
    ],
)
@pytest.mark.parametrize("is_on_record", [False, True])
def test_a1_a_step_that_the_listed_status_does_not_prove_is_not_believed(
    escrow: Recipient,
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    settle: Callable[[], None],
    listener: Listener,
    listed: str,
    claimed: str,
    is_on_record: bool,
) -> None:
    """Money may be sent back before anybody was paid."""
    arguments["recipients"] = [Share(escrow, Money("250000.00", "AED"))]
    session = create_payment_session(**arguments)
    redpin.pay(session.client_reference_id, listed)
    if is_on_record:
        post(session, event_body(session, listed, seconds=9))
    settle()
    listener.heard.clear()

    event = post(session, event_body(session, claimed, recipient_id="501"))
    settle()

    event.refresh_from_db()
    session.refresh_from_db()
    assert event.outcome == Outcome.CONTRADICTED
    assert session.payment_status == (listed if is_on_record else "")
    held = listed if is_on_record and listed in ("BOUNCED_BACK", "PAYOUT_INITIATED") else ""
    assert session.shares.get().payout_status == held
    assert listener.names == []


@pytest.mark.parametrize("known", ["PAYOUT_INITIATED", ""])
def test_one_payee_of_several_moves_its_share_and_not_the_payment(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None], known: str
) -> None:
    redpin.pay(session.client_reference_id, "PAYOUT_INITIATED")
    if known:
        post(session, event_body(session, known, recipient_id="501"))
        settle()

    post(session, event_body(session, "PAYOUT_CREDITED", seconds=9, recipient_id="501"))
    settle()

    session.refresh_from_db()
    assert session.payment_status == known
    assert session.shares.order_by("pk")[0].payout_status == "PAYOUT_CREDITED"


def test_a_payment_id_is_taken_from_redpins_list_and_not_from_a_post(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None]
) -> None:
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS", payment_id="")

    post(session, event_body(session, "AWAITING_FUNDS", payment_id="somebody-elses"))
    settle()

    session.refresh_from_db()
    assert (session.payment_status, session.payment_id) == ("AWAITING_FUNDS", None)


def test_a25_another_payments_completion_is_not_believed_though_it_is_signed(
    session: PaymentSession, settle: Callable[[], None], listener: Listener, verified: Settings
) -> None:
    signed(session, "AWAITING_FUNDS")
    signed(session, "PAYMENT_COMPLETED", seconds=9, payment_id="another")
    settle()

    session.refresh_from_db()
    assert session.payment_status == "AWAITING_FUNDS"
    assert "another payment_id" in session.review_reason
    assert "payment_completed" not in listener.names


def test_two_signed_sessions_of_which_no_session_id_is_known_do_not_collide(
    session: PaymentSession,
    arguments: dict[str, Any],
    settle: Callable[[], None],
    verified: Settings,
) -> None:
    other = create_payment_session(**arguments)
    PaymentSession.objects.update(session_id=None)
    for number, one in enumerate((session, other)):
        one.refresh_from_db()
        signed(one, "AWAITING_FUNDS", payment_id=f"90{number}", session_id=None)
    settle()

    assert (
        list(PaymentSession.objects.values_list("payment_status", "session_id"))
        == [("AWAITING_FUNDS", None)] * 2
    )


def test_a25_one_reason_hides_no_other_from_the_reviewer(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None]
) -> None:
    redpin.pay(session.client_reference_id, "RECEIVED_FUNDS")
    post(session, event_body(session, "RECEIVED_FUNDS", amount=money("1")))
    settle()
    for number in range(30):
        post(session, event_body(session, "RECEIVED_FUNDS", event_id=str(number), customer_id="6"))
    settle()

    session.refresh_from_db()
    assert "of another amount" in session.review_reason
    assert session.review_reason.count("another customer_id") == 1


def test_a26_attempts_that_ended_another_way_do_not_count(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None]
) -> None:
    """Redpin was away for hours, and its list lags by one look when it is back."""
    event = post(session, event_body(session, "PAYOUT_CREDITED", recipient_id="501"))
    WebhookEvent.objects.update(attempts=40)
    settle()
    event.refresh_from_db()
    assert (event.outcome, event.attempts) == (Outcome.CONTRADICTED, 1)

    redpin.pay(session.client_reference_id, "PAYOUT_CREDITED")
    due_again()
    settle()

    event.refresh_from_db()
    assert event.outcome == Outcome.APPLIED


def test_a_payers_event_at_the_url_of_a_session_that_is_not_here_waits(
    db: None, settle: Callable[[], None], listener: Listener
) -> None:
    event = record_event(
        third_party("ANYBODY"), account="default", client_reference_id="GONE", verifier="v"
    ).event
    settle()

    event.refresh_from_db()
    assert event.outcome == Outcome.WAITING
    assert listener.names == []


def test_a24_a_type_that_is_not_documented_and_an_incomplete_event_are_logged_and_kept(
    session: PaymentSession, settle: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    for body in ({"event_type": "SOMETHING NEW"}, {"event_type": "PAYMENT STATUS", "data": {}}):
        post(session, json.dumps({**body, "event_id": "e"}).encode())
    post(session, json.dumps({"event_type": "VBAN STATUS", "event_id": "e"}).encode())
    settle()

    assert caplog.text.count("of no documented type, or incomplete") == 2
    assert set(WebhookEvent.objects.values_list("outcome", flat=True)) == {Outcome.IGNORED}


def test_a_field_that_is_null_at_the_top_hides_none_that_is_nested(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None]
) -> None:
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    nested = json.loads(event_body(session, "AWAITING_FUNDS", nested=True))
    event = post(session, json.dumps({**nested, "status": None, "payment_id": None}).encode())
    settle()

    event.refresh_from_db()
    assert event.outcome == Outcome.APPLIED


def test_a25_an_event_of_a_session_that_redpin_does_not_list_is_not_believed(
    session: PaymentSession, redpin: FakeRedpin
) -> None:
    redpin.sessions.clear()
    event = post(session, event_body(session, "PAYMENT_COMPLETED"))

    process_event(event.pk)

    event.refresh_from_db()
    session.refresh_from_db()
    assert "Redpin lists no session with this reference." in event.last_error
    assert session.payment_status == ""


def test_a24_an_event_proves_nothing_where_redpin_lists_a_status_that_nobody_knows(
    session: PaymentSession, redpin: FakeRedpin
) -> None:
    redpin.pay(session.client_reference_id, "TELEPORTED")
    event = post(session, event_body(session, "PAYMENT_COMPLETED"))

    process_event(event.pk)

    event.refresh_from_db()
    session.refresh_from_db()
    assert "Redpin lists the status 'TELEPORTED', which is not documented." in event.last_error
    assert session.payment_status == ""


def test_where_reasons_for_a_review_fill_their_column_one_more_is_not_told(
    session: PaymentSession,
) -> None:
    for number in range(200):
        hold_for_review(session, f"Reason {number:>20}.")

    session.refresh_from_db()
    told = session.transitions.filter(subject="review").count()
    assert len(session.review_reason) <= 1000
    assert session.review_reason.startswith("Reason                    0. Reason")
    assert told < 40


def test_what_another_worker_released_from_hold_is_not_made_due_once_more(
    session: PaymentSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    (transition,) = session.transitions.all()
    StatusTransition.objects.update(outcome="held", next_attempt_at=None)
    sent: list[object] = []
    monkeypatch.setattr(journal, "enqueue_on_commit", lambda *given: sent.append(given))

    def be_overtaken(rows: Any, **changes: Any) -> int:
        StatusTransition.objects.update(outcome="told", attempts=7)
        return update(rows, **changes)

    monkeypatch.setattr(journal, "update", be_overtaken)
    journal.rearm_held(session)

    transition.refresh_from_db()
    assert (sent, transition.outcome, transition.attempts) == ([], "told", 7)
