"""Webhook events: stored once, confirmed with Redpin, applied in any order, journalled, told."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone as django_timezone
from pytest_django import Settings

from django_redpin.exceptions import UnreadableEvent
from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from django_redpin.services import Share, create_payment_session, facts, refresh_payment_session
from django_redpin.services.changes import changes_of
from django_redpin.services.journal import move_state
from django_redpin.services.leases import MAX_ATTEMPTS
from django_redpin.services.process import MAX_CONTRADICTIONS, process_event
from django_redpin.services.record import record_event
from django_redpin.services.shares import shares_of as real_shares_of
from tests.redpin_server import FakeRedpin, Handler

from .events import Listener, due_again, event_body, post, statuses

Outcome = WebhookEvent.Outcome
pytestmark = pytest.mark.django_db

FX_FLOW = [
    "AWAITING_FUNDS",
    "RECEIVED_FUNDS",
    "FX_COMPLETED",
    "PAYOUT_INITIATED",
    "PAYOUT_CREDITED",
    "PAYMENT_COMPLETED",
]
ONE_CURRENCY_FLOW = ["PROCESSING", "PAYOUT_INITIATED", "PAYOUT_CREDITED", "PAYMENT_COMPLETED"]


@pytest.mark.parametrize("nested", [False, True])
def test_a_confirmed_event_moves_the_session_and_is_told(
    session: PaymentSession,
    redpin: FakeRedpin,
    settle: Callable[[], None],
    listener: Listener,
    nested: bool,
) -> None:
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")

    event = post(session, event_body(session, "AWAITING_FUNDS", nested=nested))
    settle()

    session.refresh_from_db()
    event.refresh_from_db()
    assert (session.payment_status, session.payment_id) == ("AWAITING_FUNDS", "9001")
    assert event.outcome == Outcome.APPLIED
    assert event.session == session
    assert statuses(session) == ["AWAITING_FUNDS"]
    assert listener.names == ["payment_session_created", "payment_status_changed"]
    told = listener.heard[-1][1]
    assert (told["session"], told["event"], told["share"]) == (session, event, None)
    assert told["transition"].from_value == ""


@pytest.mark.parametrize("flow", [FX_FLOW, ONE_CURRENCY_FLOW])
def test_a_whole_flow_ends_completed_and_closes_the_session(
    session: PaymentSession,
    redpin: FakeRedpin,
    settle: Callable[[], None],
    listener: Listener,
    flow: list[str],
) -> None:
    for seconds, status in enumerate(flow):
        redpin.pay(session.client_reference_id, status)
        fields: dict[str, Any] = {"recipient_id": "501"} if status.startswith("PAYOUT") else {}
        post(session, event_body(session, status, seconds=seconds, **fields))
        settle()

    session.refresh_from_db()
    assert session.payment_status == "PAYMENT_COMPLETED"
    assert session.state == PaymentSession.State.CLOSED
    assert session.session_url == ""
    assert statuses(session) == flow
    assert listener.names.count("payment_completed") == 1
    assert listener.names.count("payment_failed") == 0
    assert listener.names.count("payout_status_changed") == 2
    escrow, agent = session.shares.all()
    assert (escrow.payout_status, agent.payout_status) == ("PAYOUT_CREDITED", "")


def test_payouts_of_several_recipients_are_told_apart(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None]
) -> None:
    second = session.shares.all()[1]
    second.recipient.recipient_id = "502"
    second.recipient.save(update_fields=["recipient_id"])
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")

    for place, recipient_id in enumerate(("501", "502")):
        for status in ("PAYOUT_INITIATED", "PAYOUT_CREDITED"):
            name = f"{status}-{recipient_id}"
            body = event_body(
                session, status, event_id=name, seconds=place, recipient_id=recipient_id
            )
            post(session, body)
    settle()

    assert [share.payout_status for share in session.shares.all()] == ["PAYOUT_CREDITED"] * 2
    payouts = session.transitions.filter(subject="payout")
    assert {(t.share_id, t.to_value) for t in payouts} == {
        (share.pk, status)
        for share in session.shares.all()
        for status in ("PAYOUT_INITIATED", "PAYOUT_CREDITED")
    }


@pytest.mark.parametrize("status", ["CANCELLED", "REFUNDED", "BOUNCED_BACK"])
def test_money_that_does_not_arrive_is_told_as_failed(
    session: PaymentSession,
    redpin: FakeRedpin,
    settle: Callable[[], None],
    listener: Listener,
    status: str,
) -> None:
    redpin.pay(session.client_reference_id, status)

    post(session, event_body(session, status))
    settle()

    assert listener.names.count("payment_failed") == 1
    assert "payment_completed" not in listener.names


def test_a1_a_forged_completion_is_contradicted_and_told_to_nobody(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None], listener: Listener
) -> None:
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    post(session, event_body(session, "AWAITING_FUNDS"))
    settle()
    listener.heard.clear()

    forged = post(session, event_body(session, "PAYMENT_COMPLETED", event_id="forged"))
    settle()

    forged.refresh_from_db()
    session.refresh_from_db()
    assert forged.outcome == Outcome.CONTRADICTED
    assert "AWAITING_FUNDS" in forged.last_error
    assert session.payment_status == "AWAITING_FUNDS"
    assert listener.heard == []


@pytest.mark.parametrize("claim", ["AWAITING_FUNDS", "PAYOUT_INITIATED", "PAYOUT_CREDITED"])
def test_a_claim_of_the_past_does_not_move_a_session_back_however_it_is_dated(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None], claim: str
) -> None:
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    post(session, event_body(session, "PAYOUT_CREDITED", recipient_id="501"))
    post(session, event_body(session, "PAYMENT_COMPLETED", seconds=1))
    settle()

    event = post(
        session, event_body(session, claim, event_id="later", seconds=99, recipient_id="501")
    )
    settle()

    session.refresh_from_db()
    event.refresh_from_db()
    assert session.payment_status == "PAYMENT_COMPLETED"
    assert session.shares.all()[0].payout_status == "PAYOUT_CREDITED"
    assert event.outcome == Outcome.KNOWN


def test_a_claim_for_a_session_without_payment_is_contradicted(
    session: PaymentSession, settle: Callable[[], None]
) -> None:
    event = post(session, event_body(session, "PAYMENT_COMPLETED"))
    settle()

    event.refresh_from_db()
    session.refresh_from_db()
    assert event.outcome == Outcome.CONTRADICTED
    assert session.payment_status == ""


@pytest.mark.parametrize(
    "claim",
    [
        {"payment_id": "666"},
        {"customer_id": "666"},
        {"session_id": "00000000-0000-0000-0000-000000000000"},
        {"client_reference_id": "another"},
    ],
)
def test_an_event_about_something_else_is_contradicted(
    session: PaymentSession,
    redpin: FakeRedpin,
    settle: Callable[[], None],
    claim: dict[str, Any],
) -> None:
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")

    event = post(session, event_body(session, "PAYMENT_COMPLETED", **claim))
    settle()

    event.refresh_from_db()
    session.refresh_from_db()
    assert event.outcome == Outcome.CONTRADICTED
    assert session.payment_status == ""


def test_a_contradiction_is_asked_about_again_a_few_times_since_lists_may_lag(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None]
) -> None:
    event = post(session, event_body(session, "AWAITING_FUNDS"))
    settle()
    event.refresh_from_db()
    assert event.outcome == Outcome.CONTRADICTED
    assert event.next_attempt_at is not None

    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    due_again()
    settle()

    event.refresh_from_db()
    assert event.outcome == Outcome.APPLIED


def test_a_forged_event_costs_a_bounded_number_of_calls(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None]
) -> None:
    post(session, event_body(session, "PAYMENT_COMPLETED"))

    for _ in range(MAX_CONTRADICTIONS + 5):
        due_again()
        settle()

    assert redpin.count("GET", "/sessions") == MAX_CONTRADICTIONS


@pytest.mark.parametrize(
    ("listed", "claimed"),
    [
        ("PAYOUT_INITIATED", "PAYOUT_CREDITED"),
        ("BOUNCED_BACK", "REFUNDED"),
        ("REFUNDED", "PAYMENT_COMPLETED"),
        ("AWAITING_FUNDS", "CANCELLED"),
    ],
)
def test_what_redpin_does_not_show_yet_is_not_believed(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    escrow: Recipient,
    settle: Callable[[], None],
    listed: str,
    claimed: str,
) -> None:
    one = arguments | {"recipients": [Share(escrow, arguments["amount"])]}
    session = create_payment_session(**one)
    redpin.pay(session.client_reference_id, listed)

    event = post(session, event_body(session, claimed, recipient_id="501"))
    settle()

    event.refresh_from_db()
    session.refresh_from_db()
    assert event.outcome == Outcome.CONTRADICTED
    assert session.payment_status == ""
    assert session.shares.get().payout_status == ""


def test_an_answer_of_redpins_that_is_older_than_what_we_know_moves_nothing_back(
    session: PaymentSession,
    redpin: FakeRedpin,
    settle: Callable[[], None],
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    redpin.pay(session.client_reference_id, "PAYOUT_CREDITED")
    slow = post(session, event_body(session, "PAYOUT_CREDITED", seconds=1))

    def complete() -> None:
        redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
        process_event(post(session, event_body(session, "PAYMENT_COMPLETED", seconds=1)).pk)

    overtake(monkeypatch, complete)
    process_event(slow.pk)
    refresh_payment_session(session)
    settle()

    session.refresh_from_db()
    assert session.payment_status == "PAYMENT_COMPLETED"
    assert statuses(session) == ["PAYMENT_COMPLETED"]
    assert listener.names.count("payment_completed") == 1


def test_payments_that_redpin_lists_without_an_id_do_not_collide(
    session: PaymentSession,
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    settle: Callable[[], None],
) -> None:
    other = create_payment_session(**arguments)
    for one in (session, other):
        redpin.pay(one.client_reference_id, "AWAITING_FUNDS", payment_id="")
        refresh_payment_session(one)
    redpin.pay(session.client_reference_id, "RECEIVED_FUNDS", payment_id="")
    post(session, event_body(session, "RECEIVED_FUNDS"))
    settle()

    session.refresh_from_db()
    other.refresh_from_db()
    assert (session.payment_status, session.payment_id) == ("RECEIVED_FUNDS", None)
    assert (other.payment_status, other.payment_id) == ("AWAITING_FUNDS", None)


def test_an_event_posted_to_another_sessions_url_does_not_take_the_real_ones_place(
    session: PaymentSession,
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    settle: Callable[[], None],
) -> None:
    other = create_payment_session(**arguments)
    redpin.pay(other.client_reference_id, "PAYMENT_COMPLETED")
    body = event_body(other, "PAYMENT_COMPLETED")

    post(session, body)
    settle()
    post(other, event_body(other, "AWAITING_FUNDS", event_id="PAYMENT_COMPLETED-0"))
    post(other, body)
    settle()

    session.refresh_from_db()
    other.refresh_from_db()
    assert session.payment_status == ""
    assert other.payment_status == "PAYMENT_COMPLETED"


def test_a_forged_event_that_is_posted_for_ever_costs_no_more_calls(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None]
) -> None:
    for _ in range(MAX_CONTRADICTIONS + 10):
        post(session, event_body(session, "PAYMENT_COMPLETED"))
        settle()

    assert redpin.count("GET", "/sessions") == MAX_CONTRADICTIONS


def test_a_session_that_is_another_one_at_redpin_needs_review(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None], listener: Listener
) -> None:
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    redpin.sessions[session.client_reference_id]["client_customer_ref"] = "SOMEBODY_ELSE"

    post(session, event_body(session, "PAYMENT_COMPLETED"))
    settle()
    due_again()
    settle()

    session.refresh_from_db()
    assert "client_customer_ref" in session.review_reason
    assert session.payment_status == ""
    assert listener.names.count("session_needs_review") == 1
    assert "payment_completed" not in listener.names


def test_a_repeated_event_is_stored_once_and_changes_nothing(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None], listener: Listener
) -> None:
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    body = event_body(session, "AWAITING_FUNDS")

    for _ in range(5):
        post(session, body)
        settle()

    event = WebhookEvent.objects.get()
    assert event.duplicates == 4
    assert statuses(session) == ["AWAITING_FUNDS"]
    assert listener.names.count("payment_status_changed") == 1


def test_a19_a_copy_of_an_event_that_is_not_done_makes_it_due_at_once(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None]
) -> None:
    body = event_body(session, "AWAITING_FUNDS")
    event = post(session, body)
    settle()  # Contradicted; due again in some seconds.
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")

    post(session, body)
    settle()

    event.refresh_from_db()
    assert event.outcome == Outcome.APPLIED


def test_a19_a_copy_of_an_event_that_was_given_up_and_purged_brings_its_body_again(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None]
) -> None:
    body = event_body(session, "PAYMENT_COMPLETED")
    event = post(session, body)
    WebhookEvent.objects.update(
        body=b"", outcome=Outcome.DEAD, next_attempt_at=None, attempts=MAX_ATTEMPTS
    )
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")

    post(session, body)
    settle()

    event.refresh_from_db()
    assert (event.outcome, bytes(event.body)) == (Outcome.APPLIED, body)


def test_c8_an_event_that_kills_its_workers_is_given_up(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None]
) -> None:
    event = post(session, event_body(session, "PAYMENT_COMPLETED"))
    WebhookEvent.objects.update(attempts=MAX_ATTEMPTS)  # Each of them counted, none ended.
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")

    settle()

    event.refresh_from_db()
    assert (event.outcome, event.last_error) == (Outcome.DEAD, "Its attempts never end.")
    assert event.next_attempt_at is None
    assert PaymentSession.objects.get().payment_status == ""


def test_the_same_event_id_of_another_payment_is_another_event(session: PaymentSession) -> None:
    post(session, event_body(session, "AWAITING_FUNDS", event_id="1"))
    post(session, event_body(session, "AWAITING_FUNDS", event_id="1", payment_id="9002"))

    assert WebhookEvent.objects.count() == 2


def test_an_event_without_an_id_is_known_by_its_body(session: PaymentSession) -> None:
    body = json.dumps({"customer_id": "1", "status": "active"}).encode()

    assert post(session, body) == post(session, body)
    assert post(session, body.replace(b"active", b"inactive")) != post(session, body)


@pytest.mark.slow
@pytest.mark.parametrize("flow", [FX_FLOW, ONE_CURRENCY_FLOW])
def test_a22_any_order_of_arrival_ends_the_same(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None], flow: list[str]
) -> None:
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    bodies = [
        # Pairs of equal seconds: the documented flow decides between them.
        event_body(session, status, seconds=place // 2)
        for place, status in enumerate(flow)
    ]
    orders = list(itertools.permutations(bodies))
    for order in random.Random(7).sample(orders, 12):
        WebhookEvent.objects.all().delete()
        StatusTransition.objects.all().delete()
        PaymentSession.objects.update(
            payment_status="", payment_status_position="", payment_id=None, state="open"
        )
        for body in (*order, *random.Random(8).sample(order, 2)):
            post(session, body)
            settle()

        session.refresh_from_db()
        assert session.payment_status == "PAYMENT_COMPLETED"
        assert statuses(session)[-1] == "PAYMENT_COMPLETED"
        assert statuses(session).count("PAYMENT_COMPLETED") == 1
        StatusTransition.objects.all().delete()


def test_a24_a_status_that_is_not_documented_is_kept_and_changes_nothing(
    session: PaymentSession, settle: Callable[[], None]
) -> None:
    event = post(session, event_body(session, "TELEPORTED"))
    settle()

    event.refresh_from_db()
    session.refresh_from_db()
    assert event.outcome == Outcome.UNKNOWN_STATUS
    assert session.payment_status == ""


@pytest.mark.parametrize(
    "body",
    [
        b'{"event_id": "1", "event_type": "THIRD PARTY CUSTOMER STATUS", "data": {"status": "X"}}',
        b'{"customer_id": "1", "status": "active", "unique_identifier": "u"}',
        b"{}",
    ],
)
def test_a24_events_of_other_types_are_stored_and_ignored(
    session: PaymentSession, settle: Callable[[], None], body: bytes
) -> None:
    event = post(session, body)
    settle()

    event.refresh_from_db()
    assert event.outcome == Outcome.IGNORED


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"null", b'{"a": NaN}', b"\xff\xfe"])
def test_what_is_no_json_object_is_refused_and_not_stored(body: bytes) -> None:
    with pytest.raises(UnreadableEvent):
        record_event(body, account="default", client_reference_id="r", verifier="v")

    assert not WebhookEvent.objects.exists()


def test_a23_an_event_before_its_session_waits_and_is_applied_once_the_session_is_there(
    redpin: FakeRedpin, arguments: dict[str, Any], settle: Callable[[], None]
) -> None:
    ghost = PaymentSession(
        client_reference_id="EARLY", customer_id="0201001008132685", client_customer_ref="CUST_001"
    )
    event = post(ghost, event_body(ghost, "AWAITING_FUNDS"))
    settle()
    event.refresh_from_db()
    assert event.outcome == Outcome.WAITING

    session = create_payment_session(**arguments, client_reference_id="EARLY")
    redpin.pay("EARLY", "AWAITING_FUNDS")
    settle()

    session.refresh_from_db()
    event.refresh_from_db()
    assert session.payment_status == "AWAITING_FUNDS"
    assert (event.outcome, event.session) == (Outcome.APPLIED, session)


def test_a23_an_event_that_overtakes_the_answer_to_create_is_applied(
    redpin: FakeRedpin, arguments: dict[str, Any], settle: Callable[[], None]
) -> None:
    def pay_first(handler: Handler) -> None:
        record = handler.redpin.store(handler.call.json, "0201001008132685")
        reference = record["client_reference_id"]
        handler.redpin.pay(reference, "PAYMENT_COMPLETED")
        session = PaymentSession(
            client_reference_id=reference,
            customer_id=record["customer_id"],
            client_customer_ref=record["client_customer_ref"],
            session_id=record["session_id"],
        )
        bodies.append(event_body(session, "PAYMENT_COMPLETED"))
        handler.json(201, handler.redpin.created(record))

    bodies: list[bytes] = []
    redpin.create_script.append(pay_first)
    session = create_payment_session(**arguments)
    post(session, bodies[0])
    settle()

    session.refresh_from_db()
    assert session.payment_status == "PAYMENT_COMPLETED"
    assert session.state == PaymentSession.State.CLOSED


def test_a26_an_event_that_finds_no_redpin_is_tried_again_and_given_up_in_the_end(
    session: PaymentSession,
    redpin: FakeRedpin,
    settle: Callable[[], None],
    settings: Settings,
) -> None:
    settings.REDPIN = {**settings.REDPIN, "BASE_URL": "http://127.0.0.1:9"}
    event = post(session, event_body(session, "AWAITING_FUNDS"))

    settle()
    WebhookEvent.objects.update(attempts=MAX_ATTEMPTS - 2)
    for _ in range(4):
        due_again()
        settle()

    event.refresh_from_db()
    assert event.outcome == Outcome.DEAD
    assert event.attempts == MAX_ATTEMPTS
    assert event.next_attempt_at is None


def test_c10_an_event_in_another_workers_hands_is_left_alone(
    session: PaymentSession, redpin: FakeRedpin
) -> None:
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    event = post(session, event_body(session, "AWAITING_FUNDS"))
    WebhookEvent.objects.update(leased_until=datetime.now(timezone.utc) + timedelta(minutes=1))

    assert process_event(event.pk) == Outcome.PENDING

    WebhookEvent.objects.update(leased_until=datetime.now(timezone.utc) - timedelta(seconds=1))
    assert process_event(event.pk) == Outcome.APPLIED


def test_an_event_dated_in_the_future_does_not_outrank_what_follows(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None]
) -> None:
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    post(session, event_body(session, "AWAITING_FUNDS", seconds=10**9))
    settle()
    redpin.pay(session.client_reference_id, "RECEIVED_FUNDS")
    post(session, event_body(session, "RECEIVED_FUNDS", seconds=1))
    settle()

    session.refresh_from_db()
    assert session.payment_status == "RECEIVED_FUNDS"


def overtake(monkeypatch: pytest.MonkeyPatch, what: Callable[[], object]) -> None:
    """Let something happen between the next read of a session and the write that follows it."""
    decide = changes_of

    def decide_and_be_overtaken(session: PaymentSession, fact: facts.Fact) -> dict[str, Any]:
        monkeypatch.setattr(facts, "changes_of", decide)
        changes = decide(session, fact)
        what()
        return changes

    monkeypatch.setattr(facts, "changes_of", decide_and_be_overtaken)


def test_c10_a_worker_whose_lease_ran_out_leaves_the_other_ones_outcome_alone(
    session: PaymentSession, redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch
) -> None:
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    event = post(session, event_body(session, "AWAITING_FUNDS"))

    def take_over() -> None:
        WebhookEvent.objects.update(leased_until=None)
        assert process_event(event.pk) == Outcome.APPLIED

    overtake(monkeypatch, take_over)

    assert process_event(event.pk) == Outcome.APPLIED
    event.refresh_from_db()
    assert event.next_attempt_at is None
    assert statuses(session) == ["AWAITING_FUNDS"]


def test_a_payout_that_another_worker_moved_on_is_not_overwritten(
    session: PaymentSession, redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch
) -> None:
    redpin.pay(session.client_reference_id, "PAYOUT_CREDITED")
    share = session.shares.all()[0]
    slow = post(session, event_body(session, "PAYOUT_INITIATED", recipient_id="501"))
    fast = post(session, event_body(session, "PAYOUT_CREDITED", seconds=5, recipient_id="501"))

    def read_shares_and_be_overtaken(*args: Any) -> list[Any]:
        monkeypatch.setattr(facts, "shares_of", real_shares_of)
        found = real_shares_of(*args)
        # In the same transaction, as far as this connection goes: only the comparison can tell.
        type(share).objects.filter(pk=share.pk).update(
            payout_status="PAYOUT_CREDITED", payout_position="9999-12-31T00:00:00.000000Z 050 x"
        )
        return found

    monkeypatch.setattr(facts, "shares_of", read_shares_and_be_overtaken)
    process_event(slow.pk)
    process_event(fast.pk)

    share.refresh_from_db()
    assert share.payout_status == "PAYOUT_CREDITED"


def test_a_move_by_somebody_who_read_the_row_too_early_changes_nothing(
    session: PaymentSession,
) -> None:
    early = PaymentSession.objects.get(pk=session.pk)
    assert move_state(session, PaymentSession.State.EXPIRED)

    assert not move_state(early, PaymentSession.State.CLOSED)

    assert early.state == PaymentSession.State.EXPIRED


def test_c3_a_transition_that_is_rolled_back_sends_no_message(
    session: PaymentSession,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("django_redpin.services.queue.enqueue", lambda *args: sent.append(args))

    with django_capture_on_commit_callbacks(execute=True):
        with transaction.atomic():
            move_state(session, PaymentSession.State.EXPIRED)
            transaction.set_rollback(True)
        move_state(PaymentSession.objects.get(pk=session.pk), PaymentSession.State.EXPIRED)
        assert sent == []

    assert len(sent) == 1


@pytest.mark.parametrize("is_first", [True, False])
def test_c5_a_worker_that_read_the_session_before_another_moved_it_does_not_overwrite_it(
    session: PaymentSession,
    redpin: FakeRedpin,
    settle: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    is_first: bool,
) -> None:
    redpin.pay(session.client_reference_id, "FX_COMPLETED")
    if not is_first:  # The payment's id is known by then, and tells the two apart no more.
        PaymentSession.objects.update(payment_id="9001")
    slow = post(session, event_body(session, "RECEIVED_FUNDS"))
    fast = post(session, event_body(session, "FX_COMPLETED", seconds=5))
    overtake(monkeypatch, lambda: process_event(fast.pk))
    process_event(slow.pk)

    session.refresh_from_db()
    slow.refresh_from_db()
    assert session.payment_status == "FX_COMPLETED"
    assert statuses(session) == ["FX_COMPLETED"]
    assert slow.outcome == Outcome.KNOWN


def test_a_payment_through_a_replaced_session_needs_review(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None], listener: Listener
) -> None:
    PaymentSession.objects.update(state=PaymentSession.State.SUPERSEDED)
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")

    post(session, event_body(session, "PAYMENT_COMPLETED"))
    settle()

    session.refresh_from_db()
    assert session.payment_status == "PAYMENT_COMPLETED"
    assert session.state == PaymentSession.State.SUPERSEDED
    assert "replaced" in session.review_reason
    assert "session_needs_review" in listener.names


def test_a_payment_id_that_another_session_has_needs_review(
    session: PaymentSession,
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    settle: Callable[[], None],
) -> None:
    other = create_payment_session(**arguments)
    for one in (session, other):
        redpin.pay(one.client_reference_id, "AWAITING_FUNDS", payment_id="9001")
        post(one, event_body(one, "AWAITING_FUNDS", event_id=one.client_reference_id))
        settle()

    session.refresh_from_db()
    other.refresh_from_db()
    assert (session.payment_id, other.payment_id) == ("9001", None)
    assert "another session" in other.review_reason


def test_c2_a_receiver_that_fails_is_told_again_with_the_same_transition(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None], listener: Listener
) -> None:
    settle()
    listener.heard.clear()
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    listener.is_broken = True
    post(session, event_body(session, "PAYMENT_COMPLETED"))
    settle()
    failed = StatusTransition.objects.get(subject="payment_status")
    assert failed.dispatched_at is None
    assert "RuntimeError" in failed.last_error
    assert failed.next_attempt_at is not None
    # Nothing of the merchant's can undo what is known.
    session.refresh_from_db()
    assert session.payment_status == "PAYMENT_COMPLETED"

    listener.is_broken = False
    StatusTransition.objects.filter(dispatched_at=None).update(
        next_attempt_at=datetime.now(timezone.utc)
    )
    settle()

    failed.refresh_from_db()
    assert failed.last_error == ""
    told = [kwargs["transition"].pk for name, kwargs in listener.heard if "completed" in name]
    assert told == [failed.pk, failed.pk]


def test_refresh_applies_what_redpin_says_where_no_webhook_came(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None], listener: Listener
) -> None:
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")

    refreshed = refresh_payment_session(session)
    settle()
    post(session, event_body(session, "PAYMENT_COMPLETED"))
    settle()

    assert refreshed.payment_status == "PAYMENT_COMPLETED"
    assert listener.names.count("payment_completed") == 1


def test_a_status_fetched_early_does_not_hide_the_event_that_follows(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None]
) -> None:
    # The fetch is stamped now; the next event is stamped (far) earlier by Redpin's clock.
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    refresh_payment_session(session)
    redpin.pay(session.client_reference_id, "RECEIVED_FUNDS")

    post(session, event_body(session, "RECEIVED_FUNDS"))
    settle()

    session.refresh_from_db()
    assert session.payment_status == "RECEIVED_FUNDS"


def test_c5_an_event_whose_session_is_always_being_changed_by_others_stays_due(
    session: PaymentSession, redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch
) -> None:
    redpin.pay(session.client_reference_id, "PROCESSING")
    event = post(session, event_body(session, "PROCESSING"))
    tries: list[int] = []

    def lose(*args: object) -> bool:
        tries.append(1)
        raise facts._Lost

    monkeypatch.setattr(facts, "_apply", lose)
    process_event(event.pk)

    event.refresh_from_db()
    assert len(tries) == 5
    assert "being changed by others" in event.last_error
    assert (event.processed_at, event.next_attempt_at is None) == (None, False)
    assert statuses(session) == []


def test_c10_an_event_that_another_worker_finished_in_this_very_moment_is_looked_at_anew(
    session: PaymentSession, redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch
) -> None:
    redpin.pay(session.client_reference_id, "PROCESSING")
    event = post(session, event_body(session, "PROCESSING"))
    move = facts._move_payouts

    def be_overtaken(*args: Any) -> bool:
        monkeypatch.setattr(facts, "_move_payouts", move)
        WebhookEvent.objects.update(processed_at=datetime.now(timezone.utc), outcome=Outcome.KNOWN)
        return move(*args)

    monkeypatch.setattr(facts, "_move_payouts", be_overtaken)

    # What was moved beside it is rolled back, here with the other worker's own.
    assert process_event(event.pk) == Outcome.APPLIED
    event.refresh_from_db()
    assert event.outcome == Outcome.APPLIED
    assert statuses(session) == ["PROCESSING"]


def test_a_payout_that_is_told_again_later_is_told_to_nobody(
    redpin: FakeRedpin, arguments: dict[str, Any], escrow: Recipient
) -> None:
    everything = [Share(escrow, arguments["amount"])]
    session = create_payment_session(**arguments | {"recipients": everything})
    redpin.pay(session.client_reference_id, "PAYOUT_CREDITED")
    posted = [
        post(session, event_body(session, "PAYOUT_CREDITED", seconds=at, recipient_id="501"))
        for at in (0, 60)
    ]

    outcomes = [process_event(event.pk) for event in posted]

    share = session.shares.all()[0]
    assert outcomes[0] == Outcome.APPLIED
    assert share.payout_status == "PAYOUT_CREDITED"
    assert "12:01:00" in share.payout_position  # What is older than the second is of the past.
    assert session.transitions.filter(subject="payout").count() == 1


@pytest.mark.parametrize("is_news", [True, False])
def test_an_event_whose_session_is_anonymised_meanwhile_keeps_no_payer(
    session: PaymentSession, redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch, is_news: bool
) -> None:
    redpin.pay(session.client_reference_id, "RECEIVED_FUNDS")
    event = post(session, event_body(session, "RECEIVED_FUNDS"))
    if not is_news:
        process_event(post(session, event_body(session, "RECEIVED_FUNDS", seconds=9)).pk)
    rows = PaymentSession.objects.filter(pk=session.pk)
    overtake(
        monkeypatch,
        lambda: rows.update(anonymised_at=django_timezone.now(), client_customer_ref="anonymous-1"),
    )

    assert process_event(event.pk) == (Outcome.APPLIED if is_news else Outcome.KNOWN)

    event.refresh_from_db()
    assert (bytes(event.body), event.client_customer_ref) == (b"", "anonymous-1")


def test_ids_that_were_told_meanwhile_are_not_overwritten(
    session: PaymentSession, redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = PaymentSession.objects.filter(pk=session.pk)
    redpin.pay(session.client_reference_id, "RECEIVED_FUNDS")
    event = post(session, event_body(session, "RECEIVED_FUNDS"))
    rows.update(session_id=None)
    overtake(monkeypatch, lambda: rows.update(session_id="s-told-by-the-answer", payment_id="p-1"))

    assert process_event(event.pk) == Outcome.APPLIED

    assert rows.values_list("session_id", "payment_id").get() == ("s-told-by-the-answer", "p-1")
