"""What receivers were not told of is told now; what they were told of never again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_redpin.models import PaymentSession, StatusTransition
from django_redpin.services import Redispatched, redispatch_transitions, release_from_review
from django_redpin.services.dispatch import dispatch_transition
from django_redpin.services.journal import hold_for_review
from django_redpin.services.sweeps import dispatch_due_transitions
from tests.redpin_server import FakeRedpin

from .events import Listener, event_body, post

pytestmark = pytest.mark.django_db
Outcome = StatusTransition.Outcome


@pytest.fixture
def transition(session: PaymentSession) -> StatusTransition:
    """That the session is open, which nobody was told of yet."""
    return session.transitions.get()


def put(transition: StatusTransition, **changes: Any) -> None:
    StatusTransition.objects.filter(pk=transition.pk).update(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "dead", "next_attempt_at": None, "attempts": 80},
        {"next_attempt_at": timezone.now() + timedelta(hours=1), "attempts": 7},
        {},
    ],
    ids=["given up", "waits for an hour", "due"],
)
def test_what_was_not_told_is_told_now(
    session: PaymentSession,
    transition: StatusTransition,
    listener: Listener,
    changes: dict[str, Any],
) -> None:
    put(transition, **changes)

    assert redispatch_transitions(session) == Redispatched(due=1, held=0, in_hand=0)
    dispatch_due_transitions()

    transition.refresh_from_db()
    assert transition.outcome == Outcome.TOLD
    assert listener.names == ["payment_session_created"]


def test_what_was_told_is_never_told_again(
    session: PaymentSession, transition: StatusTransition, listener: Listener
) -> None:
    dispatch_transition(transition.pk)

    assert redispatch_transitions(session) == Redispatched(due=0, held=0, in_hand=0)
    dispatch_due_transitions()

    assert listener.names == ["payment_session_created"]


def test_what_was_told_since_it_was_read_is_left(
    session: PaymentSession,
    transition: StatusTransition,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def overtaken(rows: Any, **changes: Any) -> int:
        dispatch_transition(transition.pk)
        return int(rows.update(**changes))

    monkeypatch.setattr("django_redpin.services.redispatch.update", overtaken)

    assert redispatch_transitions(session).due == 0
    dispatch_due_transitions()
    assert listener.names == ["payment_session_created"]


def test_what_a_worker_has_in_hand_is_left_to_it(
    session: PaymentSession, transition: StatusTransition
) -> None:
    lease = timezone.now() + timedelta(minutes=5)
    put(transition, leased_until=lease)

    assert redispatch_transitions(session) == Redispatched(due=0, held=0, in_hand=1)

    transition.refresh_from_db()
    assert transition.leased_until == lease


def test_what_a_worker_took_since_it_was_read_is_left_to_it(
    session: PaymentSession, transition: StatusTransition, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = timezone.now() + timedelta(minutes=5)

    def overtaken(rows: Any, **changes: Any) -> int:
        put(transition, leased_until=lease)
        return int(rows.update(**changes))

    monkeypatch.setattr("django_redpin.services.redispatch.update", overtaken)

    assert redispatch_transitions(session).due == 0
    transition.refresh_from_db()
    assert transition.leased_until == lease


def test_what_is_held_back_needs_a_release(
    redpin: FakeRedpin, session: PaymentSession, listener: Listener, settle: Any
) -> None:
    hold_for_review(session, "Something is odd.")
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    post(session, event_body(session, "PAYMENT_COMPLETED"))
    settle()

    assert redispatch_transitions(session) == Redispatched(due=0, held=1, in_hand=0)
    settle()
    assert "payment_completed" not in listener.names

    release_from_review(session, note="Compared with Redpin's statement.")
    settle()
    assert listener.names.count("payment_completed") == 1


def test_another_sessions_transitions_are_left(
    session: PaymentSession, transition: StatusTransition, redpin: FakeRedpin
) -> None:
    other = PaymentSession.objects.get(pk=session.pk)
    other.pk, other.client_reference_id = None, "another"
    other.session_id = other.idempotency_key = other.payment_id = None
    other.save()
    later = timezone.now() + timedelta(hours=1)
    put(transition, next_attempt_at=later)

    assert redispatch_transitions(other).due == 0
    transition.refresh_from_db()
    assert transition.next_attempt_at == later


def test_a_dry_run_changes_nothing(session: PaymentSession, transition: StatusTransition) -> None:
    put(transition, outcome="dead", next_attempt_at=None, attempts=80)

    assert redispatch_transitions(session, dry_run=True) == Redispatched(1, 0, 0)

    transition.refresh_from_db()
    assert (transition.outcome, transition.next_attempt_at) == (Outcome.DEAD, None)
