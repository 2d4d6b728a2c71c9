"""Reconciling: Redpin is asked about what is due, by few calls, and nothing holds up the rest."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any, Final

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.db.models import F, QuerySet
from pytest_django import Settings

from django_redpin.client import RedpinClient, SessionRecord
from django_redpin.conf import get_account
from django_redpin.exceptions import ConfigurationError, OpenTransactionError
from django_redpin.models import PaymentSession, StatusTransition
from django_redpin.services import (
    Reconciled,
    reconcile_payment_sessions,
    refresh_payment_session,
    rounds,
)
from django_redpin.services.refresh import apply_record
from django_redpin.services.transactions import update
from tests.redpin_server import FakeRedpin, Handler, iso

from .test_concurrency import at_once

State = PaymentSession.State
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_retries")]

CUSTOMER: Final = "0201001008132685"
MINUTE: Final = timedelta(minutes=1)


def now() -> datetime:
    return datetime.now(timezone.utc)


def make(
    redpin: FakeRedpin,
    count: int,
    *,
    name: str = "ORDER",
    account: str = "default",
    customer_id: str = CUSTOMER,
    ends_in: timedelta = 30 * MINUTE,
    due_in: timedelta = -MINUTE,
) -> list[PaymentSession]:
    """Make open sessions that are due, here and at Redpin; the last one is the newest there."""
    expires_at = now() + ends_in
    rows = PaymentSession.objects.bulk_create(
        PaymentSession(
            account=account,
            customer_id=customer_id,
            client_customer_ref="CUST_001",
            client_reference_id=f"{name}-{number:04}",
            amount=100,
            currency="AED",
            due_date=date(2030, 1, 1),
            purpose_of_transaction="PROPERTY_PURCHASE",
            session_id=f"{account}-{name}-{number}",
            session_url="https://pay.redpin.test/",
            expires_at=expires_at,
            state=State.OPEN,
            next_attempt_at=now() + due_in,
        )
        for number in range(count)
    )
    for row in rows:
        body = {"client_reference_id": row.client_reference_id, "client_customer_ref": "CUST_001"}
        record = redpin.store(body, customer_id)
        record |= {"session_id": row.session_id, "session_expires_at": iso(expires_at)}
    return list(
        PaymentSession.objects.filter(
            account=account, client_reference_id__startswith=name
        ).order_by("pk")
    )


def pay(redpin: FakeRedpin, session: PaymentSession, status: str = "PAYMENT_COMPLETED") -> None:
    redpin.pay(session.client_reference_id, status, payment_id=f"P-{session.pk}")


def expire(redpin: FakeRedpin, session: PaymentSession, ended: timedelta = 10 * MINUTE) -> None:
    """Let the session have ended, by Redpin's record and by ours."""
    expires_at = now() - ended
    PaymentSession.objects.filter(pk=session.pk).update(expires_at=expires_at)
    redpin.sessions[session.client_reference_id]["session_expires_at"] = iso(expires_at)


def make_due(*sessions: PaymentSession) -> None:
    rows = PaymentSession.objects.exclude(next_attempt_at=None)
    if sessions:
        rows = PaymentSession.objects.filter(pk__in=[session.pk for session in sessions])
    rows.update(next_attempt_at=now())


def lists(redpin: FakeRedpin) -> list[dict[str, str]]:
    """Return the queries of the list calls that arrived."""
    return [call.query for call in redpin.calls if call.method == "GET"]


def states() -> Counter[tuple[str, str]]:
    return Counter(PaymentSession.objects.values_list("state", "payment_status"))


def journal() -> Counter[tuple[str, str]]:
    return Counter(StatusTransition.objects.values_list("subject", "to_value"))


def fail(handler: Handler) -> None:
    handler.error(500, "", "broken")


# What it does for one session: the same as refresh does.


def test_a_payment_whose_webhooks_were_all_lost_is_followed_to_its_end(redpin: FakeRedpin) -> None:
    (session,) = make(redpin, 1)
    pay(redpin, session, "AWAITING_FUNDS")

    assert reconcile_payment_sessions() == Reconciled(asked=1, moved=1, calls=1)
    pay(redpin, session, "PAYMENT_COMPLETED")
    make_due()
    assert reconcile_payment_sessions() == Reconciled(asked=1, moved=1, calls=1)

    session.refresh_from_db()
    assert (session.state, session.payment_status) == (State.CLOSED, "PAYMENT_COMPLETED")
    assert (session.session_url, session.next_attempt_at) == ("", None)
    assert reconcile_payment_sessions() == Reconciled()


def test_a_session_that_is_not_due_is_left_alone(redpin: FakeRedpin) -> None:
    make(redpin, 1, due_in=MINUTE)

    assert reconcile_payment_sessions() == Reconciled()
    assert not redpin.calls


def test_a_session_that_stays_open_is_due_again_later(redpin: FakeRedpin) -> None:
    (session,) = make(redpin, 1)

    assert reconcile_payment_sessions() == Reconciled(asked=1, calls=1)

    session.refresh_from_db()
    assert session.next_attempt_at is not None
    assert 14 * MINUTE < session.next_attempt_at - now() < 16 * MINUTE
    assert session.leased_until is None


@pytest.mark.parametrize("count", [1, 6])
def test_c12_a_session_paid_just_before_it_expired_is_paid(redpin: FakeRedpin, count: int) -> None:
    paid, *others = make(redpin, count)
    for session in (paid, *others):
        expire(redpin, session)
    pay(redpin, paid, "AWAITING_FUNDS")

    reconcile_payment_sessions()

    unpaid = {("expired", ""): count - 1} if others else {}
    assert states() == {("open", "AWAITING_FUNDS"): 1, **unpaid}


@pytest.mark.parametrize(
    ("ends_in", "redpins_clock", "state"),
    [
        (-5, -10, State.OPEN),  # Ours is ahead: it is over for us alone.
        (5, 10, State.OPEN),  # Ours is behind: it is over for Redpin alone.
        (-15, -10, State.EXPIRED),
        (-5, 10, State.EXPIRED),
        (-0.5, 10, State.OPEN),  # Within the grace, by ours.
        (-10.5, -10, State.OPEN),  # Within the grace, by Redpin's.
    ],
)
def test_c12_a_session_expires_once_both_clocks_are_past_its_end(
    redpin: FakeRedpin, ends_in: float, redpins_clock: int, state: str
) -> None:
    (session,) = make(redpin, 1, ends_in=ends_in * MINUTE)
    redpin.clock = redpins_clock * MINUTE

    reconcile_payment_sessions()

    session.refresh_from_db()
    assert session.state == state
    assert bool(session.session_url) == (state == State.OPEN)
    assert session.next_attempt_at is not None
    assert session.next_attempt_at > now()


@pytest.mark.parametrize("status", ["AWAITING_FUNDS", "PAYMENT_COMPLETED"])
def test_c12_a_payment_that_is_listed_only_after_the_session_expired_is_found(
    redpin: FakeRedpin, status: str
) -> None:
    (session,) = make(redpin, 1)
    expire(redpin, session)
    reconcile_payment_sessions()
    assert states() == {("expired", ""): 1}
    session.refresh_from_db()
    assert session.next_attempt_at is not None
    assert 40 * MINUTE < session.next_attempt_at - now() < 60 * MINUTE

    pay(redpin, session, status)
    make_due()
    reconcile_payment_sessions()

    session.refresh_from_db()
    assert session.payment_status == status
    assert session.state == (State.OPEN if status == "AWAITING_FUNDS" else State.CLOSED)


def test_an_expired_session_is_asked_about_a_day_later_for_the_last_time(
    redpin: FakeRedpin,
) -> None:
    (session,) = make(redpin, 1)
    expire(redpin, session, timedelta(days=2))

    assert reconcile_payment_sessions().moved == 1
    make_due(session)
    assert reconcile_payment_sessions() == Reconciled(asked=1, calls=1)

    session.refresh_from_db()
    assert (session.state, session.next_attempt_at) == (State.EXPIRED, None)


def test_c12_a_payment_that_is_known_here_and_not_listed_yet_keeps_its_session_open(
    redpin: FakeRedpin,
) -> None:
    (session,) = make(redpin, 1)
    expire(redpin, session)
    PaymentSession.objects.update(payment_status="AWAITING_FUNDS", payment_id="9001")

    reconcile_payment_sessions()

    assert states() == {("open", "AWAITING_FUNDS"): 1}


def test_c12_news_that_comes_in_while_redpin_is_asked_keeps_a_session_open(
    redpin: FakeRedpin,
) -> None:
    (session,) = make(redpin, 1)
    expire(redpin, session)
    session.refresh_from_db()
    client = RedpinClient(get_account())
    unpaid = client.find_session(session.client_reference_id)
    assert unpaid is not None
    pay(redpin, session, "AWAITING_FUNDS")
    refresh_payment_session(PaymentSession.objects.get())

    assert not apply_record(session, unpaid, seen="")

    assert states() == {("open", "AWAITING_FUNDS"): 1}


@pytest.mark.parametrize("count", [1, 6])
@pytest.mark.parametrize("name", ["session_id", "client_customer_ref"])
def test_a_session_that_is_another_one_at_redpin_is_held_for_review(
    redpin: FakeRedpin, name: str, count: int
) -> None:
    session, *_ = make(redpin, count)
    pay(redpin, session)
    redpin.sessions[session.client_reference_id][name] = "another"

    assert reconcile_payment_sessions().moved == 0

    session.refresh_from_db()
    assert name in session.review_reason
    assert states() == {("open", ""): count}
    assert journal() == {("review", session.review_reason): 1}


@pytest.mark.parametrize("count", [1, 6])
def test_neither_of_two_sessions_with_one_reference_is_believed(
    redpin: FakeRedpin, count: int
) -> None:
    session, *_ = make(redpin, count)
    pay(redpin, session)
    reference = session.client_reference_id
    redpin.sessions["double"] = {**redpin.sessions[reference], "session_id": "another"}
    del redpin.sessions[reference]
    redpin.sessions[reference] = {**redpin.sessions["double"], "session_id": "a third"}

    assert reconcile_payment_sessions().failed == 1

    assert states() == {("open", ""): count}
    assert not StatusTransition.objects.exists()


def test_a_session_that_redpin_does_not_list_stays_open_and_is_asked_about_later(
    redpin: FakeRedpin,
) -> None:
    (session,) = make(redpin, 1)
    expire(redpin, session)
    redpin.sessions.clear()

    assert reconcile_payment_sessions() == Reconciled(asked=1, calls=1)
    assert reconcile_payment_sessions() == Reconciled()
    assert states() == {("open", ""): 1}


# How many calls that takes.


def test_a_few_are_looked_up_one_by_one(redpin: FakeRedpin) -> None:
    sessions = make(redpin, rounds.FEW)

    assert reconcile_payment_sessions().calls == rounds.FEW

    asked = [query.get("client_reference_id") for query in lists(redpin)]
    assert sorted(map(str, asked)) == [each.client_reference_id for each in sessions]


def test_more_are_found_on_a_page(redpin: FakeRedpin) -> None:
    make(redpin, rounds.FEW + 1)

    assert reconcile_payment_sessions() == Reconciled(asked=rounds.FEW + 1, calls=1)
    assert lists(redpin) == [{"page": "1", "limit": "100"}]


@pytest.mark.parametrize(
    ("due", "calls"),
    [
        (range(240, 300), 1),  # All among the newest.
        (range(60), 3),  # All among the oldest.
        (range(0, 300, 5), 3),
        (range(6), 3),
        (range(20, 300, 50), 3),  # Two on each page.
    ],
)
def test_the_pages_are_read_for_as_long_as_they_are_the_cheaper_way(
    redpin: FakeRedpin, due: range, calls: int
) -> None:
    sessions = make(redpin, 300, due_in=MINUTE)
    make_due(*[sessions[number] for number in due])

    assert reconcile_payment_sessions() == Reconciled(asked=len(due), calls=calls)
    assert len(lists(redpin)) == calls


def test_pages_are_read_on_while_each_tells_of_several(redpin: FakeRedpin) -> None:
    sessions = make(redpin, 1000, due_in=MINUTE)
    make_due(*[sessions[number] for number in range(610, 1000, 33)])

    # Twelve on the first four of ten pages; to look up the nine after the first were more calls.
    assert reconcile_payment_sessions() == Reconciled(asked=12, calls=4)


@pytest.mark.parametrize("count", [6, 9])
def test_what_is_far_down_in_a_long_list_is_looked_up(redpin: FakeRedpin, count: int) -> None:
    make(redpin, count, name="DUE")
    redpin.sessions |= {
        f"OTHER-{number}": {"session_id": str(number), "client_reference_id": f"OTHER-{number}"}
        for number in range(1000)
    }

    done = reconcile_payment_sessions()

    assert done == Reconciled(asked=count, calls=count + 1)
    assert [query.get("page") for query in lists(redpin)] == ["1"] + [None] * count


def test_the_calls_of_an_account_are_bounded_and_the_rest_stays_due(
    redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "MAX_CALLS", 4)
    make(redpin, 14, name="DUE")
    redpin.sessions |= {
        f"OTHER-{number}": {"session_id": str(number), "client_reference_id": f"OTHER-{number}"}
        for number in range(1000)
    }

    runs = [reconcile_payment_sessions() for _ in range(6)]

    # They are on the last of eleven pages, which four calls never come to: so, look-ups.
    assert [run.asked for run in runs] == [3, 3, 3, 4, 1, 0]
    assert [run.calls for run in runs] == [4, 4, 4, 4, 1, 0]


@pytest.mark.heavy
def test_a_session_that_the_pages_pass_by_is_looked_up_the_next_time(redpin: FakeRedpin) -> None:
    sessions = make(redpin, 300)

    def answer_and_lose_the_newest_three(handler: Handler) -> None:
        handler.answer_list()
        for session in [sessions.pop() for _ in range(3)]:
            hidden[session.client_reference_id] = redpin.sessions.pop(session.client_reference_id)

    hidden: dict[str, Any] = {}
    redpin.list_script += [answer_and_lose_the_newest_three] * 3

    first = reconcile_payment_sessions()
    redpin.sessions |= hidden
    second = reconcile_payment_sessions()

    assert first == Reconciled(asked=294, calls=3)
    assert second == Reconciled(asked=6, calls=6)
    assert {tuple(query) for query in lists(redpin)[3:]} == {("client_reference_id",)}
    assert set(PaymentSession.objects.values_list("attempts", flat=True)) == {0}


ORACLE: Final = ["PAYMENT_COMPLETED", "CANCELLED", "AWAITING_FUNDS", "expired", ""]


def insert_at_the_front(handler: Handler) -> None:
    handler.answer_list()
    body = {"client_reference_id": f"NEW-{time.monotonic_ns()}", "client_customer_ref": "X"}
    handler.redpin.store(body, CUSTOMER)


@pytest.mark.slow
@pytest.mark.parametrize("is_shifting", [False, True])
def test_a28_a_thousand_sessions_without_any_webhook_converge_within_two_intervals(
    redpin: FakeRedpin, is_shifting: bool
) -> None:
    sessions = make(redpin, 1000)
    for number, session in enumerate(sessions):
        fate = ORACLE[number % 5]
        if fate == "expired":
            expire(redpin, session)
        elif fate:
            pay(redpin, session, fate)

    redpin.list_script += [insert_at_the_front] * 12 * is_shifting
    first = reconcile_payment_sessions()

    assert (first.asked, first.moved, first.failed) == (1000, 800, 0)
    assert first.calls == len(lists(redpin)) <= 12
    assert states() == {
        ("closed", "PAYMENT_COMPLETED"): 200,
        ("closed", "CANCELLED"): 200,
        ("open", "AWAITING_FUNDS"): 200,
        ("expired", ""): 200,
        ("open", ""): 200,
    }
    assert reconcile_payment_sessions() == Reconciled()  # An interval has to pass.

    redpin.list_script.clear()
    for number, session in enumerate(sessions):
        if ORACLE[number % 5] in ("AWAITING_FUNDS", ""):
            pay(redpin, session, ["PAYMENT_COMPLETED", "AWAITING_FUNDS"][number % 2])
    PaymentSession.objects.update(next_attempt_at=F("next_attempt_at") - 16 * MINUTE)
    redpin.list_script += [insert_at_the_front] * 12 * is_shifting
    second = reconcile_payment_sessions()

    assert (second.asked, second.failed) == (400, 0)
    assert second.calls <= 12
    listed = Counter(record["latest_status"] or "" for record in redpin.sessions.values())
    held = Counter(status for (_, status), count in states().items() for _ in range(count))
    listed[""] = held[""]  # Those that were inserted are none of ours.
    assert held == listed
    assert set(states()) == {
        ("closed", "PAYMENT_COMPLETED"),
        ("closed", "CANCELLED"),
        ("open", "AWAITING_FUNDS"),
        ("expired", ""),
    }
    lines = Counter(StatusTransition.objects.values_list("session", "subject", "to_value"))
    assert set(lines.values()) == {1}
    # 200 waited for money in the first interval; half of them, and of those unpaid, were paid then.
    assert journal() == {
        ("payment_status", "PAYMENT_COMPLETED"): 400,
        ("payment_status", "CANCELLED"): 200,
        ("payment_status", "AWAITING_FUNDS"): 300,
        ("state", "closed"): 600,
        ("state", "expired"): 200,
    }


# What fails holds up nothing else.


def test_a_row_that_cannot_be_applied_stops_no_other(
    redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad, *others = make(redpin, 8)
    for session in (bad, *others):
        pay(redpin, session)

    def apply(session: PaymentSession, record: SessionRecord, seen: str) -> bool:
        if session == bad:
            raise RuntimeError("unforeseen")
        return apply_record(session, record, seen)

    monkeypatch.setattr(rounds, "apply_record", apply)

    assert reconcile_payment_sessions() == Reconciled(asked=7, moved=7, calls=1, failed=1)

    bad.refresh_from_db()
    assert bad.leased_until is None
    assert bad.next_attempt_at is not None
    assert 14 * MINUTE < bad.next_attempt_at - now() < 16 * MINUTE
    assert bad.client_reference_id in caplog.text


@pytest.mark.parametrize("answer", [fail, Handler.hang_up, lambda handler: handler.json(200, {})])
def test_a_call_that_fails_stops_no_other(
    redpin: FakeRedpin, answer: Callable[[Handler], None]
) -> None:
    make(redpin, 3)
    redpin.list_script.append(answer)

    done = reconcile_payment_sessions()

    assert (done.asked, done.failed) == (2, 1)
    assert reconcile_payment_sessions() == Reconciled()


def test_calls_that_fail_now_and_then_give_up_nothing(redpin: FakeRedpin) -> None:
    make(redpin, 5)
    redpin.list_script += [fail, fail, Handler.answer_list, fail]

    assert reconcile_payment_sessions() == Reconciled(asked=2, calls=5, failed=3)


@pytest.mark.parametrize("answer", [fail, lambda handler: handler.json(200, {"sessions": 7})])
def test_where_a_page_cannot_be_had_the_sessions_are_looked_up(
    redpin: FakeRedpin, answer: Callable[[Handler], None]
) -> None:
    make(redpin, 8)
    redpin.list_script.append(answer)

    done = reconcile_payment_sessions()

    assert (done.asked, done.failed) == (8, 0)
    assert lists(redpin)[-1].keys() == {"client_reference_id"}


def test_an_account_whose_calls_fail_in_a_row_is_left_for_a_quarter_of_an_hour(
    redpin: FakeRedpin, caplog: pytest.LogCaptureFixture
) -> None:
    make(redpin, 20)
    redpin.list_script += [lambda handler: handler.json(200, {})] * 50

    done = reconcile_payment_sessions()

    assert done == Reconciled(calls=3, failed=20, unanswered=20)
    assert "18 sessions to ask about" in caplog.text
    assert reconcile_payment_sessions() == Reconciled()
    redpin.list_script.clear()
    PaymentSession.objects.update(next_attempt_at=F("next_attempt_at") - 16 * MINUTE)
    assert reconcile_payment_sessions().asked == 20


@pytest.mark.parametrize(
    ("broken", "calls"),
    [
        ({"CLIENT_SECRET": "canary-wrong-secret-0123456789"}, 2),
        ({"BASE_URL": "http://127.0.0.1:9"}, 2),
        ({"BASE_URL": "http://elsewhere.test"}, 2),
        (None, 1),  # It has left the settings.
    ],
)
def test_an_account_that_cannot_be_asked_about_stops_no_other(
    redpin: FakeRedpin,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    broken: dict[str, str] | None,
    calls: int,
) -> None:
    accounts = {"second": broken} if broken is not None else {}
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": accounts}
    ours, theirs = make(redpin, 8), make(redpin, 8, name="THEIRS", account="second")
    for session in (*ours, *theirs):
        pay(redpin, session)

    done = reconcile_payment_sessions()

    assert (done.asked, done.moved, done.failed) == (8, 8, 8)
    assert done.calls <= calls
    assert states() == {("closed", "PAYMENT_COMPLETED"): 8, ("open", ""): 8}
    assert "second" in caplog.text
    assert "canary" not in caplog.text
    # It does not take a place away from the others either.
    make_due(*theirs)
    late = make(redpin, 2, name="LATE")
    assert reconcile_payment_sessions(limit=2).asked == len(late)


def test_sessions_are_asked_about_with_the_customer_that_their_rows_name(
    redpin: FakeRedpin, settings: Settings
) -> None:
    sessions = make(redpin, 8)
    for session in sessions:
        pay(redpin, session)
    settings.REDPIN = {**settings.REDPIN, "CUSTOMER_ID": "another"}

    assert reconcile_payment_sessions().moved == 8
    assert states() == {("closed", "PAYMENT_COMPLETED"): 8}


def test_an_account_has_its_own_sessions_asked_about_with_its_own_customer(
    redpin: FakeRedpin, settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"second": {"CUSTOMER_ID": "OTHER"}}}
    make(redpin, 8)
    make(redpin, 8, name="THEIRS", account="second", customer_id="OTHER")

    assert reconcile_payment_sessions().asked == 16

    paths = {call.path for call in redpin.calls if call.method == "GET"}
    assert paths == {f"/v1/customers/{customer}/sessions" for customer in (CUSTOMER, "OTHER")}


def test_one_account_can_be_reconciled_by_its_alias(redpin: FakeRedpin, settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"second": {}}}
    make(redpin, 2)
    make(redpin, 3, name="THEIRS", account="second")

    assert reconcile_payment_sessions(account="second").asked == 3
    assert reconcile_payment_sessions().asked == 2
    with pytest.raises(ConfigurationError, match="no account 'third'"):
        reconcile_payment_sessions(account="third")


# Its bounds, and who works on a row.


def test_a_run_takes_as_many_rows_as_it_may_those_that_waited_longest_first(
    redpin: FakeRedpin,
) -> None:
    young, old = make(redpin, 4), make(redpin, 3, name="OLD", due_in=-60 * MINUTE)

    assert reconcile_payment_sessions(limit=3).asked == 3

    later = PaymentSession.objects.filter(next_attempt_at__gt=now())
    assert set(later) == set(old)
    assert reconcile_payment_sessions(limit=0) == Reconciled()
    assert reconcile_payment_sessions().asked == len(young)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that have passed, for a test to say."""
    seconds = [0.0]
    watch = SimpleNamespace(monotonic=lambda: seconds[0])
    for module in ("rounds", "reconcile"):
        monkeypatch.setattr(f"django_redpin.services.{module}.time", watch)
    return seconds


def test_a_run_stops_when_its_time_is_over_and_the_next_one_goes_on(
    redpin: FakeRedpin, clock: list[float]
) -> None:
    def answer_late(handler: Handler) -> None:
        clock[0] += 130
        handler.answer_list()

    make(redpin, 250)
    redpin.list_script += [Handler.answer_list, answer_late]

    assert reconcile_payment_sessions() == Reconciled(asked=100, calls=2)
    assert reconcile_payment_sessions() == Reconciled(asked=150, calls=3)


def test_a_run_whose_time_is_over_in_the_middle_of_a_page_leaves_the_rest_of_it_due(
    redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    def apply_slowly(*arguments: Any) -> bool:
        clock[0] += 50
        return apply_record(*arguments)

    make(redpin, 50)
    with monkeypatch.context() as patch:
        patch.setattr(rounds, "apply_record", apply_slowly)
        assert reconcile_payment_sessions() == Reconciled(asked=3, calls=1)

    assert reconcile_payment_sessions() == Reconciled(asked=47, calls=1)


def test_a_row_in_the_hands_of_another_is_left_to_it_until_its_lease_is_over(
    redpin: FakeRedpin,
) -> None:
    make(redpin, 2)
    PaymentSession.objects.update(leased_until=now() + MINUTE)
    assert reconcile_payment_sessions() == Reconciled()

    PaymentSession.objects.update(leased_until=now() - MINUTE)
    assert reconcile_payment_sessions().asked == 2


def test_a_row_that_another_takes_at_the_very_moment_is_his(
    redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, free = make(redpin, 2)
    other_lease = now() + 2 * MINUTE

    def be_late(rows: QuerySet[PaymentSession], **changes: Any) -> int:
        PaymentSession.objects.filter(pk=taken.pk).update(leased_until=other_lease)
        return update(rows, **changes)

    monkeypatch.setattr(rounds, "update", be_late)

    assert reconcile_payment_sessions().asked == 1

    taken.refresh_from_db()
    free.refresh_from_db()
    assert (taken.leased_until, free.leased_until) == (other_lease, None)


def test_what_others_do_with_a_row_meanwhile_is_left_as_it_is(
    redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch
) -> None:
    leased, reopened = make(redpin, 2)
    other_lease, other_time = now() + 2 * MINUTE, now() + 3 * MINUTE
    expire(redpin, reopened, timedelta(days=2))
    PaymentSession.objects.filter(pk=reopened.pk).update(state=State.EXPIRED)

    def apply(session: PaymentSession, record: SessionRecord, seen: str) -> bool:
        row = PaymentSession.objects.filter(pk=session.pk)
        if session == leased:
            row.update(leased_until=other_lease)
        else:
            row.update(state=State.OPEN, next_attempt_at=other_time)
        return False

    monkeypatch.setattr(rounds, "apply_record", apply)
    reconcile_payment_sessions()

    leased.refresh_from_db()
    reopened.refresh_from_db()
    assert leased.leased_until == other_lease
    assert (reopened.next_attempt_at, reopened.leased_until) == (other_time, None)


def test_a_task_whose_time_is_over_stops_and_leaves_the_rest_due(
    redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(redpin, 8)

    def apply(*args: object) -> bool:
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(rounds, "apply_record", apply)
    with pytest.raises(SoftTimeLimitExceeded):
        reconcile_payment_sessions()
    monkeypatch.undo()

    assert reconcile_payment_sessions().asked == 8


@pytest.mark.heavy
@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_ask_about_each_session_once(redpin: FakeRedpin) -> None:
    for session in make(redpin, 120):
        pay(redpin, session)

    done = at_once(lambda _: reconcile_payment_sessions(), 4)

    assert sum(run.asked for run in done) == sum(run.moved for run in done) == 120
    assert states() == {("closed", "PAYMENT_COMPLETED"): 120}
    assert journal() == {("payment_status", "PAYMENT_COMPLETED"): 120, ("state", "closed"): 120}


@pytest.mark.heavy
@pytest.mark.django_db(transaction=True)
def test_runs_that_ask_about_the_same_sessions_move_each_of_them_once(
    redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds.Round, "_claim", lambda *_: PaymentSession.objects.all())
    for session in make(redpin, 60):
        pay(redpin, session)

    done = at_once(lambda _: reconcile_payment_sessions(), 4)

    assert sum(run.moved for run in done) == 60
    assert journal() == {("payment_status", "PAYMENT_COMPLETED"): 60, ("state", "closed"): 60}


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_it_refuses_to_call_redpin(redpin: FakeRedpin) -> None:
    make(redpin, 1)

    with transaction.atomic(), pytest.raises(OpenTransactionError, match="reconcile_payment"):
        reconcile_payment_sessions()

    assert not redpin.calls


def test_the_log_tells_no_url_and_no_secret(
    redpin: FakeRedpin, caplog: pytest.LogCaptureFixture
) -> None:
    make(redpin, 8)
    redpin.list_script += [fail] * 12

    with caplog.at_level(logging.DEBUG, logger="django_redpin"):
        reconcile_payment_sessions()

    assert caplog.records
    assert "https://pay" not in caplog.text
    assert "canary" not in caplog.text
