"""The one statement makes of an event, and of its copies, what the ORM's three make of them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import pytest
from django.db import DataError, OperationalError, connection, transaction
from django.db.models import Model
from django.utils.connection import ConnectionDoesNotExist
from pytest_django import Settings

from django_redpin.models import WebhookEvent
from django_redpin.services import inbox
from django_redpin.services.record import record_event
from tests.fuzz.seeds import STORABLE
from tests.services.test_concurrency import at_once
from tests.services.test_transactions import failing

from .posting import BODY, REFERENCE

Outcome = WebhookEvent.Outcome
pytestmark = pytest.mark.django_db

NOW: Final = datetime(2026, 11, 26, 12, tzinfo=timezone.utc)
HOUR: Final = timedelta(hours=1)


@pytest.fixture(autouse=True)
def queued(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The primary keys that were handed to the queue."""
    keys: list[int] = []
    monkeypatch.setattr(
        "django_redpin.services.record.enqueue", lambda task_name, pk: keys.append(pk)
    )
    return keys


@pytest.fixture
def _upsert(db: None) -> None:
    if not connection.features.can_return_rows_from_bulk_insert:
        pytest.skip("This database has one way alone.")


@pytest.fixture
def _time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


@contextmanager
def by_insert() -> Iterator[None]:
    """Go the ORM's way, as other databases do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inbox, "_UPSERTS", {})
        yield


WAYS: Final = (by_insert, nullcontext)


def record(body: bytes = BODY.encode(), **options: Any) -> bool:
    given: dict[str, Any] = {
        "account": "default",
        "client_reference_id": REFERENCE,
        "verifier": "session token 12345678, HMAC 12345678",
        **options,
    }
    return record_event(body, **given).is_new


def row() -> Mapping[str, Any]:
    """Return all that the one row has, but for its number."""
    (found,) = WebhookEvent.objects.values()
    return {name: _plain(value) for name, value in found.items() if name != "id"}


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


@pytest.mark.usefixtures("_upsert", "_time_stands_still")
@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.parametrize("reference", [REFERENCE, ""])
@pytest.mark.parametrize("name", STORABLE)
def test_c6_a_new_row_is_the_same_by_either_way(name: str, reference: str, is_signed: bool) -> None:
    body, options = STORABLE[name].encode(), {"is_signed": is_signed}
    found = []
    for way in WAYS:
        with way():
            assert record(body, client_reference_id=reference, **options)
        found.append(row())
        WebhookEvent.objects.all().delete()

    assert found[0] == found[1]
    assert set(found[0]) == {field.attname for field in WebhookEvent._meta.fields} - {"id"}


# Of each, what it may be when a copy comes.
STATES: Final = list(
    itertools.product(
        Outcome.values,
        (None, NOW - HOUR),  # processed_at
        (None, NOW - HOUR, NOW, NOW + HOUR),  # next_attempt_at
        (b"", BODY.encode()),
        (0, 7),  # attempts
    )
)


@pytest.mark.usefixtures("_upsert", "_time_stands_still")
def test_a19_a_copy_changes_the_row_the_same_by_either_way(
    queued: list[int],
) -> None:
    record()
    for outcome, processed_at, next_attempt_at, body, attempts in STATES:
        state = {
            "outcome": outcome,
            "processed_at": processed_at,
            "next_attempt_at": next_attempt_at,
            "body": body,
            "attempts": attempts,
        }
        found = []
        for way in WAYS:
            WebhookEvent.objects.update(**state, duplicates=0)
            queued.clear()
            with way():
                assert not record()
            found.append((row(), len(queued)))
        assert found[0] == found[1], state
        assert found[0][0]["duplicates"] == 1


@pytest.mark.usefixtures("_time_stands_still")
@pytest.mark.parametrize(
    ("before", "after"),
    [(None, NOW), (NOW + HOUR, NOW), (NOW, NOW), (NOW - HOUR, NOW - HOUR)],
    ids=["given up", "waits", "due", "overdue"],
)
def test_a19_a_copy_makes_an_event_due_by_now_and_none_later_than_it_was(
    before: datetime | None, after: datetime, queued: list[int]
) -> None:
    record()
    WebhookEvent.objects.update(next_attempt_at=before)

    record()

    event = WebhookEvent.objects.get()
    assert (event.next_attempt_at, queued) == (after, [event.pk, event.pk])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [2, 25])
def test_a18_of_copies_that_come_at_once_one_is_new(count: int) -> None:
    results = at_once(lambda _: [record() for _ in range(4)], count)

    told = [is_new for each in results for is_new in each]
    assert sorted(told) == [False] * (4 * count - 1) + [True]
    assert WebhookEvent.objects.get().duplicates == 4 * count - 1


@pytest.mark.django_db(transaction=True)
def test_c7_events_that_come_at_once_are_all_new() -> None:
    results = at_once(lambda number: record(json.dumps({"event_id": number}).encode()), 25)

    assert results == [True] * 25
    assert WebhookEvent.objects.count() == 25


@pytest.mark.django_db(transaction=True)
def test_c9_an_event_and_its_copy_survive_a_deadlock_each_and_are_counted_once() -> None:
    with failing(1213, times=3, at="INSERT INTO") as failed:
        assert record()
    assert len(failed) == 3
    with failing(1213, times=3, at="INSERT INTO") as failed:
        assert not record()
    assert len(failed) == 3
    assert WebhookEvent.objects.get().duplicates == 1

    with failing(1213, times=4, at="INSERT INTO"), pytest.raises(OperationalError):
        record()
    assert WebhookEvent.objects.get().duplicates == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", WAYS)
def test_a20_with_autocommit_off_a_refused_statement_undoes_no_more_than_itself(way: Any) -> None:
    def refuse(execute: Any, sql: str, params: Any, *rest: Any) -> Any:
        if sql.startswith("INSERT") and "9001" in params:
            raise DataError("value too long")
        return execute(sql, params, *rest)

    transaction.set_autocommit(False)
    try:
        with way(), connection.execute_wrapper(refuse):
            assert [record(), record()] == [True, False]
        transaction.rollback()
        assert WebhookEvent.objects.get().duplicates == 1
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)


class Elsewhere:
    """A project's router, which keeps events in another database."""

    def db_for_write(self, model: type[Model], **hints: object) -> str | None:
        return "elsewhere" if model is WebhookEvent else None


def test_events_go_where_the_projects_router_says(settings: Settings) -> None:
    settings.DATABASE_ROUTERS = [f"{__name__}.Elsewhere"]

    with pytest.raises(ConnectionDoesNotExist):
        record()
