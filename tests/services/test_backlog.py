"""How far behind the work is, and what needs a person: by few statements, each by an index."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from django_redpin.services import backlog
from django_redpin.services.backlog import DEAD, WORK, dead, due_now, due_since

pytestmark = pytest.mark.django_db

NOW = datetime.now(timezone.utc).replace(microsecond=0)
Dead = WebhookEvent.Outcome.DEAD


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def event(key: str, **fields: Any) -> WebhookEvent:
    return WebhookEvent.objects.create(account="default", key=key, body=b"{}", **fields)


def session(reference: str, **fields: Any) -> PaymentSession:
    return PaymentSession.objects.create(
        client_reference_id=reference,
        amount=1,
        currency="AED",
        due_date=NOW.date(),
        **fields,
    )


def recipient(**fields: Any) -> Recipient:
    return Recipient.objects.create(name="Payee", country_code="ARE", currency="AED", **fields)


@pytest.fixture
def paid_twice() -> None:
    """Events and a transition of two accounts, all of them due."""
    for key, account in enumerate(("default", "default", "gulf")):
        WebhookEvent.objects.create(account=account, key=str(key), next_attempt_at=ago(50))
    StatusTransition.objects.create(
        session=session("ours", account="gulf"), subject="state", next_attempt_at=ago(60)
    )


def test_where_nothing_waits_nothing_is_behind() -> None:
    now = backlog()

    assert now.due_since == dict.fromkeys(WORK)
    assert now.dead == dict.fromkeys(DEAD, 0)
    assert {now.behind(work) for work in WORK} == {timedelta(0)}


def test_the_row_that_is_longest_due_tells_how_far_behind_its_work_is() -> None:
    event("1", next_attempt_at=ago(50))
    event("2", next_attempt_at=ago(400))
    event("3", next_attempt_at=None)

    now = backlog()
    assert now.due_since["events"] == ago(400)
    assert now.behind("events") == now.as_of - ago(400)
    assert now.due_since["transitions"] is None


def test_what_is_tried_again_later_or_is_in_somebodys_hands_is_not_behind() -> None:
    event("1", next_attempt_at=ago(-100_000))
    event("2", next_attempt_at=ago(400), leased_until=ago(-100_000))
    event("3", next_attempt_at=ago(30), leased_until=ago(20))

    assert due_since("events") == ago(30)


def test_each_kind_of_work_has_rows_of_its_own() -> None:
    session("ORDER-1", state=PaymentSession.State.UNKNOWN, next_attempt_at=ago(10))
    session("ORDER-2", state=PaymentSession.State.CREATING, next_attempt_at=ago(20))
    opened = session("ORDER-3", state=PaymentSession.State.OPEN, next_attempt_at=ago(30))
    session("ORDER-4", state=PaymentSession.State.EXPIRED, next_attempt_at=ago(40))
    session("ORDER-5", state=PaymentSession.State.CLOSED, next_attempt_at=ago(99))
    recipient(next_attempt_at=ago(50))
    StatusTransition.objects.create(session=opened, subject="state", next_attempt_at=ago(60))

    assert backlog().due_since == {
        "events": None,
        "transitions": ago(60),
        "recipients": ago(50),
        "sessions": ago(20),
        "reconciliation": ago(40),
    }


def test_what_was_given_up_is_counted_up_to_the_cap() -> None:
    for number in range(4):
        event(str(number), outcome=Dead)
    event("orphan", outcome=WebhookEvent.Outcome.ORPHAN)
    event("contradicted", outcome=WebhookEvent.Outcome.CONTRADICTED)
    opened = session("ORDER-1", state=PaymentSession.State.OPEN)
    StatusTransition.objects.create(
        session=opened, subject="state", outcome=StatusTransition.Outcome.DEAD
    )
    StatusTransition.objects.create(
        session=opened, subject="state", outcome=StatusTransition.Outcome.HELD
    )
    recipient(unanswered_at=ago(9))
    recipient(unanswered_at=ago(9), next_attempt_at=ago(9))
    recipient(unanswered_at=ago(9), recipient_id="7")
    recipient(last_error="Redpin refused it.")

    assert backlog().dead == {"events": 5, "transitions": 1, "recipients": 1}
    assert dead("events", cap=3) == 3


def test_it_takes_ten_statements_whatever_waits() -> None:
    for number in range(20):
        event(str(number), outcome=Dead, next_attempt_at=ago(number))

    with CaptureQueriesContext(connection) as queries:
        backlog()

    assert len(queries) == 10
    assert all("LIMIT" in query["sql"] for query in queries)


def test_each_statement_goes_by_an_index(plan: Callable[[str], str]) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("SQLite's plans tell without statistics; the statements are the same.")
    with CaptureQueriesContext(connection) as queries:
        backlog()

    for query in list(queries):
        told = plan(query["sql"])
        assert "USING INDEX redpin_" in told or "USING COVERING INDEX redpin_" in told, told
        assert "TEMP B-TREE" not in told, told


@pytest.fixture
def plan() -> Callable[[str], str]:
    def explain(sql: str) -> str:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            return sql + "\n" + "\n".join(str(row[-1]) for row in cursor.fetchall())

    return explain


def test_a_recipient_that_was_anonymised_needs_nobody_any_more() -> None:
    recipient(unanswered_at=ago(99), anonymised_at=ago(9))
    assert dead("recipients") == 0
    recipient(unanswered_at=ago(99))
    assert dead("recipients") == 1


def test_what_is_due_is_counted_by_account_up_to_a_bound(paid_twice: None) -> None:
    assert due_now("events") == 3
    assert due_now("events", cap=2) == 2
    assert due_now("events", "default") == 2
    assert due_now("transitions", "gulf") == 1
    assert due_since("transitions", "gulf") == ago(60)
    assert due_since("transitions", "nobody") is None
