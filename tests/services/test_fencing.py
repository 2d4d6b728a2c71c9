"""Two attempts on one row: the one whose lease is over changes nothing, nothing is made twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from django_redpin.client import CreatedSession, RedpinClient
from django_redpin.exceptions import (
    InvalidRequestError,
    NotCreatedYet,
    NotSent,
    OutcomeUnknown,
    PaymentUnderWay,
    RedpinError,
    SessionRejected,
    UnknownAccount,
)
from django_redpin.models import PaymentSession
from django_redpin.services import (
    attempts,
    complete,
    complete_payment_session,
    create_payment_session,
    endings,
    leases,
    reconcile_payment_sessions,
    refresh_payment_session,
    renew,
    renew_payment_session,
    resume,
)
from django_redpin.services.lookup import look_up
from django_redpin.services.opening import in_place_of, open_session
from django_redpin.services.replace import replace_session
from django_redpin.services.sweeps import complete_due_sessions
from tests.redpin_server import FakeRedpin, Handler

from .test_concurrency import at_once
from .test_outcomes import LOST, answer
from .test_recipients import Clock

State = PaymentSession.State
Pass = Callable[[timedelta], None]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_retries")]


def let_the_look_up_take(duration: timedelta, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Redpin's answer be on its way for so long."""
    now = timezone.now

    def be_slow(session: PaymentSession) -> Any:
        record = look_up(session)
        monkeypatch.setattr(timezone, "now", lambda: now() + duration)
        return record

    monkeypatch.setattr(attempts, "look_up", be_slow)


def open_it(session: PaymentSession, record: Any) -> None:
    """Do what another attempt does whose answer has come."""
    created = CreatedSession(record.session_id, "https://pay.redpin.test/1", record.expires_at)
    open_session(PaymentSession.objects.get(pk=session.pk), created)


def pay_it(session: PaymentSession, record: Any) -> None:
    """Do what the worker does that has confirmed a webhook."""
    PaymentSession.objects.filter(pk=session.pk).update(
        payment_status="AWAITING_FUNDS", payment_status_position="x"
    )


@pytest.mark.parametrize("meanwhile", [open_it, pay_it])
def test_a_session_that_was_opened_or_paid_during_the_look_up_is_never_replaced(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[PaymentSession, Any], None],
) -> None:
    redpin.create_script.append(LOST)

    def be_overtaken(session: PaymentSession) -> Any:
        record = look_up(session)
        meanwhile(session, record)
        return record

    monkeypatch.setattr(attempts, "look_up", be_overtaken)
    if meanwhile is open_it:
        assert create_payment_session(**arguments).state == State.OPEN
    else:
        with pytest.raises(OutcomeUnknown) as caught:
            create_payment_session(**arguments)
        assert caught.value.money_may_have_moved

    assert PaymentSession.objects.count() == 1
    assert len(redpin.creates) == 1


def test_e11_a_worker_whose_clock_is_ahead_makes_no_second_page(
    redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    create_session = RedpinClient.create_session
    now = timezone.now
    created = 0

    def be_swept_meanwhile(self: RedpinClient, request: Any) -> CreatedSession:
        nonlocal created
        made = create_session(self, request)
        created += 1
        if created == 1:  # Redpin has answered, and the answer is not stored yet.
            monkeypatch.setattr(timezone, "now", lambda: now() + timedelta(minutes=6))
            complete_due_sessions()
            monkeypatch.setattr(timezone, "now", now)
        return made

    monkeypatch.setattr(RedpinClient, "create_session", be_swept_meanwhile)

    session = create_payment_session(**arguments, idempotency_key="order-1")

    (payable,) = PaymentSession.objects.exclude(session_url="")
    assert payable == session
    assert create_payment_session(**arguments, idempotency_key="order-1") == session


def test_an_attempt_whose_lease_is_over_does_not_say_that_nothing_was_sent(
    redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = create_payment_session(**arguments, defer=True)
    in_flight = timezone.now()

    def be_overtaken_and_fail(*rest: object) -> None:
        PaymentSession.objects.update(
            leased_until=in_flight + timedelta(minutes=4), unanswered_at=in_flight
        )
        raise NotSent("There is no token.")

    monkeypatch.setattr(RedpinClient, "create_session", be_overtaken_and_fail)
    complete_due_sessions()

    session.refresh_from_db()
    assert session.unanswered_at == in_flight
    assert session.leased_until == in_flight + timedelta(minutes=4)


def test_an_attempt_whose_lease_is_over_rejects_nothing(
    redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = create_payment_session(**arguments, idempotency_key="order-1", defer=True)

    def be_overtaken_and_refused(*rest: object) -> None:
        PaymentSession.objects.update(leased_until=timezone.now() + timedelta(minutes=4))
        raise InvalidRequestError(400, field="client_reference_id")

    monkeypatch.setattr(RedpinClient, "create_session", be_overtaken_and_refused)
    complete_due_sessions()

    session.refresh_from_db()
    assert (session.state, session.idempotency_key) == (State.CREATING, "order-1")


def test_an_attempt_whose_lease_is_over_sends_nothing(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    let_time_pass: Pass,
) -> None:
    redpin.create_script.append(answer(500))
    with pytest.raises(OutcomeUnknown) as caught:
        create_payment_session(**arguments)
    let_time_pass(timedelta(minutes=10))

    def take_longer_than_the_lease(session: PaymentSession) -> Any:
        record = look_up(session)
        let_time_pass(timedelta(minutes=6))
        return record

    monkeypatch.setattr(attempts, "look_up", take_longer_than_the_lease)

    with pytest.raises(OutcomeUnknown):
        complete_payment_session(caught.value.session)

    assert len(redpin.creates) == 1


def test_an_attempt_whose_lease_is_over_replaces_nothing(
    redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = create_payment_session(**arguments, defer=True)
    redpin.create_script.append(LOST)

    def be_overtaken(session: PaymentSession) -> Any:
        record = look_up(session)
        PaymentSession.objects.update(leased_until=timezone.now() + timedelta(minutes=4))
        return record

    monkeypatch.setattr(attempts, "look_up", be_overtaken)

    complete_due_sessions()

    assert PaymentSession.objects.get() == session
    assert len(redpin.creates) == 1


def test_an_attempt_whose_lease_has_run_out_sends_nothing_though_nobody_took_over(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    let_time_pass: Pass,
) -> None:
    redpin.create_script.append(answer(500))
    with pytest.raises(OutcomeUnknown) as caught:
        create_payment_session(**arguments)
    let_time_pass(timedelta(minutes=10))
    let_the_look_up_take(timedelta(minutes=6), monkeypatch)

    with pytest.raises(OutcomeUnknown):
        complete_payment_session(caught.value.session)

    assert len(redpin.creates) == 1


def test_a_session_that_redpin_created_after_it_was_rejected_calls_for_a_person(
    redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    create_session = RedpinClient.create_session

    def be_rejected_meanwhile(self: RedpinClient, request: Any) -> CreatedSession:
        made = create_session(self, request)
        with pytest.raises(SessionRejected):
            endings.reject(PaymentSession.objects.get(), InvalidRequestError(400))
        return made

    monkeypatch.setattr(RedpinClient, "create_session", be_rejected_meanwhile)

    with pytest.raises(SessionRejected):
        create_payment_session(**arguments)

    session = PaymentSession.objects.get()
    assert (session.state, session.session_url) == (State.REJECTED, "")
    assert "had refused" in session.review_reason


def pay_as_told(status: str) -> None:
    """Let a webhook have told of a payment that Redpin's list does not show yet."""
    state = State.CLOSED if status == "PAYMENT_COMPLETED" else State.UNKNOWN
    changes: dict[str, Any] = {"state": state, "payment_status": status}
    if state == State.CLOSED:
        changes |= {"leased_until": None, "next_attempt_at": None}
    PaymentSession.objects.update(payment_status_position="x", **changes)


def test_a_session_whose_payment_is_known_is_never_replaced_for_a_list_that_lags(
    redpin: FakeRedpin, arguments: dict[str, Any], let_time_pass: Pass
) -> None:
    redpin.create_script.append(LOST)
    redpin.list_script.append(answer(403))
    with pytest.raises(OutcomeUnknown) as caught:
        create_payment_session(**arguments)
    pay_as_told("AWAITING_FUNDS")
    let_time_pass(timedelta(minutes=10))

    session = complete_payment_session(caught.value.session)

    assert PaymentSession.objects.get() == session
    assert (session.state, session.payment_status) == (State.OPEN, "AWAITING_FUNDS")


def test_a_session_that_was_closed_just_after_it_was_claimed_is_left_alone(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    let_time_pass: Pass,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    redpin.create_script.append(LOST)
    redpin.list_script.append(answer(403))
    with pytest.raises(OutcomeUnknown) as caught:
        create_payment_session(**arguments)
    let_time_pass(timedelta(minutes=10))

    def claim_and_be_overtaken(*args: Any, **kwargs: Any) -> bool:
        is_ours = leases.claim(*args, **kwargs)
        pay_as_told("PAYMENT_COMPLETED")
        return is_ours

    monkeypatch.setattr(complete, "claim", claim_and_be_overtaken)

    session = complete_payment_session(caught.value.session)

    assert PaymentSession.objects.get() == session
    assert session.state == State.CLOSED
    assert not session.review_reason


def test_an_answer_that_comes_late_takes_no_open_session_out_of_the_sweep(
    redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    create_session = RedpinClient.create_session

    def answer_late(self: RedpinClient, request: Any) -> CreatedSession:
        made = create_session(self, request)
        open_session(PaymentSession.objects.get(), made)
        return made

    monkeypatch.setattr(RedpinClient, "create_session", answer_late)

    session = create_payment_session(**arguments)

    assert session.state == State.OPEN
    assert session.session_url
    assert session.next_attempt_at is not None


def test_a_caller_who_missed_another_ones_renewal_gets_it(
    redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    redpin.lifetime = -timedelta(minutes=10)
    session = create_payment_session(**arguments)
    redpin.lifetime = timedelta(minutes=30)
    looks = 0
    find = renew._renewal

    def miss_it_at_first(session: PaymentSession) -> PaymentSession | None:
        nonlocal looks
        looks += 1
        if looks > 1:
            return find(session)
        with monkeypatch.context() as patch:
            patch.setattr(renew, "_renewal", find)
            renew_payment_session(PaymentSession.objects.get(pk=session.pk))
        return None

    monkeypatch.setattr(renew, "_renewal", miss_it_at_first)

    renewal = renew_payment_session(session)

    assert (renewal.renews, renewal.state) == (session, State.OPEN)
    assert PaymentSession.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_b18_all_who_wait_get_the_session_that_replaced_a_lost_one(
    redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # With a budget.

    def be_slow_and_lost(handler: Handler) -> None:
        time.sleep(0.5)
        LOST(handler)

    redpin.create_script.append(be_slow_and_lost)

    sessions = at_once(
        lambda _: create_payment_session(**arguments, idempotency_key="order-1"), count=8
    )

    assert len({(session.pk, session.session_url) for session in sessions}) == 1
    assert sessions[0].state == State.OPEN


def test_b19_a_web_request_sends_twice_at_the_most_whatever_is_lost(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    let_time_pass: Pass,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()  # With a budget.
    redpin.create_script.extend([LOST] * 9)

    with pytest.raises(OutcomeUnknown):
        create_payment_session(**arguments)
    assert len(redpin.creates) <= 2

    let_time_pass(timedelta(hours=1))
    complete_due_sessions()
    assert len(redpin.creates) <= 2 + 3


def test_b19_without_a_budget_a_lost_session_is_replaced_by_one_that_is_sent_later(
    redpin: FakeRedpin, arguments: dict[str, Any], let_time_pass: Pass
) -> None:
    redpin.create_script.append(LOST)

    with pytest.raises(RedpinError):
        create_payment_session(**arguments, idempotency_key="order-1")
    assert len(redpin.creates) == 1

    let_time_pass(timedelta(minutes=10))
    assert create_payment_session(**arguments, idempotency_key="order-1").state == State.OPEN


def test_c12_an_end_that_redpin_did_not_tell_is_not_made_up(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    def lose_the_answer_and_list_no_end(handler: Handler) -> None:
        del handler.redpin.store(handler.call.json, "0201001008132685")["session_expires_at"]
        handler.hang_up()

    redpin.list_shows_url = True
    redpin.create_script.append(lose_the_answer_and_list_no_end)
    session = create_payment_session(**arguments)
    assert (session.state, session.expires_at) == (State.OPEN, None)

    PaymentSession.objects.update(next_attempt_at=timezone.now())
    reconcile_payment_sessions()

    session.refresh_from_db()
    assert session.state == State.OPEN


def test_b16_an_empty_list_is_as_old_as_the_question(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    let_time_pass: Pass,
) -> None:
    redpin.create_script.append(answer(500))
    with pytest.raises(OutcomeUnknown) as caught:
        create_payment_session(**arguments)
    let_time_pass(timedelta(seconds=6))
    let_the_look_up_take(timedelta(seconds=8), monkeypatch)

    with pytest.raises(OutcomeUnknown):
        complete_payment_session(caught.value.session)

    assert len(redpin.creates) == 1


def test_b9_a_look_up_among_a_payers_sessions_is_bounded(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    for number in range(900):
        body = {"client_reference_id": f"o{number}", "client_customer_ref": "CUST_001"}
        redpin.store(body, "0201001008132685")
    redpin.create_script.append(answer(500))

    with pytest.raises(OutcomeUnknown, match="too many sessions"):
        create_payment_session(**arguments, client_reference_id="R" * 60)

    assert redpin.count("GET", "/sessions") <= 5


def test_an_account_that_has_left_the_settings_is_told_in_the_row(
    redpin: FakeRedpin, arguments: dict[str, Any], settings: Settings
) -> None:
    session = create_payment_session(**arguments, defer=True)
    PaymentSession.objects.update(account="gone")

    complete_due_sessions()

    session.refresh_from_db()
    assert "gone" in session.last_error
    assert session.leased_until is None
    assert session.next_attempt_at is not None
    assert session.next_attempt_at > timezone.now()


def test_a_session_that_a_person_has_to_look_at_is_left_alone(
    redpin: FakeRedpin, arguments: dict[str, Any], let_time_pass: Pass
) -> None:
    redpin.create_script.append(answer(500))
    with pytest.raises(OutcomeUnknown) as caught:
        create_payment_session(**arguments)
    PaymentSession.objects.update(review_reason="It is odd.")
    let_time_pass(timedelta(minutes=10))
    calls = len(redpin.calls)

    complete_due_sessions()
    with pytest.raises(OutcomeUnknown, match="A person has to look at it: It is odd"):
        complete_payment_session(caught.value.session)

    assert len(redpin.calls) == calls


def test_a_session_that_redpin_lists_no_more_calls_for_a_person(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    session = create_payment_session(**arguments)
    redpin.sessions.clear()
    long_ago = timezone.now() - timedelta(days=4)
    PaymentSession.objects.update(expires_at=long_ago, next_attempt_at=timezone.now())

    reconcile_payment_sessions()

    session.refresh_from_db()
    assert session.state == State.OPEN
    assert "lists this session no more" in session.review_reason


def test_a_session_that_ended_and_that_redpin_lists_no_more_calls_for_nobody(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    session = create_payment_session(**arguments)
    redpin.sessions.clear()
    long_ago = timezone.now() - timedelta(days=4)
    PaymentSession.objects.update(state=State.EXPIRED, expires_at=long_ago)

    refresh_payment_session(session)

    assert (session.state, session.review_reason) == (State.EXPIRED, "")


def test_an_account_that_leaves_the_settings_before_the_first_request_left_nothing_unanswered(
    redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(alias: str) -> None:
        raise UnknownAccount("REDPIN['ACCOUNTS'] has no account 'gulf'.")

    monkeypatch.setattr(attempts, "get_account", leave)

    with pytest.raises(NotCreatedYet) as caught:
        create_payment_session(**arguments)

    session = PaymentSession.objects.get()
    assert caught.value.session == session
    assert (session.unanswered_at, session.leased_until) == (None, None)
    assert session.next_attempt_at is not None
    assert "no account 'gulf'" in session.last_error
    assert redpin.calls == []


def test_a_lost_session_that_has_a_renewal_already_is_replaced_by_no_second_one(
    redpin: FakeRedpin, arguments: dict[str, Any], let_time_pass: Pass
) -> None:
    """Whoever made it: the unique constraint decides."""
    redpin.create_script.append(LOST)
    redpin.list_script.append(answer(403))
    with pytest.raises(OutcomeUnknown) as caught:
        create_payment_session(**arguments)
    lost = caught.value.session
    renewal = create_payment_session(**arguments)
    PaymentSession.objects.filter(pk=renewal.pk).update(renews=lost)
    let_time_pass(timedelta(minutes=10))

    with pytest.raises(RedpinError):
        complete_payment_session(lost)

    lost.refresh_from_db()
    assert lost.state in (State.CREATING, State.UNKNOWN)
    assert lost.next_attempt_at is not None
    assert PaymentSession.objects.count() == 2
    assert len(redpin.creates) == 2


def test_a_replaced_session_through_which_something_happened_stands_for_itself(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    old, new = (create_payment_session(**arguments) for _ in range(2))
    PaymentSession.objects.filter(pk=old.pk).update(state=State.SUPERSEDED)
    PaymentSession.objects.filter(pk=new.pk).update(renews=old)
    old.refresh_from_db()

    assert in_place_of(old) == new
    for changes in ({"payment_status": "PROCESSING"}, {"review_reason": "Look at it."}):
        PaymentSession.objects.filter(pk=old.pk).update(
            **{"payment_status": "", "review_reason": ""} | changes
        )
        old.refresh_from_db()
        assert in_place_of(old) == old


def unfinished(redpin: FakeRedpin, arguments: dict[str, Any]) -> PaymentSession:
    """Return a session that another worker is creating just now, for a long time."""
    session = create_payment_session(**arguments, idempotency_key="order-1", defer=True)
    PaymentSession.objects.update(leased_until=timezone.now() + timedelta(hours=1))
    return session


def test_b18_who_waits_for_another_worker_waits_no_longer_than_a_call_may_take(
    redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = unfinished(redpin, arguments)
    clock = Clock()
    monkeypatch.setattr(resume, "time", clock)

    with pytest.raises(OutcomeUnknown) as caught:
        create_payment_session(**arguments, idempotency_key="order-1")

    assert caught.value.session == session
    assert 5 < clock.seconds < 60
    assert redpin.calls == []


def test_b18_who_waits_hears_that_redpin_refused(
    redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = unfinished(redpin, arguments)
    refused = PaymentSession.objects.filter(pk=session.pk)
    monkeypatch.setattr(resume, "time", Clock(lambda: refused.update(state=State.REJECTED)))

    with pytest.raises(SessionRejected) as caught:
        create_payment_session(**arguments, idempotency_key="order-1")

    assert caught.value.session == session
    assert redpin.calls == []


def test_a_session_that_redpin_does_not_list_at_this_moment_is_not_renewed(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    session = create_payment_session(**arguments)
    redpin.sessions.clear()

    with pytest.raises(PaymentUnderWay, match="does not list it at this moment"):
        renew_payment_session(session)
    assert PaymentSession.objects.count() == 1


def test_a_replaced_session_whose_renewal_is_gone_is_renewed_only_once_it_has_expired(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    session = create_payment_session(**arguments)
    PaymentSession.objects.update(state=State.SUPERSEDED)
    session.refresh_from_db()

    with pytest.raises(PaymentUnderWay, match="can still be paid until it expires"):
        renew_payment_session(session)
    assert PaymentSession.objects.count() == 1


def test_news_of_a_payment_while_a_session_is_being_renewed_is_told_to_the_caller(
    redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    redpin.lifetime = -timedelta(minutes=10)
    session = create_payment_session(**arguments)

    def be_overtaken(old: PaymentSession, **given: Any) -> PaymentSession:
        pay_it(old, None)
        return replace_session(old, **given)

    monkeypatch.setattr(renew, "replace_session", be_overtaken)

    with pytest.raises(PaymentUnderWay, match="at this very moment"):
        renew_payment_session(session)
    assert PaymentSession.objects.count() == 1
