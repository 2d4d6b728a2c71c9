"""What follows when a create call does not succeed: the row, the error, and every request sent."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pytest_django import Settings

from django_redpin.client.outcomes import RULES, Outcome, outcome_of
from django_redpin.exceptions import (
    APIError,
    NoAnswer,
    NotCreatedYet,
    OutcomeUnknown,
    RedpinError,
    SessionRejected,
)
from django_redpin.models import PaymentSession
from django_redpin.services import attempts, complete_payment_session, create_payment_session
from django_redpin.services.endings import LIST_LAG
from django_redpin.services.sweeps import complete_due_sessions
from tests.redpin_server import FakeRedpin, Handler

State = PaymentSession.State
pytestmark = pytest.mark.django_db

CUSTOMER = "0201001008132685"
AGES = timedelta(minutes=10)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts.time, "sleep", lambda seconds: None)  # type: ignore[attr-defined]


def answer(status: int, field: str = "", headers: tuple[tuple[str, str], ...] = ()) -> Any:
    """Return a script that answers with an error, and creates nothing."""

    def script(handler: Handler) -> None:
        body = b'{"code": "X", "description": "no", "type": "T", "field": "%s"}' % field.encode()
        handler.raw(status, body, headers)

    return script


def create_and(then: Callable[[Handler], None]) -> Any:
    """Return a script that creates the session and then does something else than tell it."""

    def script(handler: Handler) -> None:
        handler.redpin.store(handler.call.json, CUSTOMER)
        then(handler)

    return script


LOST = create_and(Handler.hang_up)

# What Redpin does; the state of the row after it; the error; POSTs and look-ups sent.
NOT_EXECUTED = [
    (answer(429), 2, 0),
    (answer(429, headers=(("Retry-After", "30"),)), 1, 0),
    (answer(503, headers=(("Retry-After", "30"),)), 1, 0),
]
UNKNOWN = [answer(status) for status in (302, 408, 500, 501, 502, 503, 504, 599)]
REFUSED = [answer(status) for status in (400, 403, 404, 405, 410, 418, 422)]


@pytest.mark.parametrize(("script", "posts", "look_ups"), NOT_EXECUTED)
def test_b3_what_was_surely_not_executed_is_sent_again_under_the_same_reference(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    let_time_pass: Callable[[timedelta], None],
    script: Any,
    posts: int,
    look_ups: int,
) -> None:
    redpin.create_script.extend([script] * posts)

    with pytest.raises(NotCreatedYet) as caught:
        create_payment_session(**arguments)

    session = caught.value.session
    assert (session.state, session.unanswered_at) == (State.CREATING, None)
    assert len(redpin.creates) == posts
    assert redpin.count("GET", "/sessions") == look_ups
    let_time_pass(AGES)
    assert complete_due_sessions() == 1
    assert len({call.json["client_reference_id"] for call in redpin.creates}) == 1
    assert redpin.count("GET", "/sessions") == 0  # There was never a reason to ask.
    assert PaymentSession.objects.get().state == State.OPEN


@pytest.mark.parametrize("script", UNKNOWN)
def test_b16_what_may_have_been_executed_is_looked_up_before_it_is_sent_again(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    let_time_pass: Callable[[timedelta], None],
    script: Any,
) -> None:
    redpin.create_script.append(script)

    with pytest.raises(OutcomeUnknown) as caught:
        create_payment_session(**arguments, idempotency_key="order-1")

    assert not isinstance(caught.value, NotCreatedYet)
    session = caught.value.session
    assert session.state == State.UNKNOWN
    assert session.unanswered_at is not None
    assert session.next_attempt_at is not None
    assert session.next_attempt_at >= session.unanswered_at + LIST_LAG
    assert len(redpin.creates) == 1
    assert redpin.count("GET", "/sessions") == 1  # Looked up at once, in vain.

    with pytest.raises(OutcomeUnknown):  # Redpin's list may lag: nothing is sent yet.
        create_payment_session(**arguments, idempotency_key="order-1")
    assert len(redpin.creates) == 1

    let_time_pass(AGES)
    calls = len(redpin.calls)
    opened = create_payment_session(**arguments, idempotency_key="order-1")
    assert [call.method for call in redpin.calls[calls:]] == ["GET", "POST"]
    assert (opened.pk, opened.state) == (session.pk, State.OPEN)
    assert len({call.json["client_reference_id"] for call in redpin.creates}) == 1


@pytest.mark.parametrize("script", REFUSED)
def test_b3_what_is_refused_for_good_is_sent_once_and_never_looked_up(
    redpin: FakeRedpin, arguments: dict[str, Any], script: Any
) -> None:
    redpin.create_script.append(script)

    with pytest.raises(SessionRejected):
        create_payment_session(**arguments)

    assert len(redpin.creates) == 1
    assert redpin.count("GET", "/sessions") == 0
    assert PaymentSession.objects.get().state == State.REJECTED
    assert complete_due_sessions() == 0


def test_b3_a_refused_connection_is_tried_again_and_surely_created_nothing(
    redpin: FakeRedpin, arguments: dict[str, Any], settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN, "BASE_URL": "http://127.0.0.1:9"}

    with pytest.raises(NotCreatedYet, match="surely"):
        create_payment_session(**arguments)

    session = PaymentSession.objects.get()
    assert (session.state, session.unanswered_at) == (State.CREATING, None)


def test_b3_credentials_that_are_refused_are_no_reason_to_try_again_at_once(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    redpin.create_script.extend([answer(401), answer(401)])

    with pytest.raises(NotCreatedYet):
        create_payment_session(**arguments)

    assert len(redpin.creates) == 2  # The second with a new token: B4.


def test_b3_one_refusal_for_now_costs_the_caller_nothing(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    redpin.create_script.append(answer(429))

    assert create_payment_session(**arguments).state == State.OPEN
    assert len(redpin.creates) == 2


@pytest.mark.parametrize("script", [answer(409), answer(400, "client_reference_id")])
def test_b3_a_reference_taken_before_we_sent_anything_is_a_strangers(
    redpin: FakeRedpin, arguments: dict[str, Any], script: Any
) -> None:
    redpin.create_script.append(script)

    with pytest.raises(SessionRejected) as caught:
        create_payment_session(**arguments)

    assert caught.value.field == "client_reference_id"
    assert len(redpin.creates) == 1


@pytest.mark.parametrize("script", [answer(409), answer(400, "client_reference_id")])
def test_b3_a_duplicate_after_an_unanswered_request_is_our_own_and_is_adopted(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    let_time_pass: Callable[[timedelta], None],
    script: Any,
) -> None:
    redpin.list_shows_url = True

    def be_stored_late_and_refuse(handler: Handler) -> None:
        """Show the first request's session only when the second one comes."""
        handler.redpin.store(handler.call.json, CUSTOMER)
        script(handler)

    redpin.create_script.extend([answer(500), be_stored_late_and_refuse])
    with pytest.raises(OutcomeUnknown):
        create_payment_session(**arguments, idempotency_key="order-1")
    let_time_pass(AGES)

    session = create_payment_session(**arguments, idempotency_key="order-1")

    assert session.state == State.OPEN
    assert list(redpin.sessions) == [session.client_reference_id]


@pytest.mark.parametrize("script", [answer(409), answer(400, "client_reference_id")])
def test_b3_a_reference_that_redpin_refuses_again_and_does_not_list_is_rejected_in_the_end(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    let_time_pass: Callable[[timedelta], None],
    script: Any,
) -> None:
    redpin.create_script.extend([answer(500), script, script])
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            create_payment_session(**arguments, idempotency_key="order-1")
        let_time_pass(AGES)
    assert PaymentSession.objects.get().last_error_field == "client_reference_id"

    with pytest.raises(SessionRejected) as caught:
        create_payment_session(**arguments, idempotency_key="order-1")

    assert caught.value.field == "client_reference_id"
    assert len(redpin.creates) == 3


def test_b17_a_look_up_that_fails_leaves_the_session_unknown_and_sends_nothing(
    redpin: FakeRedpin, arguments: dict[str, Any], let_time_pass: Callable[[timedelta], None]
) -> None:
    redpin.create_script.append(LOST)
    redpin.list_script.extend([answer(500)] * 2)
    with pytest.raises(OutcomeUnknown, match="Don't create another one"):
        create_payment_session(**arguments)

    let_time_pass(AGES)
    redpin.list_script.extend([answer(500)] * 2)
    complete_due_sessions()

    assert PaymentSession.objects.get().state == State.UNKNOWN
    assert len(redpin.creates) == 1


def test_b17_a_look_up_that_shows_two_sessions_decides_nothing(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    def twice(handler: Handler) -> None:
        (record,) = handler.redpin.sessions.values()
        handler.json(200, {"sessions": [record, {**record, "session_id": "another"}]})

    redpin.create_script.append(LOST)
    redpin.list_script.extend([twice, twice])

    with pytest.raises(OutcomeUnknown):
        create_payment_session(**arguments)

    assert PaymentSession.objects.get().state == State.UNKNOWN
    assert len(redpin.creates) == 1


def test_e10_a_list_that_lags_never_leads_to_a_second_session(
    redpin: FakeRedpin, arguments: dict[str, Any], let_time_pass: Callable[[timedelta], None]
) -> None:
    redpin.list_shows_url = True
    redpin.create_script.append(LOST)
    redpin.list_script.append(lambda handler: handler.json(200, {"sessions": []}))

    with pytest.raises(OutcomeUnknown):
        create_payment_session(**arguments)
    let_time_pass(AGES)
    complete_due_sessions()

    assert PaymentSession.objects.get().state == State.OPEN
    assert len(redpin.creates) == len(redpin.sessions) == 1


def test_answers_that_are_lost_again_and_again_call_for_a_person(
    redpin: FakeRedpin, arguments: dict[str, Any], let_time_pass: Callable[[timedelta], None]
) -> None:
    redpin.create_script.extend([LOST] * 20)
    with pytest.raises(OutcomeUnknown):
        create_payment_session(**arguments, idempotency_key="order-1")
    for _ in range(10):
        let_time_pass(timedelta(hours=2))
        complete_due_sessions()

    assert len(redpin.creates) == 1 + attempts.MAX_LOST_ANSWERS
    last = PaymentSession.objects.get(idempotency_key="order-1")
    assert last.state == State.UNKNOWN
    assert "lost again and again" in last.review_reason
    states = PaymentSession.objects.exclude(pk=last.pk).values_list("state", flat=True)
    assert set(states) == {State.SUPERSEDED}


def test_a_row_is_looked_up_and_sent_under_the_customer_that_it_names(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    let_time_pass: Callable[[timedelta], None],
    settings: Settings,
) -> None:
    redpin.create_script.append(answer(500))
    with pytest.raises(OutcomeUnknown) as caught:
        create_payment_session(**arguments)
    settings.REDPIN = {**settings.REDPIN, "CUSTOMER_ID": "9999"}
    let_time_pass(AGES)

    assert complete_payment_session(caught.value.session).state == State.OPEN
    assert {call.path.split("/")[-2] for call in redpin.calls if "sessions" in call.path} == {
        CUSTOMER
    }


def test_a_reference_longer_than_redpins_filter_is_found_among_its_payers(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    redpin.list_shows_url = True
    redpin.create_script.append(LOST)

    session = create_payment_session(**arguments, client_reference_id="R" * 80)

    assert session.state == State.OPEN
    assert len(redpin.creates) == 1
    (look_up,) = (call for call in redpin.calls if call.method == "GET")
    assert look_up.query["client_customer_ref"] == "CUST_001"
    assert "client_reference_id" not in look_up.query


def test_once_its_session_id_is_known_a_long_reference_is_found_by_that(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    from django_redpin.services import refresh_payment_session

    session = create_payment_session(**arguments, client_reference_id="R" * 80)
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")

    assert refresh_payment_session(session).payment_status == "AWAITING_FUNDS"
    assert redpin.calls[-1].query == {"session_id": session.session_id}


def errors() -> list[RedpinError]:
    """Return an error of every kind that a call can end in."""
    kinds: list[RedpinError] = []
    pending: list[type[RedpinError]] = [NoAnswer, APIError]
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        if issubclass(kind, APIError):
            kinds += [
                kind(status, field=field)
                for status, field in itertools.product(
                    (300, 401, 404, 409, 429, 503), ("", "client_reference_id")
                )
            ]
        else:
            kinds.append(kind("x"))
    return kinds


def test_b3_the_table_is_closed_an_error_that_nobody_foresaw_may_have_been_executed() -> None:
    class Unforeseen(RedpinError):
        pass

    assert outcome_of(Unforeseen("x")) is Outcome.UNKNOWN
    assert RULES[-1].outcome is Outcome.UNKNOWN
    assert all(isinstance(outcome_of(error), Outcome) for error in errors())


@pytest.mark.parametrize("wait", [5, 3600])
def test_b19_an_attempt_is_not_due_before_redpin_asks_for_it(
    redpin: FakeRedpin, arguments: dict[str, Any], wait: int
) -> None:
    redpin.create_script.append(answer(503, headers=(("Retry-After", str(wait)),)))
    now = datetime.now(timezone.utc)

    with pytest.raises(NotCreatedYet) as caught:
        create_payment_session(**arguments)

    due = caught.value.session.next_attempt_at
    assert due is not None
    assert due >= now + timedelta(seconds=wait)


def test_b19_a_worker_sends_three_times_and_a_request_twice_at_the_most(
    redpin: FakeRedpin, arguments: dict[str, Any], let_time_pass: Callable[[timedelta], None]
) -> None:
    redpin.create_script.extend([answer(429)] * 20)
    with pytest.raises(NotCreatedYet):
        create_payment_session(**arguments)
    assert len(redpin.creates) == 2

    let_time_pass(AGES)
    complete_due_sessions()
    assert len(redpin.creates) == 2 + 3
