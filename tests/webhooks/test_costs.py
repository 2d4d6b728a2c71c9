"""What a post to the webhook costs the database: counted, with BEGIN and COMMIT."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest
from django.db import connection, connections
from django.db.models.signals import post_save, pre_save
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from django_redpin.models import WebhookEvent
from django_redpin.rules.callback_tokens import sign

from .posting import BODY, SECRET, path, post
from .verifying import listed, made

Outcome = WebhookEvent.Outcome
pytestmark = pytest.mark.django_db(transaction=True)
FORGED: Final = "/redpin/webhooks/default/ORDER-1/forged/"
ACCOUNT: Final = f"/redpin/webhooks/default/{sign(SECRET, 'default', '')}/"
# MariaDB's driver does not say what it was that failed.
BY_INSERT: Final = (["INSERT", "UPDATE", "SELECT"], ["None", "UPDATE", "SELECT"])


@pytest.fixture(autouse=True)
def _nothing_is_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_redpin.services.record.enqueue", lambda *args: True)


def cost(url: str, status: int, body: Any = BODY, **kwargs: Any) -> list[str]:
    """Post, and return the first word of each statement."""
    with CaptureQueriesContext(connection) as queries:
        assert post(url, body, **kwargs).status_code == status
    return [query["sql"].split()[0] for query in queries]


def of_a_copy() -> tuple[list[str], ...]:
    """Return what a copy may cost: on PostgreSQL, SQLite and MariaDB one statement."""
    return (["INSERT"],) if has_upsert() else BY_INSERT


def has_upsert() -> bool:
    return bool(connection.features.can_return_rows_from_bulk_insert)


@pytest.mark.parametrize("url", [path(), ACCOUNT], ids=["session", "account"])
def test_c6_a_new_event_is_one_statement_and_so_is_a_copy(url: str) -> None:
    assert cost(url, 200) == ["INSERT"]
    for _ in range(3):
        assert cost(url, 200) in of_a_copy()
    assert WebhookEvent.objects.get().duplicates == 3


@pytest.mark.parametrize("outcome", Outcome.values)
def test_c6_a_copy_costs_the_same_whatever_became_of_the_event(outcome: str) -> None:
    post(path())
    hour = timedelta(hours=1)
    for wait in (None, -hour, hour):
        WebhookEvent.objects.update(
            outcome=outcome, next_attempt_at=None if wait is None else timezone.now() + wait
        )
        assert cost(path(), 200) in of_a_copy()


def test_c6_under_atomic_requests_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)

    assert cost(path(), 200) == ["INSERT"]
    assert cost(path(), 200) in of_a_copy()


def test_c6_with_verifiers_it_is_the_same(settings: Settings) -> None:
    verifiers = [listed("HMACVerifier", tolerance=None)]
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_VERIFIERS": verifiers}
    signed = made("HMACVerifier").sign(BODY.encode(), now=0)

    assert cost(path(), 200, headers=signed) == ["INSERT"]
    assert cost(path(), 200, headers=signed) in of_a_copy()
    assert cost(path(), 401) == []


@pytest.mark.parametrize(
    ("status", "url", "body", "content_type"),
    [
        (401, FORGED, BODY, "application/json"),
        (401, path().replace("/default/", "/nobody/"), BODY, "application/json"),
        (400, path(), "no json", "application/json"),
        (413, path(), "x" * 100_000, "application/json"),
        (415, path(), BODY, "text/plain"),
    ],
)
def test_c6_what_is_refused_costs_no_statement(
    status: int, url: str, body: str, content_type: str
) -> None:
    assert cost(url, status, body, content_type=content_type) == []


def test_c6_where_a_database_does_not_tell_what_an_upsert_did_a_copy_is_three(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    features = type(connection.features)
    monkeypatch.setattr(features, "can_return_rows_from_bulk_insert", False)

    assert cost(path(), 200) == ["INSERT"]
    assert cost(path(), 200) in BY_INSERT
    assert WebhookEvent.objects.get().duplicates == 1


@pytest.mark.parametrize("signal", [pre_save, post_save], ids=["pre_save", "post_save"])
def test_a_project_that_waits_for_a_save_of_an_event_is_told_of_it(signal: Any) -> None:
    told: list[WebhookEvent] = []

    def receiver(instance: WebhookEvent, **kwargs: object) -> None:
        told.append(instance)

    signal.connect(receiver, sender=WebhookEvent)
    try:
        assert cost(path(), 200) == ["INSERT"]
    finally:
        signal.disconnect(receiver, sender=WebhookEvent)

    assert told == [WebhookEvent.objects.get()]
    assert cost(path(), 200) == ["INSERT"]


def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[object]:
    """Count how often a function is called, by its dotted path."""
    import importlib

    module, function = name.rsplit(".", 1)
    real: Callable[..., object] = getattr(importlib.import_module(module), function)
    calls: list[object] = []

    def wrapped(*args: object, **kwargs: object) -> object:
        calls.append(args)
        return real(*args, **kwargs)

    monkeypatch.setattr(name, wrapped)
    return calls


def test_the_settings_are_put_together_once_for_all_posts(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN}
    accounts = counted(monkeypatch, "django_redpin.conf._account")

    for url in (path(), path(), FORGED):
        post(url)
    assert len(accounts) == 1

    settings.REDPIN["WEBHOOK_SECRETS"].append("n" * 32)  # In place, which nobody is told of.
    try:
        assert post(path(secret="n" * 32)).status_code == 200
    finally:
        settings.REDPIN["WEBHOOK_SECRETS"].pop()
    assert len(accounts) == 2
    assert post(path(secret="n" * 32)).status_code == 401


def test_rest_framework_makes_no_request_and_chooses_no_renderer_for_what_is_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ("initialize_request", "perform_content_negotiation", "check_throttles")
    calls = [counted_method(monkeypatch, name) for name in names]

    assert post(path()).status_code == 200
    assert post(path()).status_code == 200

    assert calls == [[], [], []]


def counted_method(monkeypatch: pytest.MonkeyPatch, name: str) -> list[object]:
    calls: list[object] = []
    monkeypatch.setattr(
        f"rest_framework.views.APIView.{name}", lambda *args, **kwargs: calls.append(args)
    )
    return calls
