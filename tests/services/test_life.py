"""The life of a session after it is open: refresh, expiry, renewal, and the sweeps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pytest_django import Settings

from django_redpin.exceptions import (
    InvalidPaymentSession,
    NoAnswer,
    OutcomeUnknown,
    PaymentUnderWay,
    SessionRejected,
)
from django_redpin.models import PaymentSession
from django_redpin.services import (
    create_payment_session,
    reconcile_payment_sessions,
    refresh_payment_session,
    renew_payment_session,
)
from django_redpin.services.leases import claim
from django_redpin.services.opening import UNFINISHED
from django_redpin.services.replace import replace_session
from django_redpin.services.sweeps import (
    complete_due_sessions,
    dispatch_due_transitions,
    process_due_events,
    sweep,
)
from tests.redpin_server import FakeRedpin, Handler

State = PaymentSession.State
pytestmark = pytest.mark.django_db


def fail(handler: Handler) -> None:
    handler.error(500, "", "broken")


@pytest.fixture
def expired(redpin: FakeRedpin, arguments: dict[str, Any]) -> PaymentSession:
    """A session that is over by everybody's clock, though its row does not say so yet."""
    redpin.lifetime = -timedelta(minutes=10)
    session = create_payment_session(**arguments, idempotency_key="order-1")
    redpin.lifetime = timedelta(minutes=30)
    return session


def test_refresh_finds_a_session_open_and_leaves_it_so(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    session = create_payment_session(**arguments)

    assert refresh_payment_session(session).state == State.OPEN
    assert session.transitions.count() == 1


def test_a_session_expires_once_redpin_lists_no_payment_for_it(expired: PaymentSession) -> None:
    refreshed = refresh_payment_session(expired)

    assert refreshed.state == State.EXPIRED
    assert refreshed.session_url == ""


def test_c12_an_expired_session_is_looked_at_again_as_its_payment_may_be_listed_late(
    redpin: FakeRedpin, expired: PaymentSession
) -> None:
    refreshed = refresh_payment_session(expired)
    assert refreshed.next_attempt_at is not None
    assert refreshed.next_attempt_at > datetime.now(timezone.utc)

    redpin.pay(expired.client_reference_id, "PAYMENT_COMPLETED")
    PaymentSession.objects.update(next_attempt_at=datetime.now(timezone.utc))
    sweep()

    expired.refresh_from_db()
    assert (expired.state, expired.payment_status) == (State.CLOSED, "PAYMENT_COMPLETED")


def test_a_session_paid_just_before_it_expired_is_paid(
    redpin: FakeRedpin, expired: PaymentSession
) -> None:
    redpin.pay(expired.client_reference_id, "AWAITING_FUNDS")

    refreshed = refresh_payment_session(expired)

    assert refreshed.state == State.OPEN
    assert refreshed.payment_status == "AWAITING_FUNDS"


def test_the_local_clock_alone_expires_nothing(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    session = create_payment_session(**arguments)
    PaymentSession.objects.update(expires_at=datetime.now(timezone.utc) - timedelta(hours=1))

    assert refresh_payment_session(session).state == State.OPEN


def test_a_local_clock_that_is_ahead_expires_nothing(
    redpin: FakeRedpin, expired: PaymentSession
) -> None:
    redpin.clock = -timedelta(minutes=30)

    assert refresh_payment_session(expired).state == State.OPEN


def test_a_session_is_not_expired_in_its_very_first_seconds_of_grace(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    redpin.lifetime = -timedelta(seconds=20)
    session = create_payment_session(**arguments)

    assert refresh_payment_session(session).state == State.OPEN


def test_one_sweep_does_all_that_is_due(redpin: FakeRedpin, expired: PaymentSession) -> None:
    PaymentSession.objects.update(next_attempt_at=datetime.now(timezone.utc))

    sweep()

    expired.refresh_from_db()
    assert expired.state == State.EXPIRED
    assert {t.to_value for t in expired.transitions.exclude(dispatched_at=None)} == {
        "open",
        "expired",
    }


def test_refresh_says_when_redpin_gives_no_answer(
    redpin: FakeRedpin, arguments: dict[str, Any], settings: Settings
) -> None:
    session = create_payment_session(**arguments)
    settings.REDPIN = {**settings.REDPIN, "BASE_URL": "http://127.0.0.1:9"}

    with pytest.raises(NoAnswer):
        refresh_payment_session(session)

    session.refresh_from_db()
    assert session.state == State.OPEN


def test_an_expired_session_is_renewed_under_a_new_reference(
    redpin: FakeRedpin, expired: PaymentSession
) -> None:
    renewal = renew_payment_session(expired)

    expired.refresh_from_db()
    assert (renewal.state, expired.state) == (State.OPEN, State.SUPERSEDED)
    assert (renewal.renews, renewal.idempotency_key) == (expired, "order-1")
    first, second = (call.json for call in redpin.creates)
    assert first.pop("client_reference_id") != second.pop("client_reference_id")
    assert first.pop("callbacks") != second.pop("callbacks")
    assert first == second


def test_renewing_again_returns_the_same_renewal(
    redpin: FakeRedpin, expired: PaymentSession
) -> None:
    assert renew_payment_session(expired) == renew_payment_session(expired)
    assert len(redpin.creates) == 2


def test_a_renewal_that_was_cut_off_is_finished(
    redpin: FakeRedpin, expired: PaymentSession, let_time_pass: Callable[[timedelta], None]
) -> None:
    redpin.create_script.append(fail)
    with pytest.raises(OutcomeUnknown):
        renew_payment_session(expired)
    let_time_pass(timedelta(minutes=1))

    assert renew_payment_session(expired).state == State.OPEN
    assert PaymentSession.objects.count() == 2


def test_a_session_that_can_still_be_paid_is_not_renewed(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    session = create_payment_session(**arguments)

    with pytest.raises(PaymentUnderWay, match="can still be paid"):
        renew_payment_session(session)

    assert PaymentSession.objects.count() == 1


@pytest.mark.parametrize("status", ["AWAITING_FUNDS", "PAYOUT_CREDITED", "PAYMENT_COMPLETED"])
def test_a_session_whose_payment_is_under_way_or_done_is_not_renewed(
    redpin: FakeRedpin, expired: PaymentSession, status: str
) -> None:
    redpin.pay(expired.client_reference_id, status)

    with pytest.raises(PaymentUnderWay, match=status):
        renew_payment_session(expired)

    assert PaymentSession.objects.count() == 1


@pytest.mark.parametrize(
    "status", ["PROCESSING", "AWAITING_FUNDS", "PAYOUT_CREDITED", "PAYMENT_COMPLETED", "NEW_ONE"]
)
def test_a_session_that_expired_is_not_renewed_when_its_payment_is_listed_late(
    redpin: FakeRedpin, expired: PaymentSession, status: str
) -> None:
    assert refresh_payment_session(expired).state == State.EXPIRED
    redpin.pay(expired.client_reference_id, status)

    with pytest.raises(PaymentUnderWay):
        renew_payment_session(expired)

    assert PaymentSession.objects.count() == len(redpin.creates) == 1


def test_a_payment_that_is_listed_late_opens_the_session_again_so_that_it_is_followed(
    redpin: FakeRedpin, expired: PaymentSession
) -> None:
    refresh_payment_session(expired)
    redpin.pay(expired.client_reference_id, "AWAITING_FUNDS")
    refresh_payment_session(expired)

    expired.refresh_from_db()
    assert expired.state == State.OPEN
    assert expired.next_attempt_at is not None


def test_a_session_that_is_another_one_at_redpin_is_not_renewed(
    redpin: FakeRedpin, expired: PaymentSession
) -> None:
    refresh_payment_session(expired)
    redpin.sessions[expired.client_reference_id]["client_customer_ref"] = "SOMEBODY_ELSE"

    with pytest.raises(PaymentUnderWay, match="look at it"):
        renew_payment_session(expired)


def test_news_that_comes_in_while_a_session_is_replaced_wins(
    redpin: FakeRedpin, expired: PaymentSession
) -> None:
    refresh_payment_session(expired)
    stale = PaymentSession.objects.get(pk=expired.pk)
    redpin.pay(expired.client_reference_id, "PAYMENT_COMPLETED")
    refresh_payment_session(expired)

    with pytest.raises(PaymentUnderWay, match="very moment"):
        replace_session(stale)

    expired.refresh_from_db()
    assert (expired.state, expired.payment_status) == (State.CLOSED, "PAYMENT_COMPLETED")
    assert PaymentSession.objects.count() == 1


@pytest.mark.parametrize("status", ["CANCELLED", "REFUNDED"])
def test_a_payment_that_was_called_off_can_be_started_again(
    redpin: FakeRedpin, arguments: dict[str, Any], status: str
) -> None:
    session = create_payment_session(**arguments)
    redpin.pay(session.client_reference_id, status)

    renewal = renew_payment_session(session)

    session.refresh_from_db()
    assert (session.state, session.payment_status) == (State.CLOSED, status)
    assert renewal.state == State.OPEN


def test_a_rejected_session_is_not_renewed_but_created_anew(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    session = create_payment_session(**arguments)
    PaymentSession.objects.update(state=State.REJECTED)

    with pytest.raises(SessionRejected, match="create a new session"):
        renew_payment_session(session)


def test_a_renewal_needs_a_due_date_that_is_far_enough(
    redpin: FakeRedpin, expired: PaymentSession
) -> None:
    today = datetime.now(timezone.utc).date()
    PaymentSession.objects.update(due_date=today)
    expired.refresh_from_db()

    with pytest.raises(InvalidPaymentSession, match="due_date"):
        renew_payment_session(expired)
    renewal = renew_payment_session(expired, due_date=today + timedelta(days=7))

    assert renewal.due_date == today + timedelta(days=7)
    assert redpin.creates[-1].json["due_date"] == renewal.due_date.isoformat()


def test_the_sweep_completes_a_session_whose_creation_was_cut_off(
    redpin: FakeRedpin, arguments: dict[str, Any], let_time_pass: Callable[[timedelta], None]
) -> None:
    redpin.create_script.append(fail)
    with pytest.raises(OutcomeUnknown):
        create_payment_session(**arguments)
    assert complete_due_sessions() == 0  # Not due yet.
    let_time_pass(timedelta(minutes=1))

    assert complete_due_sessions() == 1
    assert PaymentSession.objects.get().state == State.OPEN
    assert complete_due_sessions() == 0


def test_a_session_that_was_opened_a_moment_ago_cannot_be_claimed_to_be_completed(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    session = create_payment_session(**arguments)

    assert not claim(PaymentSession, session.pk, even_if_not_due=True, states=UNFINISHED)
    assert claim(PaymentSession, session.pk, even_if_not_due=True, states=[State.OPEN])
    assert not claim(PaymentSession, session.pk, even_if_not_due=True, states=[State.OPEN])


def test_the_sweep_goes_on_after_a_row_that_fails(
    redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        redpin.create_script.append(fail)
        with pytest.raises(OutcomeUnknown):
            create_payment_session(**arguments)
    PaymentSession.objects.update(next_attempt_at=datetime.now(timezone.utc))
    seen = []

    def explode(pk: int) -> None:
        seen.append(pk)
        raise RuntimeError("unforeseen")

    monkeypatch.setattr("django_redpin.services.sweeps.complete_in_background", explode)

    assert complete_due_sessions() == 2
    assert len(seen) == 2


def test_nothing_due_costs_one_query_a_sweep(db: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(4):
        process_due_events()
        dispatch_due_transitions()
        complete_due_sessions()
        reconcile_payment_sessions()
