"""Deciding what happens next, by the page and by the API: one set of tests for both doors."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from django_redpin.sandbox import controls, flows
from django_redpin.sandbox.callback_faults import announce
from django_redpin.sandbox.courier import deliver_due
from django_redpin.sandbox.flows import advance
from django_redpin.sandbox.models import Fact, Session

from .browser import Browser
from .conftest import OPTIONS, Program, Receiver, amount, body_of, in_days
from .doors import Api, Door, Page, happened, state, statuses

STEP = timedelta(seconds=10)
SHARES = [
    {"recipient_id": "111", "amount": amount(Decimal("240000.50"))},
    {"recipient_id": "222", "amount": amount(Decimal("9999.50"))},
]


@pytest.fixture(params=[Api, Page])
def door(request: pytest.FixtureRequest) -> Door:
    made: Door = request.param()
    return made


@pytest.fixture
def session(program: Program, receiver: Receiver) -> Session:
    return program.session(recipient_details=SHARES, callbacks=[f"{receiver.url}/hook"])


def posted(receiver: Receiver) -> list[tuple[str, Any]]:
    deliver_due()
    return [(body["status"], body["data"]) for _path, body in receiver.posted]


@pytest.mark.heavy
def test_the_list_call_tells_what_has_happened_and_no_more(
    door: Door, program: Program, session: Session
) -> None:
    """A webhook is believed only when the list call confirms it: they must never differ."""

    def listed() -> tuple[bool, str | None]:
        (record,) = body_of(program.list(session_id=str(session.session_id)))["sessions"]
        return record["has_payment"], record["latest_status"]

    assert listed() == (False, None)
    door.do(session, "pay", currency="GBP")
    assert listed() == (True, "AWAITING_FUNDS")
    door.do(session, "forge", status="PAYMENT_COMPLETED")
    assert listed() == (True, "AWAITING_FUNDS")
    for control, given in (
        ("next", {}),
        ("status", {"status": "PAYOUT_CREDITED", "recipient_id": "111"}),
        ("status", {"status": "ON_HOLD"}),
        ("status", {"status": "BOUNCED_BACK", "recipient_id": "222"}),
        ("expire", {}),
        ("status", {"status": "REFUNDED"}),
    ):
        door.do(session, control, **given)
        assert listed() == (True, statuses(session)[-1])


@pytest.mark.parametrize(("currency", "first"), [("AED", "PROCESSING"), ("GBP", "AWAITING_FUNDS")])
def test_a_payment_begins_without_the_hosted_page(
    door: Door, session: Session, receiver: Receiver, currency: str, first: str
) -> None:
    door.do(session, "pay", currency=currency)
    assert statuses(session) == [first]
    assert posted(receiver) == [(first, {})]
    assert state(session)["payment"]["sell_amount"]["currency"] == currency


def test_a_paused_payment_waits_and_goes_on_a_step_after_another(
    door: Door, session: Session
) -> None:
    door.do(session, "pay", currency="AED")
    door.do(session, "pause")
    assert state(session)["paused"] is True
    assert advance(timezone.now() + timedelta(days=1)) == 0

    door.do(session, "resume")

    assert state(session)["paused"] is False
    now = timezone.now()
    assert advance(now) == 0
    assert advance(now + STEP) == 1
    assert advance(now + 2 * STEP) == 1
    assert advance(now + timedelta(days=1)) == 3


def test_a_pause_stops_what_is_being_caught_up_with(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    Api().do(session, "pay")

    def announce_and_pause(fact: Fact) -> None:
        announce(fact)
        Session.objects.update(paused=True)

    monkeypatch.setattr(flows, "announce", announce_and_pause)
    assert advance(timezone.now() + timedelta(days=1)) == 1
    assert statuses(session) == ["PROCESSING", "PAYOUT_INITIATED"]


def test_with_manual_every_payment_starts_paused(program: Program, settings: Settings) -> None:
    settings.REDPIN_SANDBOX = {**OPTIONS, "MANUAL": True}
    session = program.session()
    browser = Browser(session)
    browser.enter()
    browser.pay()
    assert advance(timezone.now() + timedelta(days=1)) == 0
    assert statuses(session) == ["PROCESSING"]
    assert f"/sessions/{session.key}/control/" in browser.html


def test_the_next_status_comes_now_and_nothing_by_itself_after_it(
    door: Door, session: Session, receiver: Receiver
) -> None:
    door.do(session, "pay", currency="GBP")
    door.do(session, "next")
    assert [status for status, _data in posted(receiver)] == ["AWAITING_FUNDS", "RECEIVED_FUNDS"]
    sell = state(session)["payment"]["sell_amount"]
    assert receiver.posted[-1][1]["data"] == {"amount": sell}
    assert state(session)["paused"] is True
    assert advance(timezone.now() + timedelta(days=1)) == 0


def test_the_whole_flow_comes_at_once(door: Door, session: Session, receiver: Receiver) -> None:
    door.do(session, "pay", currency="AED")
    door.do(session, "finish")
    assert posted(receiver)[-1] == ("PAYMENT_COMPLETED", {})
    assert happened(session) == [
        ("PROCESSING", None),
        ("PAYOUT_INITIATED", "111"),
        ("PAYOUT_INITIATED", "222"),
        ("PAYOUT_CREDITED", "111"),
        ("PAYOUT_CREDITED", "222"),
        ("PAYMENT_COMPLETED", None),
    ]


def test_recipients_are_paid_one_by_one(door: Door, session: Session) -> None:
    door.do(session, "pay", currency="AED")
    for recipient in ("222", "111"):
        door.do(session, "status", status="PAYOUT_INITIATED", recipient_id=recipient)
        door.do(session, "status", status="PAYOUT_CREDITED", recipient_id=recipient)
    door.do(session, "next")
    assert happened(session)[1:] == [
        ("PAYOUT_INITIATED", "222"),
        ("PAYOUT_CREDITED", "222"),
        ("PAYOUT_INITIATED", "111"),
        ("PAYOUT_CREDITED", "111"),
        ("PAYMENT_COMPLETED", None),
    ]


def test_a_status_that_is_skipped_to_leaves_out_what_leads_there(
    door: Door, session: Session
) -> None:
    door.do(session, "pay", currency="GBP")
    door.do(session, "status", status="PAYOUT_CREDITED", recipient_id="111")
    assert statuses(session) == ["AWAITING_FUNDS", "PAYOUT_CREDITED"]
    door.do(session, "finish")
    assert happened(session)[2:] == [
        ("PAYOUT_INITIATED", "222"),
        ("PAYOUT_CREDITED", "222"),
        ("PAYMENT_COMPLETED", None),
    ]


def test_one_recipient_bounces_and_the_other_is_paid(
    door: Door, session: Session, receiver: Receiver
) -> None:
    door.do(session, "pay", currency="AED")
    door.do(session, "status", status="PAYOUT_INITIATED", recipient_id="111")
    door.do(session, "status", status="BOUNCED_BACK", recipient_id="111", reason="No such account")
    assert posted(receiver)[-1] == (
        "BOUNCED_BACK",
        {
            "recipient_id": "111",
            "amount": amount(Decimal("240000.50")),
            "bounce_reason": "No such account",
        },
    )
    door.do(session, "finish")
    assert happened(session)[-2:] == [("PAYOUT_INITIATED", "222"), ("PAYOUT_CREDITED", "222")]


def test_a_refund_says_how_much_and_ends_the_payment(
    door: Door, session: Session, receiver: Receiver
) -> None:
    door.do(session, "pay", currency="GBP")
    door.do(session, "status", status="REFUNDED", refund_amount="12.50")
    refund = {"refund_amount": {"currency": "GBP", "value": Decimal("12.50")}}
    assert posted(receiver)[-1] == ("REFUNDED", refund)
    door.do(session, "resume")
    assert advance(timezone.now() + timedelta(days=1)) == 0


def test_a_refund_is_of_all_that_was_paid_if_nobody_says_otherwise(
    door: Door, session: Session, receiver: Receiver
) -> None:
    door.do(session, "pay", currency="AED")
    door.do(session, "status", status="REFUNDED")
    refund = {"refund_amount": amount(Decimal("250000.00"))}
    assert posted(receiver)[-1] == ("REFUNDED", refund)


def test_a_cancellation_says_why(door: Door, session: Session, receiver: Receiver) -> None:
    door.do(session, "pay", currency="AED")
    door.do(session, "status", status="CANCELLED", reason="Compliance")
    assert posted(receiver)[-1] == ("CANCELLED", {"reason_description": "Compliance"})
    assert statuses(session)[-1] == "CANCELLED"


def test_an_undocumented_step_and_an_unknown_status_are_played_too(
    door: Door, session: Session, receiver: Receiver
) -> None:
    door.do(session, "pay", currency="AED")
    door.do(session, "status", status="PAYMENT_COMPLETED")
    door.do(session, "status", status="ON_HOLD")
    door.do(session, "status", status="PROCESSING")
    assert statuses(session) == ["PROCESSING", "PAYMENT_COMPLETED", "ON_HOLD", "PROCESSING"]
    assert len({body["event_id"] for _path, body in receiver.posted}) == len(receiver.posted)
    assert [status for status, _data in posted(receiver)] == statuses(session)


def test_a_session_ends_now_and_lives_again(door: Door, session: Session) -> None:
    door.do(session, "expire")
    assert state(session)["expired"] is True
    assert Browser(session).status == 410
    door.do(session, "extend", minutes="90")
    assert state(session)["expired"] is False
    session.refresh_from_db()
    assert timedelta(minutes=89) < session.expires_at - timezone.now() < timedelta(minutes=91)
    assert Browser(session).status == 200


@pytest.mark.parametrize("status", ["BOUNCED_BACK", "REFUNDED"])
def test_the_hosted_page_tells_of_money_that_came_back(program: Program, status: str) -> None:
    session = program.session(allowed_origins=["https://merchant.example"])
    Api().do(session, "pay")
    Api().do(session, "status", status=status)
    assert Browser(session).title in (
        "Payment refunded",
        "Payout sent back by the recipient&#x27;s bank",
    )


@pytest.mark.django_db(transaction=True)
def test_hands_side_by_side_make_each_status_come_once(
    program: Program, receiver: Receiver
) -> None:
    session = program.session(recipient_details=SHARES, callbacks=[f"{receiver.url}/hook"])
    Api().do(session, "pay")
    answers: list[int] = []

    def work() -> None:
        try:
            answers.append(Api().ask(session, "next").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # Whoever is refused is told so, and changed nothing.
    assert set(answers) <= {200, 409}
    done = happened(session)
    assert len(done) == 1 + answers.count(200)
    assert len(set(done)) == len(done)
    posted(receiver)
    assert len({body["event_id"] for _path, body in receiver.posted}) == len(done)
    assert len(receiver.posted) == len(done)


def test_a_new_session_is_due_in_time(program: Program) -> None:
    """The tests here count on the defaults of a session."""
    assert state(program.session(due_date=in_days(5)))["paused"] is False


def test_a_payment_that_moves_once_meanwhile_is_resumed_at_the_second_try(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Api()
    api.do(session, "pay", currency="AED")
    api.do(session, "pause")
    real, answers = flows.go_on, [False]
    monkeypatch.setattr(
        controls, "go_on", lambda *given: answers.pop() if answers else real(*given)
    )

    api.do(session, "resume")

    assert answers == []
    assert state(session)["paused"] is False


@pytest.mark.parametrize(("control", "step"), [("resume", "go_on"), ("next", "move")])
def test_of_a_payment_that_never_stands_still_a_person_is_told_to_look(
    session: Session, monkeypatch: pytest.MonkeyPatch, control: str, step: str
) -> None:
    api = Api()
    api.do(session, "pay", currency="AED")
    api.do(session, "pause")
    before = state(session)
    monkeypatch.setattr(controls, step, lambda *given: False)

    refused = api.ask(session, control)

    assert refused.status_code == 409
    assert "The payment moved meanwhile" in body_of(refused)["error"]
    assert state(session) == before
