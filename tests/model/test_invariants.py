"""Each invariant of the model once, on one plain scenario against the real app."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test import Client

from django_redpin.exceptions import PaymentUnderWay, RedpinError
from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from django_redpin.rules.statuses import RANKS
from django_redpin.services import (
    create_payment_session,
    refresh_payment_session,
    renew_payment_session,
)
from django_redpin.services.sweeps import sweep

from .invariants import EDGES, Invariants
from .orders import order
from .provider import PAGE, Event
from .world import Strike, World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def session(world: World, payees: list[Recipient]) -> PaymentSession:
    return create_payment_session(**order(payees[:2]))


def test_the_diagram_that_the_invariants_have_of_their_own_leaves_out_no_status() -> None:
    assert set().union(*EDGES.values()) == set(RANKS)


def pay(world: World, session: PaymentSession, *, until: str = "PAYMENT_COMPLETED") -> list[Event]:
    """Let the session be paid as far as that, and return the events."""
    reference = session.client_reference_id
    world.provider.pay(reference, is_fx=True)
    payment = world.provider.sessions[reference].payment
    assert payment is not None
    while payment.status != until:
        world.provider.take(reference, payment.steps()[0])
    return payment.events


def tell(world: World, events: list[Event]) -> None:
    """Post the events, and let the workers do what there is to do."""
    for event in events:
        assert world.post(event.reference, event.body()) == 200
    work(world)


def work(world: World) -> None:
    while world.messages:
        world.work(world.messages.pop(0))


def forged(session: PaymentSession, status: str, payment_id: str = "9000") -> Event:
    return Event(
        reference=session.client_reference_id,
        session_id=session.session_id or "",
        customer_id=session.customer_id,
        client_customer_ref=session.client_customer_ref,
        event_id="forged",
        payment_id=payment_id,
        status=status,
        at=session.created_at + timedelta(days=1),
    )


def test_i1_every_2xx_has_a_durable_row(world: World, session: PaymentSession) -> None:
    """Whatever statement or commit the process dies at, or the connection is cut at."""
    body = pay(world, session, until="AWAITING_FUNDS")[0].body()
    reference = session.client_reference_id
    answers = set()
    for kind in ("crash", "crash_after", "error", "lost"):
        for at in range(1, 8):
            WebhookEvent.objects.all().delete()
            answer = world.post(reference, body, Strike(kind, at))
            connection.close()  # What only this connection saw is gone with it.
            assert answer != 200 or WebhookEvent.objects.count() == 1, (kind, at)
            answers.add(answer)

    assert answers == {0, 200, 503}


def test_i2_rows_never_vanish(world: World, session: PaymentSession) -> None:
    tell(world, pay(world, session))
    kept = {
        model: set(model._default_manager.values_list("pk", flat=True))
        for model in (PaymentSession, WebhookEvent, StatusTransition)
    }

    for hours in (1, 25, 24 * 100):
        world.pass_time(hours * 3600)
        sweep()

    for model, keys in kept.items():
        assert keys <= set(model._default_manager.values_list("pk", flat=True))
    with pytest.raises(Exception, match="protected"):
        session.delete()


def test_i3_a_status_is_reached_by_the_graph_or_by_a_fetch(
    world: World, session: PaymentSession
) -> None:
    events = pay(world, session)
    tell(world, events)
    # Redpin goes where no diagram leads: only its own list can tell.
    world.provider.take(session.client_reference_id, ("REFUNDED", ""))
    world.provider.told.clear()

    refresh_payment_session(session)

    moves = session.transitions.filter(subject="payment_status").order_by("pk")
    told = list(moves.values_list("to_value", flat=True))
    assert told[-2:] == ["PAYMENT_COMPLETED", "REFUNDED"]
    assert (session.client_reference_id, "REFUNDED") in world.provider.told


@pytest.mark.parametrize("status", ["AWAITING_FUNDS", "PAYOUT_CREDITED", "CANCELLED", "REFUNDED"])
def test_i4_a_final_state_is_not_left(world: World, session: PaymentSession, status: str) -> None:
    tell(world, pay(world, session))

    tell(world, [forged(session, status)])
    world.pass_time(3 * 3600)
    sweep()

    session.refresh_from_db()
    assert (session.state, session.payment_status) == ("closed", "PAYMENT_COMPLETED")


def test_i5_a_reference_has_one_live_session(
    world: World, payees: list[Recipient], session: PaymentSession
) -> None:
    with pytest.raises(PaymentUnderWay):
        renew_payment_session(session)
    assert create_payment_session(**order(payees[:2])) == session
    with pytest.raises(IntegrityError):
        PaymentSession.objects.create(
            client_reference_id=session.client_reference_id,
            amount=1,
            due_date=session.due_date,
        )
    world.pass_time(3600)
    renewal = renew_payment_session(session)
    assert renew_payment_session(session) == renewal

    live = PaymentSession.objects.filter(state__in=["creating", "unknown", "open"])
    assert live.get() == renewal
    assert len(world.provider.sessions) == 2


def test_i6_completed_is_what_redpin_says_of_this_payment(
    world: World, payees: list[Recipient], session: PaymentSession
) -> None:
    other = create_payment_session(**order(payees[:2], 1))
    tell(world, [forged(session, "PAYMENT_COMPLETED")])
    pay(world, session, until="PAYOUT_CREDITED")
    tell(world, [forged(session, "PAYMENT_COMPLETED")])
    (*_, completed) = pay(world, other)
    # Another payment's completion, word for word, at this session's address.
    world.post(session.client_reference_id, completed.body())
    work(world)
    assert not StatusTransition.objects.filter(to_value="PAYMENT_COMPLETED").exists()
    assert all(name != "payment_completed" for name, *_ in world.heard)

    tell(world, [completed])

    other.refresh_from_db()
    theirs = world.provider.sessions[other.client_reference_id]
    assert theirs.payment is not None
    assert (other.payment_status, other.payment_id) == (
        theirs.payment.status,
        theirs.payment.payment_id,
    )
    assert other.money.amount == theirs.request["amount"]["value"]
    assert other.currency == theirs.request["amount"]["currency"]


def test_i7_the_journal_explains_the_state(world: World, session: PaymentSession) -> None:
    laws = Invariants(world)
    for event in pay(world, session):
        tell(world, [event])
        laws.hold()  # Folds the journal, and compares what was written with what it was.

    lines = session.transitions.order_by("pk").values_list("subject", "from_value", "to_value")
    assert [line for line in lines if line[0] == "payment_status"] == [
        ("payment_status", "", "AWAITING_FUNDS"),
        ("payment_status", "AWAITING_FUNDS", "RECEIVED_FUNDS"),
        ("payment_status", "RECEIVED_FUNDS", "FX_COMPLETED"),
        ("payment_status", "FX_COMPLETED", "PAYOUT_INITIATED"),
        ("payment_status", "PAYOUT_INITIATED", "PAYOUT_CREDITED"),
        ("payment_status", "PAYOUT_CREDITED", "PAYMENT_COMPLETED"),
    ]
    assert [line[1:] for line in lines if line[0] == "state"] == [
        ("creating", "open"),
        ("open", "closed"),
    ]
    assert len([line for line in lines if line[0] == "payout"]) == 4


@pytest.mark.parametrize(
    "spoilt", [{"session_id": "another"}, {"customer_id": "666"}], ids=["session", "customer"]
)
def test_a18_a_spoilt_copy_that_comes_first_does_not_take_the_events_place(
    world: World, session: PaymentSession, spoilt: dict[str, Any]
) -> None:
    """Found by the state machine, which let a byte flip on the way; a forger can do the same."""
    event = pay(world, session, until="PAYOUT_CREDITED")[-1]

    tell(world, [replace(event, **spoilt)])
    tell(world, [event])
    for _ in range(14):
        world.pass_time(61 * 60)
        sweep()

    share = session.shares.get(recipient__recipient_id=event.recipient_id)
    assert share.payout_status == "PAYOUT_CREDITED"


def test_i7_the_journal_explains_a_review_that_overtakes_another(
    world: World, session: PaymentSession
) -> None:
    def meanwhile() -> None:
        world.provider.before_answer = lambda: None
        refresh_payment_session(PaymentSession.objects.get())

    event = pay(world, session, until="AWAITING_FUNDS")[0]
    world.provider.faults = ["another payer", "another session"]
    world.provider.before_answer = meanwhile
    tell(world, [event])

    lines = list(session.transitions.filter(subject="review").order_by("pk"))
    assert len(lines) == 2
    assert lines[1].from_value == lines[0].to_value


@pytest.mark.heavy
def test_i8_a_transition_has_one_row_however_often_it_is_worked_on(
    world: World, session: PaymentSession
) -> None:
    event = pay(world, session, until="AWAITING_FUNDS")[0]
    for at in range(1, 16, 2):  # The worker dies at one operation after the other.
        assert world.post(event.reference, event.body()) == 200
        world.pass_time(301)
        for message in [*world.messages, *world.messages]:
            world.work(message, Strike("crash", at))
            world.pass_time(301)
    world.messages.clear()
    sweep()

    assert WebhookEvent.objects.get().duplicates == 7
    moved = StatusTransition.objects.get(subject="payment_status")
    assert (moved.from_value, moved.to_value) == ("", "AWAITING_FUNDS")
    told = {pk for name, pk, *_ in world.heard if name == "payment_status_changed"}
    assert told == {moved.pk}


@pytest.mark.slow
@pytest.mark.parametrize("late", [0, 1])
def test_c5_a_worker_that_is_overtaken_anywhere_moves_nothing_back(
    world: World, payees: list[Recipient], late: int
) -> None:
    for at in range(1, 20, 2):
        world.begin()
        session = create_payment_session(**order(payees[:2]))
        events = pay(world, session, until="FX_COMPLETED")
        for event in events:
            world.post(event.reference, event.body())
        mine = world.messages.pop(1 + late)  # The first one tells that the session was created.

        world.work(mine, Strike("overtake", at, lambda: work(world)))
        work(world)

        session.refresh_from_db()
        assert session.payment_status == "FX_COMPLETED", at
        Invariants(world).hold()


@pytest.mark.heavy
def test_i9_no_secret_is_in_a_log_a_row_or_a_message(
    world: World, payees: list[Recipient], session: PaymentSession
) -> None:
    tell(world, pay(world, session))
    for number, fault in enumerate(("timeout", "garbage", "503", "400", "lost"), 1):
        world.provider.faults = [fault, fault]
        with suppress(RedpinError):
            create_payment_session(**order(payees[:1], number))
    world.receivers_fail = True
    create_payment_session(**order(payees[:1], 9))
    sweep()
    Client().post("/redpin/webhooks/default/ORDER-9/wrong/", b"{}", "application/json")

    laws = Invariants(world)
    laws.hold()
    assert world.leaks == []
    # The canaries are alive: the one place that may hold one does.
    assert PaymentSession.objects.filter(state="open", session_url__startswith=PAGE).exists()


@pytest.mark.heavy
def test_i10_in_the_end_local_state_is_redpins(
    world: World, payees: list[Recipient], session: PaymentSession
) -> None:
    """With every webhook of the payments lost, and a worse day besides."""
    unpaid = create_payment_session(**order(payees[:1], 1))
    lost = create_payment_session(**order(payees[:1], 2))
    world.broker_is_up = False
    pay(world, session)
    pay(world, lost, until="FX_COMPLETED")
    tell(world, [forged(session, "CANCELLED")])
    world.provider.faults = ["timeout", "503", "lost", "garbage"]

    for _ in range(14):
        world.pass_time(61 * 60)
        sweep()

    laws = Invariants(world)
    laws.hold()
    laws.i10_local_state_is_redpins()
    for row in (session, unpaid, lost):
        row.refresh_from_db()
    assert [(row.state, row.payment_status) for row in (session, unpaid, lost)] == [
        ("closed", "PAYMENT_COMPLETED"),
        ("expired", ""),
        ("open", "FX_COMPLETED"),
    ]


@pytest.mark.heavy
def test_i11_every_transition_is_told_with_its_stable_id(
    world: World, session: PaymentSession
) -> None:
    world.broker_is_up = False  # No message ever leaves.
    world.receivers_fail = True
    tell(world, pay(world, session))
    sweep()
    sweep()
    world.receivers_fail = False
    for _ in range(3):
        world.pass_time(3700)
        sweep()

    rows = StatusTransition.objects.exclude(subject="state", to_value="closed")
    told = [pk for _, pk, *_ in world.heard]
    assert set(told) == set(rows.values_list("pk", flat=True))
    # More than once, as the receivers failed; each time as the same one.
    assert len(told) > len(set(told))
    Invariants(world).hold()
