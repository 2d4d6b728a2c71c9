"""A deadlock's loser does its work again; nothing is lost and nothing happens twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session, facts
from django_redpin.services.facts import Fact, apply_fact
from django_redpin.services.journal import hold_for_review, move_state
from django_redpin.services.leases import claim
from django_redpin.services.process import process_event
from django_redpin.services.record import record_event
from django_redpin.services.replace import replace_session
from django_redpin.services.transactions import retried
from tests.redpin_server import FakeRedpin

pytestmark = pytest.mark.django_db(transaction=True)
State = PaymentSession.State
BODY = b'{"event_id": "1", "payment_id": "9001", "status": "AWAITING_FUNDS"}'


class DriverError(Exception):
    """An error as psycopg raises it, with the database's SQLSTATE."""

    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate
        super().__init__("deadlock detected")


def error_of(what: str | int) -> OperationalError:
    """Return the error as Django gives it: of PostgreSQL, of MariaDB, of SQLite."""
    if isinstance(what, int):
        return OperationalError(what, "Deadlock found when trying to get lock")
    if " " in what:
        return OperationalError(what)
    error = OperationalError("deadlock detected")
    error.__cause__ = DriverError(what)
    return error


CONFLICTS = ["40P01", "40001", "55P03", 1213, 1205, 1020, "database is locked"]
OTHERS = ["57P01", "53100", 1290, 2006, "disk I/O error"]


@contextmanager
def failing(what: str | int, times: int, *, at: str = "UPDATE") -> Iterator[list[str]]:
    """Let the first statements of this kind fail; what they did the database undoes.

    On PostgreSQL a WITH may hold them.
    """
    failed: list[str] = []

    def wrapper(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        is_of_this_kind = at in sql if sql.startswith("WITH ") else sql.startswith(at)
        if not is_of_this_kind or len(failed) == times:
            return execute(sql, *rest)
        if connection.in_atomic_block:
            execute(sql, *rest)
        failed.append(sql)
        raise error_of(what)

    with connection.execute_wrapper(wrapper):
        yield failed


@pytest.fixture
def session(redpin: FakeRedpin, arguments: dict[str, Any]) -> PaymentSession:
    return create_payment_session(**arguments)


def record() -> WebhookEvent:
    return record_event(
        BODY, account="default", client_reference_id="ORDER-1", verifier="session token"
    ).event


@pytest.mark.parametrize("what", CONFLICTS)
def test_c9_a_move_that_lost_a_deadlock_is_made_again(
    session: PaymentSession, what: str | int
) -> None:
    with failing(what, times=3) as failed:
        assert move_state(session, State.EXPIRED)

    assert len(failed) == 3
    assert PaymentSession.objects.get().state == State.EXPIRED
    assert StatusTransition.objects.filter(to_value=State.EXPIRED).count() == 1


@pytest.mark.parametrize("what", CONFLICTS)
def test_c9_a_fourth_time_is_an_error_and_changes_nothing(
    session: PaymentSession, what: str | int
) -> None:
    with failing(what, times=4), pytest.raises(OperationalError):
        move_state(session, State.EXPIRED)

    assert PaymentSession.objects.get().state == State.OPEN
    assert not StatusTransition.objects.filter(to_value=State.EXPIRED).exists()


@pytest.mark.parametrize("what", OTHERS)
def test_another_error_of_the_database_is_raised_at_once(
    session: PaymentSession, what: str | int
) -> None:
    with failing(what, times=1) as failed, pytest.raises(OperationalError):
        move_state(session, State.EXPIRED)

    assert len(failed) == 1
    assert PaymentSession.objects.get().state == State.OPEN


def test_inside_a_transaction_of_the_caller_nothing_is_tried_again() -> None:
    tries = []

    @retried
    def work() -> None:
        tries.append(1)
        raise error_of(1213)

    with pytest.raises(OperationalError), transaction.atomic():
        work()

    assert len(tries) == 1


def test_c9_every_write_survives_a_deadlock(
    redpin: FakeRedpin, arguments: dict[str, Any], session: PaymentSession
) -> None:
    with failing(1213, times=1, at="INSERT INTO"):
        other = create_payment_session(**arguments)
    assert other.shares.count() == 2

    with failing(1213, times=1, at="INSERT INTO"):
        event = record()
    with failing(1213, times=1):
        assert record().pk == event.pk  # A copy: counted once, though tried twice.
    assert WebhookEvent.objects.get().duplicates == 1

    with failing(1213, times=1):
        assert claim(WebhookEvent, event.pk)
    event.refresh_from_db()
    assert event.attempts == 1

    with failing(1213, times=1):
        hold_for_review(session, "Look at it.")
    assert StatusTransition.objects.filter(subject="review").count() == 1

    with failing(1213, times=1):
        replace_session(session)
    assert PaymentSession.objects.count() == 3


@pytest.mark.parametrize("place", range(3))
def test_c9_an_event_whose_worker_lost_a_deadlock_is_applied_once(
    redpin: FakeRedpin, session: PaymentSession, place: int
) -> None:
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    event = record_event(
        BODY,
        account="default",
        client_reference_id=session.client_reference_id,
        verifier="session token",
    ).event
    table = [WebhookEvent, PaymentSession, StatusTransition][place]._meta.db_table
    verb = "INSERT INTO" if table.endswith("transition") else "UPDATE"

    with failing(1213, times=2, at=f"{verb} {connection.ops.quote_name(table)}") as failed:
        assert process_event(event.pk) == WebhookEvent.Outcome.APPLIED

    assert len(failed) == 2
    assert StatusTransition.objects.filter(subject="payment_status").count() == 1


def test_a_session_is_held_for_review_though_its_move_was_a_deadlocks_victim(
    session: PaymentSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert move_state(session, State.SUPERSEDED)
    event = record()
    finish = facts._finish
    failed: list[int] = []

    def fail_once(*args: Any, **named: Any) -> dict[str, Any]:
        if not failed:
            failed.append(1)
            raise error_of(1213)
        return finish(*args, **named)

    monkeypatch.setattr(facts, "_finish", fail_once)
    fact = Fact(
        status="AWAITING_FUNDS",
        at=datetime.now(timezone.utc),
        key=event.key,
        payment_id="9001",
        session_id=session.session_id or "",
        listed="AWAITING_FUNDS",
        seen=session.payment_status_position,
        event=event,
    )

    assert apply_fact(session, fact)

    assert failed
    session.refresh_from_db()
    assert "replaced" in session.review_reason
    assert StatusTransition.objects.filter(subject="review").count() == 1
