"""A session is expired by Redpin's word, and by a local clock never."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from django_redpin.exceptions import NoAnswer, NotExpired, OpenTransactionError, UnknownAccount
from django_redpin.models import PaymentSession
from django_redpin.services import (
    create_payment_session,
    due_to_expire,
    expire_payment_session,
    refresh_payment_session,
)
from django_redpin.services.journal import hold_for_review
from tests.redpin_server import FakeRedpin, Handler

from .events import Listener

pytestmark = pytest.mark.django_db
State = PaymentSession.State


@pytest.fixture
def ended(redpin: FakeRedpin, arguments: dict[str, Any]) -> PaymentSession:
    """A session whose page ended ten minutes ago, and that nobody has asked about since."""
    redpin.lifetime = -timedelta(minutes=10)
    return create_payment_session(**arguments)


def test_a_session_whose_page_has_ended_unpaid_is_expired_and_told(
    ended: PaymentSession, listener: Listener, settle: Any
) -> None:
    found = expire_payment_session(ended)
    settle()

    assert (found.state, found.session_url) == (State.EXPIRED, "")
    assert listener.names.count("payment_session_expired") == 1


def test_one_that_is_expired_already_is_returned_without_a_call(
    redpin: FakeRedpin, ended: PaymentSession
) -> None:
    expire_payment_session(ended)
    calls = len(redpin.calls)

    assert expire_payment_session(ended).state == State.EXPIRED
    assert len(redpin.calls) == calls


def test_one_that_can_still_be_paid_is_left_open_and_the_error_says_until_when(
    session: PaymentSession,
) -> None:
    assert session.expires_at is not None

    with pytest.raises(
        NotExpired, match=f"until {session.expires_at:%Y-%m-%d %H:%M} UTC"
    ) as caught:
        expire_payment_session(session)

    session.refresh_from_db()
    assert session.state == State.OPEN
    assert caught.value.session == session
    assert session.session_url not in str(caught.value)


def test_our_clock_alone_expires_nothing(redpin: FakeRedpin, ended: PaymentSession) -> None:
    redpin.clock = -timedelta(hours=1)

    with pytest.raises(NotExpired, match="Redpin's clock has not passed the end"):
        expire_payment_session(ended)

    ended.refresh_from_db()
    assert ended.state == State.OPEN


@pytest.mark.parametrize("status", ["AWAITING_FUNDS", "ON_HOLD"])
def test_a_payment_that_redpin_lists_stands_against_it(
    redpin: FakeRedpin, ended: PaymentSession, status: str
) -> None:
    redpin.pay(ended.client_reference_id, status)

    with pytest.raises(NotExpired, match=status):
        expire_payment_session(ended)

    ended.refresh_from_db()
    assert ended.state == State.OPEN


def test_a_payment_that_we_know_of_stands_against_a_list_that_does_not_show_it(
    ended: PaymentSession,
) -> None:
    PaymentSession.objects.update(payment_status="AWAITING_FUNDS")

    with pytest.raises(NotExpired, match="its payment is AWAITING_FUNDS"):
        expire_payment_session(ended)


def test_one_that_redpin_does_not_list_is_left_open(
    redpin: FakeRedpin, ended: PaymentSession
) -> None:
    redpin.sessions.clear()

    with pytest.raises(NotExpired, match="does not list it"):
        expire_payment_session(ended)


def test_one_that_redpin_lists_as_another_is_left_to_a_person(
    redpin: FakeRedpin, ended: PaymentSession
) -> None:
    redpin.sessions[ended.client_reference_id]["session_id"] = ended.session_id
    PaymentSession.objects.update(customer_id=ended.customer_id, client_customer_ref="CUST_001")
    hold_for_review(ended, "Something is odd.")
    redpin.clock = -timedelta(hours=1)

    with pytest.raises(NotExpired, match="a person has to look at it first"):
        expire_payment_session(ended)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (State.CREATING, "its creation has not come to an end"),
        (State.UNKNOWN, "nobody knows yet"),
        (State.REJECTED, "Redpin refused it"),
        (State.CLOSED, "its payment has come to an end"),
        (State.SUPERSEDED, "another session stands in its place"),
    ],
)
def test_one_that_has_no_page_is_refused_without_a_call(
    redpin: FakeRedpin, ended: PaymentSession, state: str, said: str
) -> None:
    PaymentSession.objects.update(state=state)
    calls = len(redpin.calls)

    with pytest.raises(NotExpired, match=said):
        expire_payment_session(ended)

    assert len(redpin.calls) == calls
    ended.refresh_from_db()
    assert ended.state == state


def test_without_an_answer_of_redpins_nothing_is_expired(
    redpin: FakeRedpin, ended: PaymentSession, no_retries: None
) -> None:
    redpin.list_script.extend([Handler.hang_up] * 3)

    with pytest.raises(NoAnswer):
        expire_payment_session(ended)

    ended.refresh_from_db()
    assert ended.state == State.OPEN


@pytest.mark.django_db(transaction=True)
def test_it_is_refused_inside_a_transaction(ended: PaymentSession) -> None:
    with transaction.atomic(), pytest.raises(OpenTransactionError, match="expire_payment_session"):
        expire_payment_session(ended)


def test_due_to_expire_are_open_sessions_without_a_payment_the_longest_ended_first(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    now = timezone.now()
    ages = {"b": 5, "a": 60, "just": 0.5, "later": -30, "paid": 5, "odd": 5, "closed": 5}
    rows = {name: create_payment_session(**arguments) for name in ages}
    for name, minutes in ages.items():
        PaymentSession.objects.filter(pk=rows[name].pk).update(
            expires_at=now - timedelta(minutes=minutes)
        )
    PaymentSession.objects.filter(pk=rows["paid"].pk).update(payment_status="AWAITING_FUNDS")
    PaymentSession.objects.filter(pk=rows["odd"].pk).update(review_reason="It is odd.")
    PaymentSession.objects.filter(pk=rows["closed"].pk).update(state=State.CLOSED)

    assert list(due_to_expire()) == [rows["a"], rows["b"]]
    assert list(due_to_expire("default")) == [rows["a"], rows["b"]]


def test_due_to_expire_are_those_of_the_account_that_is_named(
    ended: PaymentSession, settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"other": {}}}

    assert list(due_to_expire("other")) == []
    with pytest.raises(UnknownAccount):
        due_to_expire("nobody")


def test_what_is_due_to_expire_can_be_refreshed_just_as_well(ended: PaymentSession) -> None:
    (found,) = due_to_expire()

    assert refresh_payment_session(found).state == State.EXPIRED
    assert list(due_to_expire()) == []
