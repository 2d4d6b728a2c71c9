"""Retention: bodies go first, keys later, and nothing goes that is not done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session, retention
from django_redpin.services.process import process_event
from django_redpin.services.retention import Pruned, prunable, prune
from tests.redpin_server import FakeRedpin

pytestmark = pytest.mark.django_db
Outcome = WebhookEvent.Outcome
NOW = datetime.now(timezone.utc)


def days(number: float) -> datetime:
    return NOW - timedelta(days=number)


def event(age: float, **columns: Any) -> WebhookEvent:
    """Store an event that was received so many days ago, and is processed."""
    number = WebhookEvent.objects.count()
    values = {"outcome": Outcome.APPLIED, "processed_at": NOW, **columns}
    row = WebhookEvent.objects.create(key=str(number), body=b'{"name": "Ada"}', **values)
    WebhookEvent.objects.filter(pk=row.pk).update(received_at=days(age))
    return row


def body(row: WebhookEvent) -> bytes | None:
    """Return the event's body as it is stored, or None where there is no event any more."""
    found = WebhookEvent.objects.filter(pk=row.pk).values_list("body", flat=True).first()
    return None if found is None else bytes(found)


@pytest.fixture
def session(redpin: FakeRedpin, arguments: dict[str, Any]) -> PaymentSession:
    return create_payment_session(**arguments)


def test_a29_a_body_is_emptied_after_its_time_and_the_event_deleted_after_its_own() -> None:
    young, old, ancient = event(29), event(31), event(91)

    assert prunable() == Pruned(bodies=2, events=1)
    assert prune() == Pruned(bodies=2, events=1)

    assert (body(young), body(old), body(ancient)) == (b'{"name": "Ada"}', b"", None)
    assert prunable() == prune() == Pruned()


def test_a29_the_settings_say_after_how_many_days(settings: Settings) -> None:
    keep = {"WEBHOOK_BODY_RETENTION_DAYS": 3, "WEBHOOK_EVENT_RETENTION_DAYS": 40}
    settings.REDPIN = {**settings.REDPIN, **keep}
    kept, emptied, deleted = event(2), event(4), event(41)

    prune()

    assert [body(row) is None for row in (kept, emptied, deleted)] == [False, False, True]
    assert body(emptied) == b""


@pytest.mark.parametrize("outcome", [Outcome.DEAD, Outcome.ORPHAN, Outcome.CONTRADICTED])
def test_a29_what_was_given_up_is_done(outcome: str) -> None:
    emptied = event(31, outcome=outcome, processed_at=None)
    deleted = event(91, outcome=outcome, processed_at=None)

    prune()

    assert (body(emptied), body(deleted)) == (b"", None)


@pytest.mark.parametrize(
    "columns",
    [
        {"outcome": Outcome.PENDING, "processed_at": None, "next_attempt_at": NOW},
        {"outcome": Outcome.CONTRADICTED, "processed_at": None, "next_attempt_at": NOW},
        {"outcome": Outcome.WAITING, "processed_at": None, "next_attempt_at": NOW},
        {"outcome": Outcome.PENDING, "processed_at": None},  # Not known to be given up.
        {"outcome": "from_tomorrow", "processed_at": None},
        {"outcome": Outcome.APPLIED, "next_attempt_at": NOW},  # A person has it processed again.
    ],
)
def test_a29_what_is_not_done_is_kept_however_old_it_is(columns: dict[str, Any]) -> None:
    kept = event(1000, **columns)

    assert prunable() == prune() == Pruned()
    assert body(kept) == b'{"name": "Ada"}'


def test_a29_an_event_that_a_transition_came_from_loses_its_body_alone(
    session: PaymentSession,
) -> None:
    kept, deleted = event(91), event(91)
    StatusTransition.objects.update(event=kept)

    assert prunable() == prune() == Pruned(bodies=2, events=1)
    assert (body(kept), body(deleted)) == (b"", None)


def test_a29_a_body_never_outlives_its_event(settings: Settings, session: PaymentSession) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_BODY_RETENTION_DAYS": 365}
    referred = event(91)
    StatusTransition.objects.update(event=referred)

    prune()

    assert body(referred) == b""


def test_a29_an_emptied_event_that_was_processed_is_not_processed_again() -> None:
    emptied = event(31)
    prune()

    assert process_event(emptied.pk) == Outcome.APPLIED
    emptied.refresh_from_db()
    assert emptied.attempts == 0


def test_a29_a_run_is_bounded_and_the_next_one_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(7):
        event(91)

    assert prune(limit=3) == Pruned(bodies=3, events=3)
    assert prune(seconds=0) == Pruned(bodies=2, events=2)  # One batch at least, or it never ends.
    assert prune() == Pruned(bodies=2, events=2)


def test_a29_what_is_kept_for_ever_holds_up_nothing_that_came_later(
    session: PaymentSession,
) -> None:
    """Events that transitions refer to are never deleted, and there are more of them each year."""
    kept = [event(100 - number) for number in range(5)]
    for row in kept:
        StatusTransition.objects.create(session=session, event=row)
    undone = [event(99, next_attempt_at=NOW) for _ in range(5)]
    deleted, emptied = event(91), event(31)
    WebhookEvent.objects.filter(pk__in=[row.pk for row in kept]).update(body=b"")

    assert prune(limit=2) == Pruned(bodies=2, events=1)

    assert (body(deleted), body(emptied)) == (None, b"")
    assert all(body(row) == b"" for row in kept)
    assert all(body(row) for row in undone)


def test_a29_a_body_that_a_copy_brought_again_is_emptied_again() -> None:
    row = event(31, outcome=Outcome.DEAD, processed_at=None)
    prune()
    WebhookEvent.objects.filter(pk=row.pk).update(body=b"{}")

    assert prune() == Pruned(bodies=1)
    assert body(row) == b""


def test_a29_the_oldest_go_first_and_equal_times_lose_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    rows = [event(31 + number // 3) for number in range(9)]  # Three at each time.
    for row in rows[6:8]:  # Among the oldest, and not done.
        WebhookEvent.objects.filter(pk=row.pk).update(next_attempt_at=NOW)

    assert prune(limit=2) == Pruned(bodies=2)
    assert body(rows[8]) == b""
    assert sum(body(row) == b"" for row in rows[3:6]) == 1
    assert prune() == Pruned(bodies=5)


def test_a29_a_batch_costs_the_same_however_many_events_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "BATCH", 10)
    costs = []
    for count in (20, 200):
        WebhookEvent.objects.all().delete()
        bulk(count, age=31)
        bulk(count, age=1)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert prune(limit=20) == Pruned(bodies=20)
        costs.append(len(queries))

    # A batch is found and emptied, and none is there to be deleted.
    assert costs[0] == costs[1] == 2 * 2 + 1


@pytest.mark.heavy
def test_a29_a_body_is_found_by_the_index_whatever_else_is_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of what was emptied no row is read, though all of it is older."""
    bulk(2000, age=60)
    WebhookEvent.objects.update(body=b"")
    bulk(200, age=31)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {WebhookEvent._meta.db_table}")
    events = retention.emptiable(WebhookEvent.objects.all()).order_by("received_at", "pk")
    rows = events.values_list("received_at", "pk")

    for batch in (
        rows[:20],
        rows.filter(received_at__gte=days(32)).exclude(received_at=days(32), pk__lte=7)[:20],
    ):
        assert "redpin_event_has_body" in batch.explain()
        with CaptureQueriesContext(connection) as queries:
            assert len(batch) == 20
        assert len(queries) == 1


@pytest.mark.django_db(transaction=True)
def test_a29_overlapping_runs_let_go_of_each_event_once() -> None:
    bulk(600, age=91)
    found: list[Pruned] = []
    threads = [threading.Thread(target=lambda: found.append(closing(prune))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sum(each.events for each in found) == 600
    assert not WebhookEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a29_an_event_that_becomes_due_again_meanwhile_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A copy comes between the reading of the keys and the statement, whichever it is."""
    emptied = event(31, outcome=Outcome.DEAD, processed_at=None)
    deleted = event(91, outcome=Outcome.DEAD, processed_at=None)
    WebhookEvent.objects.filter(pk=deleted.pk).update(body=b"")

    def after_a_copy(work: Callable[[Any], int]) -> Callable[[Any], int]:
        def do(rows: Any) -> int:
            WebhookEvent.objects.update(next_attempt_at=NOW)
            done = work(rows)
            WebhookEvent.objects.update(next_attempt_at=None)
            return done

        return do

    for name in ("_empty", "_delete"):
        monkeypatch.setattr(retention, name, after_a_copy(getattr(retention, name)))

    assert prune() == Pruned()
    assert (body(emptied), body(deleted)) == (b'{"name": "Ada"}', b"")


def bulk(count: int, age: float) -> None:
    at = WebhookEvent._meta.get_field("received_at")
    at.auto_now_add, was = False, at.auto_now_add
    try:
        WebhookEvent.objects.bulk_create(
            WebhookEvent(
                key=f"{age}-{number}",
                body=b"{}",
                outcome=Outcome.APPLIED,
                processed_at=NOW,
                received_at=days(age) - timedelta(seconds=number),
            )
            for number in range(count)
        )
    finally:
        at.auto_now_add = was


def closing(work: Callable[[], Pruned]) -> Pruned:
    try:
        return work()
    finally:
        connection.close()
