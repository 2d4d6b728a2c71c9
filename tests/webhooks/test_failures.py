"""Who fails to be verified too often is asked to stay away, and costs no line of the log."""

from __future__ import annotations

import logging
import threading
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from django_redpin.models import WebhookEvent
from django_redpin.signals import webhook_rejected
from django_redpin.webhooks import failures
from django_redpin.webhooks.failures import FAILURES, PERIOD, SOURCES, TOLD, Budget, Failures

from .posting import path, post

FORGED = "/redpin/webhooks/default/ORDER-1/forged/"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rejected() -> Iterator[list[str]]:
    told: list[str] = []

    def receiver(sender: object, reason: str, **kwargs: object) -> None:
        told.append(reason)

    webhook_rejected.connect(receiver)
    yield told
    webhook_rejected.disconnect(receiver)


def forge(address: str = "192.0.2.1", **extra: Any) -> Any:
    return post(FORGED, REMOTE_ADDR=address, **extra)


@pytest.mark.django_db
def test_a17_who_fails_too_often_is_429_and_costs_neither_line_nor_signal(
    rejected: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    answers = [forge() for _ in range(FAILURES + 20)]

    assert [answer.status_code for answer in answers] == [401] * FAILURES + [429] * 20
    assert 1 <= int(answers[-1]["Retry-After"]) <= PERIOD
    assert len(rejected) == FAILURES
    assert len(caplog.records) == FAILURES


@pytest.mark.django_db
def test_a17_what_is_right_always_passes_from_the_same_address() -> None:
    for _ in range(FAILURES + 5):
        forge()

    assert forge().status_code == 429
    # A burst of Redpin's is not dropped either, however large it is.
    bodies = [f'{{"event_id": "{number}"}}' for number in range(FAILURES + 10)]
    answers = [post(path(), body, REMOTE_ADDR="192.0.2.1").status_code for body in bodies]
    assert answers == [200] * len(bodies)
    assert WebhookEvent.objects.count() == len(bodies)
    assert forge().status_code == 429


@pytest.mark.django_db
def test_a17_accepted_posts_are_never_counted() -> None:
    for _ in range(FAILURES * 2):
        assert post(path(), REMOTE_ADDR="192.0.2.1").status_code == 200

    assert forge().status_code == 401


def test_a17_a_refusal_asks_neither_cache_nor_database(
    monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise AssertionError("the cache was asked")

    for name in ("get", "set", "add", "incr", "get_many", "touch"):
        monkeypatch.setattr(type(cache._connections[cache._alias]), name, fail)  # type: ignore[attr-defined]
    with CaptureQueriesContext(connection) as queries:
        answers = {forge().status_code for _ in range(FAILURES + 2)}
    assert answers == {401, 429}
    assert len(queries) == 0


def test_a17_a_source_is_told_by_trusted_proxies_alone(settings: Settings, db: None) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_TRUSTED_PROXIES": ["10.0.0.0/8"]}
    for number in range(FAILURES + 1):  # The first hop is the stranger's own invention.
        invented = f"203.0.113.{number}, 192.0.2.1"
        answer = forge("10.0.0.1", HTTP_X_FORWARDED_FOR=invented)
    assert answer.status_code == 429
    assert forge("10.0.0.1", HTTP_X_FORWARDED_FOR="192.0.2.2").status_code == 401
    assert forge("192.0.2.1").status_code == 429
    # Where the project's own can't be read, the peer counts.
    accounts: dict[str, Any] = {"gulf": {"WEBHOOK_TRUSTED_PROXIES": []}}
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_TRUSTED_PROXIES": "x", "ACCOUNTS": accounts}
    gulf = FORGED.replace("default", "gulf")
    assert post(gulf, REMOTE_ADDR="192.0.2.1").status_code == 429
    assert post(gulf, REMOTE_ADDR="192.0.2.9").status_code == 401


def test_a17_the_addresses_of_one_subscriber_are_one_source(db: None) -> None:
    answers = [forge(f"2001:db8:0:7::{number:x}").status_code for number in range(FAILURES + 1)]

    assert answers[-1] == 429
    assert forge("2001:db8:0:8::1").status_code == 401


def test_a17_each_source_has_its_own_count_and_gets_it_back(clock: Clock) -> None:
    counted = Failures(Budget(clock=clock), limit=3, clock=clock)

    assert [counted.note("a").retry_after for _ in range(5)] == [0, 0, 0, 60, 60]
    assert counted.note("b").retry_after == 0
    clock.now += PERIOD - 0.5
    assert counted.note("a").retry_after == 1
    clock.now += 0.5
    assert [counted.note("a").retry_after for _ in range(4)] == [0, 0, 0, 60]


def test_a17_all_sources_together_cost_no_more_than_so_many_lines(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    counted = Failures(Budget(clock=clock), clock=clock)

    told = [counted.note(f"source {number}").is_told for number in range(1000)]

    assert told == [True] * TOLD + [False] * (1000 - TOLD)
    assert caplog.messages == []
    clock.now += PERIOD
    assert counted.note("another").is_told
    assert caplog.messages == ["880 refused webhooks before this were not logged."]


def test_a17_no_more_sources_are_remembered_than_so_many(clock: Clock) -> None:
    counted = Failures(Budget(clock=clock), limit=1, clock=clock)
    tracemalloc.start()
    for number in range(SOURCES * 4):
        counted.note(f"192.0.2.{number}")
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert len(counted._sources) == SOURCES
    assert size < 2_000_000
    # Who failed last is remembered, who failed long ago is not.
    assert counted.note(f"192.0.2.{SOURCES * 4 - 1}").retry_after
    assert not counted.note("192.0.2.0").retry_after


def test_a17_threads_count_every_failure_once(clock: Clock) -> None:
    counted = Failures(Budget(10**6, clock=clock), limit=4000, clock=clock)
    tolds: list[int] = []

    def run() -> None:
        notes = [counted.note("a") for _ in range(1000)]
        tolds.append(sum(note.is_told for note in notes))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(tolds) == 4000
    assert counted._sources["a"][1] == 8000


@pytest.mark.django_db
def test_a17_our_own_mistakes_flood_no_log_either(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    url = path()
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_SECRETS": []}

    assert {post(url).status_code for _ in range(TOLD + 10)} == {503}
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * TOLD


def test_a_test_begins_with_nothing_counted() -> None:
    assert failures.refusals._sources == {}
