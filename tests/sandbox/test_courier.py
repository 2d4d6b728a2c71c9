"""Delivering callbacks to a real server: retries, their order, and slow or hostile receivers."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from django_redpin.sandbox import courier, flows
from django_redpin.sandbox.courier import Courier, deliver_due
from django_redpin.sandbox.flows import begin_payment
from django_redpin.sandbox.models import Delivery, Payment, Session
from django_redpin.sandbox.rates import offers

from .conftest import Program, Receiver


def begin(session: Session, now: datetime | None = None) -> None:
    begin_payment(session, offers(session.total)[0], now or timezone.now())


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def wait_for(holds: Callable[[], bool]) -> None:
    limit = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < limit, "it did not come true in ten seconds"
        time.sleep(0.02)


def test_a_received_callback_is_posted_once(program: Program, receiver: Receiver) -> None:
    now = timezone.now()
    begin(program.session(callbacks=[f"{receiver.url}/hook"]), now)
    assert deliver_due(now) == 1
    assert deliver_due(now + seconds(9)) == 0
    assert receiver.statuses == ["PROCESSING"]


def test_each_callback_url_gets_every_fact_and_a_repeated_one_gets_it_once(
    program: Program, receiver: Receiver
) -> None:
    now = timezone.now()
    one, two = f"{receiver.url}/one", f"{receiver.url}/two"
    begin(program.session(callbacks=[one, two, one]), now)
    deliver_due(now)
    assert sorted(path for path, _ in receiver.posted) == ["/one", "/two"]
    assert receiver.posted[0][1] == receiver.posted[1][1]


@pytest.mark.parametrize("status", [201, 302, 400, 404, 500, 503])
def test_only_200_means_received(program: Program, receiver: Receiver, status: int) -> None:
    receiver.answers["/hook"] = [status]
    now = timezone.now()
    begin(program.session(callbacks=[f"{receiver.url}/hook"]), now)
    assert deliver_due(now) == 1
    assert deliver_due(now + seconds(0.9)) == 0
    assert deliver_due(now + seconds(1)) == 1
    assert [path for path, _ in receiver.posted] == ["/hook", "/hook"]
    assert receiver.posted[0][1] == receiver.posted[1][1]


def test_tries_back_off_and_end_after_eight(program: Program, receiver: Receiver) -> None:
    receiver.answers["/hook"] = [500] * 20
    now = timezone.now()
    begin(program.session(callbacks=[f"{receiver.url}/hook"]), now)
    Payment.objects.get().facts.filter(position__gt=0).delete()
    for wait in (0, 1, 2, 4, 8, 16, 32, 64):
        now += seconds(wait)
        assert deliver_due(now - seconds(0.1)) == 0
        assert deliver_due(now) == 1
    assert len(receiver.posted) == 8
    assert deliver_due(now + timedelta(days=1)) == 0
    delivery = Delivery.objects.get(fact__position=0)
    assert (delivery.attempts, delivery.delivered, delivery.outcome) == (8, False, "HTTP 500")
    assert delivery.finished_at is not None


def test_a_receiver_that_is_not_there_is_tried_again(program: Program, receiver: Receiver) -> None:
    now = timezone.now()
    begin(program.session(callbacks=["http://127.0.0.1:9/hook"]), now)
    assert deliver_due(now) == 1
    delivery = Delivery.objects.get()
    assert (delivery.attempts, delivery.claimed_at, delivery.finished_at) == (1, None, None)
    assert delivery.outcome == "ConnectionError"


def test_first_tries_keep_the_order_of_the_facts(program: Program, receiver: Receiver) -> None:
    receiver.answers["/hook"] = [500]
    now = timezone.now()
    begin(program.session(callbacks=[f"{receiver.url}/hook"]), now)
    deliver_due(now + timedelta(hours=1))
    deliver_due(now + timedelta(hours=2))
    # The failed one comes again, after the others, as the documentation warns.
    assert receiver.statuses == [
        "PROCESSING",
        "PAYOUT_INITIATED",
        "PAYOUT_CREDITED",
        "PAYMENT_COMPLETED",
        "PROCESSING",
    ]


def test_the_outcome_and_the_log_do_not_show_the_callbacks_url(
    program: Program, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers["/hook/secret-token"] = [500]
    now = timezone.now()
    urls = [f"{receiver.url}/hook/secret-token", "http://127.0.0.1:9/secret-token"]
    begin(program.session(callbacks=urls), now)
    with caplog.at_level(logging.INFO, logger="django_redpin.sandbox"):
        deliver_due(now)
    assert len(caplog.records) == 2
    assert "secret-token" not in caplog.text
    assert "secret-token" not in str(Delivery.objects.values_list("outcome"))


def test_a_claimed_delivery_is_not_posted_by_somebody_else(
    program: Program, receiver: Receiver
) -> None:
    now = timezone.now()
    begin(program.session(callbacks=[f"{receiver.url}/hook"]), now)
    Delivery.objects.update(claimed_at=now)
    assert deliver_due(now + timedelta(hours=1)) == 0
    assert receiver.posted == []


@pytest.mark.heavy
@pytest.mark.django_db(transaction=True)
def test_couriers_side_by_side_post_everything_once(program: Program, receiver: Receiver) -> None:
    now = timezone.now()
    for _ in range(4):
        begin(program.session(callbacks=[f"{receiver.url}/hook"]), now)

    def work() -> None:
        try:
            deliver_due(now + timedelta(hours=1))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # What one courier left because another held the payment's turn is still due.
    deliver_due(now + timedelta(hours=1))
    events = [body["event_id"] for _, body in receiver.posted]
    assert len(events) == len(set(events)) == 16
    per_payment: dict[str, list[Any]] = {}
    for _, body in receiver.posted:
        per_payment.setdefault(body["payment_id"], []).append(body["status"])
    assert len(per_payment) == 4
    for statuses in per_payment.values():
        assert statuses[0] == "PROCESSING"
        assert statuses[-1] == "PAYMENT_COMPLETED"


@pytest.mark.heavy
@pytest.mark.django_db(transaction=True)
def test_the_background_courier_is_not_held_up_by_slow_receivers(
    program: Program, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "TIMEOUT_SECONDS", 2)
    long_ago = timezone.now() - timedelta(seconds=60)
    for _ in range(3):
        begin(program.session(callbacks=[f"{receiver.url}/slow"]), long_ago)
    begin(program.session(callbacks=[f"{receiver.url}/quick"]), long_ago)
    background = Courier()
    background.start()
    try:
        # All four facts of the quick one arrive while three receivers keep the courier waiting.
        wait_for(lambda: len([path for path, _ in receiver.posted if path == "/quick"]) == 4)
        assert not [path for path, _ in receiver.posted if path == "/slow"]
        receiver.hold.set()
        wait_for(lambda: not Delivery.objects.filter(finished_at=None).exists())
    finally:
        background.stop()
    slow = [body["event_id"] for path, body in receiver.posted if path == "/slow"]
    assert len(set(slow)) == 12


@pytest.mark.django_db(transaction=True)
def test_a_new_courier_takes_up_what_a_killed_one_had_in_hand(
    program: Program, receiver: Receiver
) -> None:
    begin(program.session(callbacks=[f"{receiver.url}/hook"]))
    Delivery.objects.update(claimed_at=timezone.now())
    background = Courier()
    background.start()
    try:
        wait_for(lambda: receiver.statuses == ["PROCESSING"])
        wait_for(lambda: Delivery.objects.filter(delivered=True).exists())
    finally:
        background.stop()


@pytest.mark.django_db(transaction=True)
def test_the_background_courier_outlives_a_surprise(
    program: Program, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(program.session(callbacks=[f"{receiver.url}/hook"]))
    stumbles = iter([RuntimeError("a surprise")])
    real = flows.advance

    def advance(now: datetime) -> int:
        for surprise in stumbles:
            raise surprise
        return real(now)

    monkeypatch.setattr(courier, "advance", advance)
    background = Courier()
    background.start()
    try:
        wait_for(lambda: Delivery.objects.filter(delivered=True).exists())
    finally:
        background.stop()


def test_an_outcome_that_can_not_be_stored_leaves_the_hand_free_for_the_next(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(delivery: Delivery, until: object) -> None:
        raise RuntimeError("a surprise")

    monkeypatch.setattr(courier, "_post", fail)
    monkeypatch.setattr(courier, "HANDS", 1)
    ours = Courier()
    for _ in range(2):
        assert ours._hands.acquire(blocking=False)
        ours._carry(Delivery())

    assert caplog.text.count("The outcome of a callback could not be stored.") == 2
