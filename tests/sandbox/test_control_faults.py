"""Faults of callbacks, each set by both doors and seen by a receiver that is a real server."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from django_redpin.sandbox import courier
from django_redpin.sandbox.callback_faults import KINDS
from django_redpin.sandbox.courier import Courier, deliver_due
from django_redpin.sandbox.models import CallbackFault, Delivery, Session

from .conftest import Program, Receiver, amount, body_of
from .doors import Api, Door, Page, state
from .test_courier import wait_for

IDENTIFIERS = {
    "payment_id",
    "status",
    "customer_id",
    "client_customer_ref",
    "client_reference_id",
    "session_id",
}


@pytest.fixture(params=[Api, Page])
def door(request: pytest.FixtureRequest) -> Door:
    made: Door = request.param()
    return made


@pytest.fixture
def session(program: Program, receiver: Receiver) -> Session:
    return program.session(callbacks=[f"{receiver.url}/hook/a-secret-token?and=query"])


def deliveries(session: Session) -> list[tuple[str, str]]:
    return [(row["status"], row["state"]) for row in state(session)["deliveries"]]


def test_a_duplicate_is_the_same_event_several_times(
    door: Door, session: Session, receiver: Receiver
) -> None:
    door.do(session, "callback-fault", kind="duplicate", value=3)
    Api().do(session, "pay")
    Api().do(session, "next")
    deliver_due()
    assert receiver.statuses == ["PROCESSING"] * 3 + ["PAYOUT_INITIATED"]
    assert len({body["event_id"] for _path, body in receiver.posted}) == 2


@pytest.mark.django_db(transaction=True)
def test_duplicates_go_out_side_by_side(program: Program, receiver: Receiver) -> None:
    session = program.session(callbacks=[f"{receiver.url}/hook"])
    all_here = threading.Barrier(3)
    receiver.on_post = lambda path, body: void(all_here.wait(10))
    Api().do(session, "callback-fault", kind="duplicate", value=3)
    Api().do(session, "pay")
    background = Courier()
    background.start()
    try:
        wait_for(lambda: Delivery.objects.filter(delivered=True).count() == 3)
    finally:
        background.stop()
    assert not all_here.broken


def void(value: object) -> None:
    """Take what nobody wants."""


def test_a_held_callback_waits_until_a_later_one_is_posted(
    door: Door, session: Session, receiver: Receiver
) -> None:
    door.do(session, "callback-fault", kind="reorder")
    Api().do(session, "pay")
    Api().do(session, "pause")
    deliver_due(timezone.now() + timedelta(days=1))
    assert receiver.statuses == []
    assert deliveries(session) == [("PROCESSING", "held")]
    Api().do(session, "next")
    deliver_due()
    assert receiver.statuses == ["PAYOUT_INITIATED", "PROCESSING"]


def test_two_held_callbacks_come_in_their_order_after_the_third(
    session: Session, receiver: Receiver
) -> None:
    Api().do(session, "callback-fault", kind="reorder", events=2)
    Api().do(session, "pay")
    Api().do(session, "finish")
    deliver_due()
    assert receiver.statuses == [
        "PAYOUT_CREDITED",
        "PROCESSING",
        "PAYOUT_INITIATED",
        "PAYMENT_COMPLETED",
    ]


def test_a_delayed_callback_is_overtaken(door: Door, session: Session, receiver: Receiver) -> None:
    door.do(session, "callback-fault", kind="delay", value="30")
    Api().do(session, "pay")
    Api().do(session, "next")
    now = timezone.now()
    deliver_due(now)
    assert receiver.statuses == ["PAYOUT_INITIATED"]
    deliver_due(now + timedelta(seconds=31))
    assert receiver.statuses == ["PAYOUT_INITIATED", "PROCESSING"]


def test_a_dropped_callback_never_comes_unless_it_is_posted_again(
    door: Door, session: Session, receiver: Receiver
) -> None:
    door.do(session, "callback-fault", kind="drop")
    Api().do(session, "pay")
    Api().do(session, "next")
    deliver_due(timezone.now() + timedelta(days=1))
    assert receiver.statuses == ["PAYOUT_INITIATED"]
    assert deliveries(session)[0] == ("PROCESSING", "dropped")

    (first, *_rest) = state(session)["facts"]
    Api().do(session, "post-again", event_id=first["event_id"])
    deliver_due()
    assert receiver.posted[-1][1]["event_id"] == first["event_id"]


def test_a_body_that_breaks_off_is_no_json_at_any_try(
    door: Door, session: Session, receiver: Receiver
) -> None:
    receiver.answers["/hook/a-secret-token?and=query"] = [400]
    door.do(session, "callback-fault", kind="broken_json")
    Api().do(session, "pay")
    now = timezone.now()
    deliver_due(now)
    deliver_due(now + timedelta(seconds=2))
    assert [body for _path, body in receiver.posted] == [None, None]
    assert receiver.raw[0] == receiver.raw[1]
    assert receiver.raw[0][1].startswith(b'{"event_id"')


def test_a_body_can_be_declared_as_something_else(
    door: Door, session: Session, receiver: Receiver
) -> None:
    door.do(session, "callback-fault", kind="wrong_content_type")
    Api().do(session, "pay")
    Api().do(session, "next")
    deliver_due()
    assert [declared for declared, _body in receiver.raw] == ["text/plain", "application/json"]
    assert receiver.statuses == ["PROCESSING", "PAYOUT_INITIATED"]


def test_a_field_can_be_missing(door: Door, session: Session, receiver: Receiver) -> None:
    door.do(session, "callback-fault", kind="missing_field", value="event_id")
    door.do(session, "callback-fault", kind="missing_field", value="data")
    Api().do(session, "pay")
    deliver_due()
    assert set(receiver.posted[0][1]) == IDENTIFIERS | {"event_timestamp"}


def test_an_envelope_can_be_nested(door: Door, session: Session, receiver: Receiver) -> None:
    door.do(session, "callback-fault", kind="nested", events=2)
    door.do(session, "callback-fault", kind="missing_field", value="session_id")
    Api().do(session, "pay")
    Api().do(session, "next")
    Api().do(session, "next")
    deliver_due()
    without, whole, flat = (body for _path, body in receiver.posted)
    assert set(without["data"]) == IDENTIFIERS - {"session_id"}
    assert set(whole) == {"event_id", "event_type", "version", "event_timestamp", "data"}
    assert (whole["event_type"], whole["version"]) == ("PAYMENT STATUS", "v1.0.0")
    assert set(whole["data"]) == IDENTIFIERS | {"recipient_id", "amount"}
    assert flat["status"] == "PAYOUT_CREDITED"


def test_one_session_can_be_flat_while_all_others_are_nested(
    door: Door, program: Program, receiver: Receiver
) -> None:
    door.do(None, "callback-fault", kind="nested", events=10)
    one, other = (program.session(callbacks=[f"{receiver.url}/hook"]) for _ in range(2))
    door.do(one, "callback-fault", kind="flat")
    Api().do(one, "pay")
    Api().do(other, "pay")
    deliver_due()
    flat, nested = (body for _path, body in receiver.posted)
    assert flat["status"] == nested["data"]["status"] == "PROCESSING"
    assert CallbackFault.objects.get().events_left == 8


def test_amount_and_currency_can_be_others(
    door: Door, session: Session, receiver: Receiver
) -> None:
    door.do(session, "callback-fault", kind="amount", value="1.00", events=2)
    door.do(session, "callback-fault", kind="currency", value="EUR")
    Api().do(session, "pay")
    Api().do(session, "next")
    Api().do(session, "next")
    deliver_due()
    data = [body["data"] for _path, body in receiver.posted]
    assert data[0] == {"amount": {"currency": "EUR", "value": Decimal("1.00")}}
    assert data[1]["amount"] == amount(Decimal("1.00"))
    assert data[2]["amount"] == amount(Decimal("250000.00"))


def test_a_forged_event_is_perfect_in_form_and_not_confirmed(
    door: Door, program: Program, session: Session, receiver: Receiver
) -> None:
    door.do(session, "forge", status="PAYMENT_COMPLETED")
    Api().do(session, "pay")
    deliver_due()
    forged, true = sorted((body for _path, body in receiver.posted), key=lambda b: b["status"])
    assert forged.keys() == true.keys()
    assert forged["status"] == "PAYMENT_COMPLETED"
    assert forged["session_id"] == true["session_id"]
    (record,) = body_of(program.list(session_id=str(session.session_id)))["sessions"]
    assert record["latest_status"] == "PROCESSING"
    assert [row["forged"] for row in state(session)["deliveries"]] == [True, False]


def test_all_past_events_are_posted_again(door: Door, session: Session, receiver: Receiver) -> None:
    Api().do(session, "pay")
    Api().do(session, "next")
    deliver_due()
    door.do(session, "post-again")
    deliver_due()
    assert receiver.statuses == ["PROCESSING", "PAYOUT_INITIATED"] * 2
    assert receiver.raw[:2] == receiver.raw[2:]


def test_one_past_event_is_posted_again_from_its_row(session: Session, receiver: Receiver) -> None:
    Api().do(session, "pay")
    Api().do(session, "next")
    deliver_due()
    # Each row of the page has a form of its own.
    Page().do(session, "post-again-1")
    deliver_due()
    assert receiver.statuses == ["PROCESSING", "PAYOUT_INITIATED", "PAYOUT_INITIATED"]


def test_faults_can_be_forgotten(door: Door, session: Session, receiver: Receiver) -> None:
    door.do(session, "callback-fault", kind="drop", events=5)
    door.do(None, "callback-fault", kind="drop", events=5)
    assert [fault["events"] for fault in state(session)["callback_faults"]] == [5]
    door.do(session, "clear-callback-faults")
    door.do(None, "clear-callback-faults")
    assert not CallbackFault.objects.exists()
    Api().do(session, "pay")
    deliver_due()
    assert receiver.statuses == ["PROCESSING"]


@pytest.mark.parametrize(("value", "status"), [("", "PROCESSING"), ("GBP", "AWAITING_FUNDS")])
def test_a23_the_first_callback_is_posted_before_the_create_call_is_answered(
    door: Door, program: Program, receiver: Receiver, value: str, status: str
) -> None:
    door.do(None, "callback-fault", kind="before_answer", value=value)
    answered: list[bool] = []
    seen: list[bool] = []
    receiver.on_post = lambda path, body: seen.append(bool(answered))

    session = program.session(callbacks=[f"{receiver.url}/hook"])
    answered.append(True)

    assert (receiver.statuses, seen) == ([status], [False])
    assert receiver.posted[0][1]["session_id"] == str(session.session_id)
    # The one after it is a session like any other.
    program.session(callbacks=[f"{receiver.url}/hook"])
    deliver_due()
    assert receiver.statuses == [status]


@pytest.mark.django_db(transaction=True)
def test_a23_the_answer_waits_for_a_callback_that_another_courier_has_in_hand(
    program: Program, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    Api().do(None, "callback-fault", kind="before_answer")
    order: list[str] = []
    receiver.on_post = lambda path, body: order.append("posted")
    claim = courier._claim

    def another_is_faster(now: Any, session: Session | None = None) -> Delivery | None:
        if session is None:
            return claim(now)
        found = claim(now)
        if found is not None:
            threading.Thread(target=carry, args=(found,)).start()
        return None

    def carry(delivery: Delivery) -> None:
        try:
            courier._post(delivery, None)
        finally:
            connection.close()

    monkeypatch.setattr(courier, "_claim", another_is_faster)
    program.session(callbacks=[f"{receiver.url}/hook"])
    order.append("answered")
    assert order == ["posted", "answered"]


def test_what_is_shown_of_a_callback_is_where_it_goes_without_its_secret(
    session: Session, receiver: Receiver
) -> None:
    receiver.answers["/hook/a-secret-token?and=query"] = [500]
    Api().do(session, "pay")
    deliver_due()
    page = Page().ask(session, "pause").client.get(f"/sessions/{session.key}/control/")
    host = receiver.url.removeprefix("http://")
    (row,) = state(session)["deliveries"]
    assert (row["to"], row["state"], row["tries"]) == (f"{host}/hook/…", "retrying", 1)
    assert row["answer"] == "HTTP 500"
    for text in (page.content.decode(), str(state(session))):
        assert f"{host}/hook/…" in text
        assert "a-secret-token" not in text
        assert "query" not in text.replace("…", "")
    assert session.key not in str(state(session))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("duplicate", "1"),
        ("duplicate", "many"),
        ("delay", "-1"),
        ("delay", "nan"),
        ("delay", "1e9"),
        ("missing_field", "everything"),
        ("amount", "a lot"),
        ("amount", "1e999999"),
        ("currency", "euro"),
        ("drop", "5"),
    ],
)
def test_a_value_that_suits_no_fault_is_refused(
    door: Door, session: Session, kind: str, value: str
) -> None:
    response = door.ask(session, "callback-fault", kind=kind, value=value)
    assert response.status_code in (400, 422)
    assert "must be" in response.content.decode()
    assert not CallbackFault.objects.exists()


def test_every_kind_says_what_it_does() -> None:
    assert all(str(kind.label) and str(kind.does) for kind in KINDS.values())
