"""How receivers are told: after the commit, outside transactions, each for itself, with one id."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection
from django.dispatch import Signal

from django_redpin import signals
from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.services import dispatch, journal, process, release_from_review
from django_redpin.services.confirm import confirm as real_confirm
from django_redpin.services.leases import MAX_ATTEMPTS
from django_redpin.services.process import process_event
from django_redpin.services.sweeps import dispatch_due_transitions
from tests.redpin_server import FakeRedpin

from .events import Listener, event_body, post

Connect = Callable[[Signal, Callable[..., None]], None]


def paid(session: PaymentSession, redpin: FakeRedpin) -> StatusTransition:
    """Return the transition of a payment that is complete, and of which nobody was told yet."""
    StatusTransition.objects.update(next_attempt_at=None, outcome="told")
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    process_event(post(session, event_body(session, "PAYMENT_COMPLETED")).pk)
    return session.transitions.get(subject="payment_status")


def let_leases_end() -> None:
    StatusTransition.objects.filter(leased_until__isnull=False).update(
        leased_until=datetime.now(timezone.utc) - timedelta(seconds=1)
    )


@pytest.mark.django_db(transaction=True)
def test_c1_receivers_hear_and_redpin_is_asked_outside_any_transaction(
    session: PaymentSession,
    redpin: FakeRedpin,
    connect: Connect,
    settle: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inside: list[bool] = []

    def receiver(sender: object, **kwargs: object) -> None:
        inside.append(connection.in_atomic_block)

    def confirm(*args: Any) -> Any:
        inside.append(connection.in_atomic_block)
        return real_confirm(*args)

    monkeypatch.setattr(process, "confirm", confirm)
    connect(signals.payment_completed, receiver)
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    post(session, event_body(session, "PAYMENT_COMPLETED"))

    settle()

    assert inside == [False, False]


@pytest.mark.django_db
def test_c1_a_receiver_that_raises_hides_no_other_and_is_named_in_log_and_row(
    session: PaymentSession,
    redpin: FakeRedpin,
    connect: Connect,
    settle: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[str] = []

    def first(sender: object, **kwargs: object) -> None:
        raise ValueError("canary: the merchant's secret")

    def second(sender: object, **kwargs: object) -> None:
        heard.append("second")

    for receiver in (first, second):
        connect(signals.payment_completed, receiver)
    transition = paid(session, redpin)

    settle()

    transition.refresh_from_db()
    assert heard == ["second"]
    assert "first: ValueError" in transition.last_error
    assert "first: ValueError" in caplog.text
    assert "canary" not in transition.last_error
    assert transition.attempts == 1
    assert transition.next_attempt_at is not None


@pytest.mark.django_db
def test_c4_a_receiver_that_raises_undoes_nothing_of_ours(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None], listener: Listener
) -> None:
    listener.is_broken = True
    transition = paid(session, redpin)

    settle()

    session.refresh_from_db()
    assert (session.payment_status, session.state) == ("PAYMENT_COMPLETED", "closed")
    assert StatusTransition.objects.filter(pk=transition.pk).exists()
    assert session.events.get().outcome == "applied"


@pytest.mark.django_db
def test_c2_what_a_crash_after_the_commit_left_untold_is_told_by_the_sweep(
    session: PaymentSession, redpin: FakeRedpin, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_redpin.services.queue.enqueue", lambda *args: False)
    transition = paid(session, redpin)
    assert listener.names == []

    dispatch_due_transitions()

    told = [kwargs["transition"].pk for name, kwargs in listener.heard if "completed" in name]
    assert told == [transition.pk]


@pytest.mark.django_db
def test_c2_what_a_crash_after_the_signal_left_unmarked_is_told_again_with_the_same_id(
    session: PaymentSession, redpin: FakeRedpin, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    transition = paid(session, redpin)

    def die(*args: object, **kwargs: object) -> int:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(dispatch, "update", die)
        with pytest.raises(SystemExit):
            dispatch.dispatch_transition(transition.pk)
    dispatch_due_transitions()  # In the dead worker's hands, as far as anybody knows.
    let_leases_end()
    dispatch_due_transitions()
    dispatch_due_transitions()

    told = [kwargs["transition"].pk for name, kwargs in listener.heard if "completed" in name]
    assert told == [transition.pk, transition.pk]
    assert session.transitions.filter(subject="payment_status").count() == 1


@pytest.mark.django_db
def test_a_time_limit_that_strikes_in_a_receiver_ends_the_task_and_is_tried_again(
    session: PaymentSession, redpin: FakeRedpin, connect: Connect
) -> None:
    def slow(sender: object, **kwargs: object) -> None:
        raise SoftTimeLimitExceeded

    connect(signals.payment_completed, slow)
    transition = paid(session, redpin)

    with pytest.raises(SoftTimeLimitExceeded):
        dispatch.dispatch_transition(transition.pk)

    transition.refresh_from_db()
    assert transition.next_attempt_at is not None
    assert transition.leased_until is None


@pytest.mark.django_db
def test_c10_two_workers_tell_of_a_transition_once(
    session: PaymentSession, redpin: FakeRedpin, connect: Connect, listener: Listener
) -> None:
    transition = paid(session, redpin)

    def meanwhile(sender: object, **kwargs: object) -> None:
        assert not dispatch.dispatch_transition(transition.pk)

    connect(signals.payment_status_changed, meanwhile)

    assert dispatch.dispatch_transition(transition.pk)
    assert not dispatch.dispatch_transition(transition.pk)
    assert listener.names.count("payment_completed") == 1


@pytest.mark.django_db
def test_c8_a_transition_whose_receiver_kills_its_workers_is_given_up(
    session: PaymentSession, redpin: FakeRedpin, listener: Listener
) -> None:
    transition = paid(session, redpin)
    StatusTransition.objects.filter(pk=transition.pk).update(attempts=MAX_ATTEMPTS)

    assert not dispatch.dispatch_transition(transition.pk)

    transition.refresh_from_db()
    assert (transition.outcome, transition.next_attempt_at) == ("dead", None)
    assert transition.last_error == "Its attempts never end."
    assert "payment_completed" not in listener.names


@pytest.mark.django_db
def test_c2_a_crash_in_the_middle_of_a_release_leaves_nothing_held(
    session: PaymentSession, redpin: FakeRedpin, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    PaymentSession.objects.update(review_reason="Look at it.")
    transition = paid(session, redpin)
    dispatch_due_transitions()
    session.refresh_from_db()

    def die(session: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(journal, "rearm_held", die)
        with pytest.raises(SystemExit):
            release_from_review(session)
    transition.refresh_from_db()
    assert transition.outcome == "held"

    dispatch_due_transitions()
    dispatch_due_transitions()

    transition.refresh_from_db()
    assert transition.outcome == "told"
    assert listener.names.count("payment_completed") == 1


@pytest.mark.django_db
def test_c10_a_worker_whose_clock_is_behind_does_what_it_is_told(
    session: PaymentSession, redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch
) -> None:
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    event = post(session, event_body(session, "PAYMENT_COMPLETED"))
    behind = datetime.now(timezone.utc) - timedelta(seconds=1)
    monkeypatch.setattr("django_redpin.services.leases.timezone.now", lambda: behind)

    assert process_event(event.pk) == "applied"


@pytest.mark.django_db
def test_c10_a_dispatcher_whose_lease_is_over_does_not_undo_what_another_told(
    session: PaymentSession, redpin: FakeRedpin, connect: Connect
) -> None:
    transition = paid(session, redpin)

    def slow(sender: object, **kwargs: object) -> None:
        StatusTransition.objects.filter(pk=transition.pk).update(
            outcome="told", dispatched_at=datetime.now(timezone.utc), next_attempt_at=None
        )
        raise RuntimeError

    connect(signals.payment_completed, slow)
    dispatch.dispatch_transition(transition.pk)

    transition.refresh_from_db()
    assert (transition.outcome, transition.next_attempt_at) == ("told", None)


@pytest.mark.django_db
def test_a26_a_crash_as_an_event_is_given_up_leaves_it_to_be_told_again(
    session: PaymentSession, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = post(session, event_body(session, "PAYMENT_COMPLETED"))
    WebhookEvent.objects.update(attempts=MAX_ATTEMPTS)

    def die(*args: object, **kwargs: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(process, "_leave", die)
        with pytest.raises(SystemExit):
            process_event(event.pk)
    WebhookEvent.objects.update(leased_until=None)
    process_event(event.pk)

    event.refresh_from_db()
    assert event.outcome == "dead"
    assert listener.names.count("webhook_event_dead") == 2
