"""defer=True: the intent is committed with the merchant's own transaction, and sent after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.template import Context, Template
from moneyed import Money

from django_redpin import signals
from django_redpin.exceptions import IdempotencyConflict, InvalidPaymentSession, NotCreatedYet
from django_redpin.models import PaymentSession, StatusTransition
from django_redpin.services import create_payment_session, queue
from django_redpin.services.sweeps import complete_session, sweep
from tests.redpin_server import FakeRedpin, Handler

State = PaymentSession.State
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What is handed to the broker."""
    sent: list[tuple[str, int]] = []
    monkeypatch.setattr(queue, "enqueue", lambda name, pk: sent.append((name, pk)))
    return sent


def test_b14_it_is_committed_with_the_callers_transaction_and_sent_after_it(
    redpin: FakeRedpin, arguments: dict[str, Any], messages: list[tuple[str, int]]
) -> None:
    with transaction.atomic():
        Group.objects.create(name="the merchant's own row")
        session = create_payment_session(**arguments, defer=True)
        assert messages == []
        assert redpin.calls == []

    assert session.state == State.CREATING
    assert messages == [("django_redpin.complete_session", session.pk)]
    assert redpin.calls == []

    complete_session(session.pk)

    session.refresh_from_db()
    assert session.state == State.OPEN
    assert redpin.count("GET", "/sessions") == 0  # Nothing was sent before, so nothing is asked.
    assert len(redpin.creates) == 1


def test_c3_it_is_rolled_back_with_the_callers_transaction(
    redpin: FakeRedpin, arguments: dict[str, Any], messages: list[tuple[str, int]]
) -> None:
    with transaction.atomic():
        create_payment_session(**arguments, idempotency_key="order-1", defer=True)
        transaction.set_rollback(True)

    assert not PaymentSession.objects.exists()
    assert messages == []
    assert redpin.calls == []
    assert create_payment_session(**arguments, idempotency_key="order-1").state == State.OPEN


def test_without_a_broker_the_sweep_sends_it(
    redpin: FakeRedpin, arguments: dict[str, Any], messages: list[tuple[str, int]]
) -> None:
    session = create_payment_session(**arguments, defer=True)

    sweep()

    session.refresh_from_db()
    assert session.state == State.OPEN


def test_a_message_that_comes_twice_sends_once(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    session = create_payment_session(**arguments, defer=True)

    for _ in range(3):
        complete_session(session.pk)

    assert len(redpin.creates) == 1


def test_a_message_does_not_hurry_an_attempt_that_is_not_due(
    redpin: FakeRedpin, arguments: dict[str, Any], let_time_pass: Callable[[timedelta], None]
) -> None:
    redpin.create_script.append(
        lambda handler: handler.raw(503, b"{}", headers=(("Retry-After", "30"),))
    )
    session = create_payment_session(**arguments, defer=True)
    complete_session(session.pk)
    complete_session(session.pk)
    assert len(redpin.creates) == 1

    let_time_pass(timedelta(minutes=1))
    complete_session(session.pk)
    assert len(redpin.creates) == 2


def test_while_it_is_deferred_the_payer_sees_that_it_is_being_prepared(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    session = create_payment_session(**arguments, defer=True)

    html = Template("{% load redpin %}{% redpin_payment_session session %}").render(
        Context({"session": session})
    )

    assert "Your payment is being prepared" in html


def test_what_became_of_it_is_told_by_a_signal(
    redpin: FakeRedpin, arguments: dict[str, Any], settle: Callable[[], None]
) -> None:
    heard: list[tuple[str, int]] = []

    def created(sender: object, session: PaymentSession, **kwargs: object) -> None:
        heard.append(("created", session.pk))

    def rejected(sender: object, session: PaymentSession, **kwargs: object) -> None:
        heard.append((session.last_error_field, session.pk))

    def refuse(handler: Handler) -> None:
        handler.error(400, "INVALID_PARAMETER", "no", "purpose_of_transaction")

    signals.payment_session_created.connect(created)
    signals.payment_session_rejected.connect(rejected)
    first = create_payment_session(**arguments, defer=True)
    complete_session(first.pk)
    redpin.create_script.append(refuse)
    second = create_payment_session(**arguments, defer=True)
    complete_session(second.pk)
    settle()

    assert heard == [("created", first.pk), ("purpose_of_transaction", second.pk)]
    assert StatusTransition.objects.filter(to_value=State.REJECTED).count() == 1


def test_its_faults_are_told_at_once_and_nothing_is_stored(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    wrong = arguments | {"amount": Money("1.001", "AED"), "purpose_of_transaction": ""}

    with transaction.atomic():
        with pytest.raises(InvalidPaymentSession) as caught:
            create_payment_session(**wrong, defer=True)
        assert Group.objects.count() == 0  # The caller's transaction is still good.

    assert {fault.field for fault in caught.value.faults} >= {"amount", "purpose_of_transaction"}
    assert not PaymentSession.objects.exists()


def test_the_same_key_returns_the_same_session_and_another_payment_is_a_conflict(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    with transaction.atomic():
        first = create_payment_session(**arguments, idempotency_key="order-1", defer=True)
        again = create_payment_session(**arguments, idempotency_key="order-1", defer=True)
        with pytest.raises(IdempotencyConflict):
            create_payment_session(
                **arguments | {"client_customer_ref": "ANOTHER"},
                idempotency_key="order-1",
                defer=True,
            )

    assert first == again
    # Asked for without deferring, it is sent at once.
    assert create_payment_session(**arguments, idempotency_key="order-1").state == State.OPEN
    assert len(redpin.creates) == 1


def test_a_reference_that_is_taken_leaves_the_callers_transaction_good(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    create_payment_session(**arguments, client_reference_id="ORDER-1")

    with transaction.atomic():
        with pytest.raises(InvalidPaymentSession, match="may be used once"):
            create_payment_session(**arguments, client_reference_id="ORDER-1", defer=True)
        Group.objects.create(name="the merchant's own row")

    assert Group.objects.count() == 1


@pytest.mark.heavy
def test_redpin_out_of_reach_leaves_a_deferred_session_for_later(
    redpin: FakeRedpin, arguments: dict[str, Any], let_time_pass: Callable[[timedelta], None]
) -> None:
    redpin.token_script.extend([lambda handler: handler.raw(500, b"")] * 9)
    session = create_payment_session(**arguments, idempotency_key="order-1", defer=True)
    complete_session(session.pk)
    session.refresh_from_db()
    assert (session.state, session.unanswered_at) == (State.CREATING, None)
    redpin.token_script.clear()

    redpin.create_script.extend([lambda handler: handler.raw(429, b"{}")] * 2)
    with pytest.raises(NotCreatedYet) as caught:
        create_payment_session(**arguments, idempotency_key="order-1")

    assert caught.value.session == session
    let_time_pass(timedelta(hours=1))
    sweep()
    session.refresh_from_db()
    assert session.state == State.OPEN


def test_a_session_that_was_replaced_shows_the_one_in_its_place(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    def lose_the_answer(handler: Handler) -> None:
        handler.redpin.store(handler.call.json, "0201001008132685")
        handler.hang_up()

    session = create_payment_session(**arguments, defer=True)
    redpin.create_script.append(lose_the_answer)
    complete_session(session.pk)
    session.refresh_from_db()
    assert session.state == State.SUPERSEDED

    html = Template("{% load redpin %}{% redpin_payment_session session %}").render(
        Context({"session": session})
    )

    assert f'src="{session.renewal.session_url}"' in html


def test_with_autocommit_off_it_is_left_to_the_sweep(
    redpin: FakeRedpin, arguments: dict[str, Any], messages: list[tuple[str, int]]
) -> None:
    transaction.set_autocommit(False)
    try:
        session = create_payment_session(**arguments, defer=True)
        transaction.commit()
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)

    assert messages == []
    sweep()
    session.refresh_from_db()
    assert session.state == State.OPEN
