"""The checks for django-health-check: what they say, what they cost, and what they never tell."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError, connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.urls import include, path
from health_check.views import HealthCheckView
from pytest_django import Settings

from django_redpin import health
from django_redpin.client import breaker
from django_redpin.models import Recipient, StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session
from tests.client.test_client import answering
from tests.redpin_server import FakeRedpin, Handler
from tests.test_docs import table

urlpatterns = [
    path("redpin/", include("django_redpin.urls")),
    path("health/", HealthCheckView.as_view(checks=[health.AccessToken, *health.CHECKS])),
]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.telemetry.test_health"),
]


@pytest.fixture(autouse=True)
def _templates(settings: Settings) -> None:
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "health_check"]


def found(check: Any) -> str:
    """Return what the check says is wrong, or ""."""
    error = async_to_sync(check.get_result)().error
    return "" if error is None else str(error)


def event(key: str, **fields: Any) -> WebhookEvent:
    return WebhookEvent.objects.create(account="default", key=key, body=b"{}", **fields)


def ago(seconds: float) -> datetime:
    return datetime.now(timezone.utc) - timedelta(seconds=seconds)


def test_all_is_well_where_a_token_is_had_and_nothing_waits(redpin: FakeRedpin) -> None:
    answer = Client().get("/health/?format=json")

    assert (answer.status_code, set(answer.json().values())) == (200, {"OK"})
    assert len(answer.json()) == len(health.CHECKS) + 1


def test_it_is_the_same_with_asgi(redpin: FakeRedpin) -> None:
    event("1", outcome=WebhookEvent.Outcome.DEAD)
    answer = async_to_sync(AsyncClient().get)("/health/?format=json")

    wrong = {name: said for name, said in answer.json().items() if said != "OK"}
    assert answer.status_code == 500
    assert wrong == {
        "DeadRows(table='events', most=0)": (
            "Unavailable: Given up, and waiting for a person: 1 events."
        )
    }


def test_a_probe_each_second_costs_one_token_request(redpin: FakeRedpin) -> None:
    for _ in range(20):
        assert found(health.AccessToken()) == ""

    assert redpin.count("POST", "/token") == 1


def test_b7_a_token_that_is_refused_is_told_by_account_and_without_a_secret(
    redpin: FakeRedpin, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    own = {"CLIENT_ID": "canary-id", "CLIENT_SECRET": "canary-secret-0123456789"}
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"dubai": own}}
    body = b'{"error": "invalid_client", "error_description": "canary-secret-0123456789"}'
    redpin.token_script.append(answering(401, body))
    said = [found(health.AccessToken("dubai")) for _ in range(5)]

    assert set(said) == {
        "Unavailable: There is no access token for the account 'dubai' (AuthenticationError)."
        " Check CLIENT_ID and CLIENT_SECRET with Redpin's Partner Integrations Team."
    }
    assert redpin.count("POST", "/token") == 1
    assert "canary" not in caplog.text + "".join(repr(vars(each)) for each in caplog.records)


def test_a_token_endpoint_that_is_away_is_told_with_what_to_look_at(redpin: FakeRedpin) -> None:
    redpin.token_script.extend([Handler.hang_up] * 2)

    said = found(health.AccessToken())
    assert said.endswith("'default' (NotSent). See that this machine reaches TOKEN_URL.")


def test_an_account_that_there_is_not_is_told_too() -> None:
    assert "the account 'nobody' (UnknownAccount)" in found(health.AccessToken("nobody"))


@pytest.mark.parametrize(("seconds", "is_well"), [(299, True), (320, False)])
def test_an_event_that_waits_for_longer_than_the_threshold_is_told(
    seconds: int, is_well: bool
) -> None:
    event("1", next_attempt_at=ago(seconds))

    said = found(health.Waiting())
    assert (said == "") is is_well
    assert is_well or "The events are behind by 32" in said
    assert found(health.Waiting("events", seconds=400)) == ""
    assert found(health.Waiting("transitions")) == ""


def test_a_transition_that_nobody_was_told_of_is_told(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    create_payment_session(**arguments)
    StatusTransition.objects.update(next_attempt_at=ago(400), leased_until=None)

    assert "The transitions are behind by 40" in found(health.Waiting("transitions"))


def test_rows_that_were_given_up_are_told_from_the_threshold_on() -> None:
    for number in range(3):
        event(str(number), outcome=WebhookEvent.Outcome.DEAD)
    Recipient.objects.create(
        name="Payee", country_code="ARE", currency="AED", unanswered_at=ago(99)
    )

    assert "a person: 3 events" in found(health.DeadRows("events"))
    assert "a person: 3 events" in found(health.DeadRows("events", most=2))
    assert found(health.DeadRows("events", most=3)) == ""
    assert "a person: 1 recipients" in found(health.DeadRows("recipients"))


def test_so_many_that_nobody_counts_them_are_told_as_that_many_or_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "CAP", 2)
    for number in range(5):
        event(str(number), outcome=WebhookEvent.Outcome.DEAD)

    assert "3 or more events" in found(health.DeadRows("events", most=1))


def test_a_circuit_that_is_open_is_told_by_its_host_alone() -> None:
    circuit = breaker.breaker_for("https://user:canary@api.redpin.test/v1/canary")
    assert found(health.Circuits()) == ""
    circuit._open()

    said = found(health.Circuits())
    assert said.startswith("Warning: Left alone, after many failures: api.redpin.test.")
    assert "canary" not in said


def test_a_database_that_is_down_is_no_traceback(
    redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OperationalError("canary: connection to db.internal refused")

    monkeypatch.setattr("django_redpin.health.due_since", fail)
    monkeypatch.setattr("django_redpin.health.dead", fail)
    answer = Client().get("/health/?format=text")

    assert answer.status_code == 500
    assert answer.content.decode().count("The database does not answer (OperationalError).") == 8
    assert "canary" not in answer.content.decode()


def test_a_check_of_what_there_is_not_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="There is no 'event' to be checked; give one of events"):
        health.Waiting("event")
    with pytest.raises(ValueError, match="There is no 'sessions' to be checked"):
        health.DeadRows("sessions")


@pytest.mark.parametrize(
    ("check", "statements"),
    [
        (health.AccessToken(), 0),
        (health.Circuits(), 0),
        (health.Waiting("events"), 1),
        (health.Waiting("transitions"), 1),
        (health.Waiting("recipients"), 1),
        (health.Waiting("sessions"), 2),
        (health.Waiting("reconciliation"), 2),
        (health.DeadRows("events"), 1),
        (health.DeadRows("transitions"), 1),
        (health.DeadRows("recipients"), 1),
    ],
)
def test_each_check_costs_so_many_statements(
    redpin: FakeRedpin, check: Any, statements: int
) -> None:
    with CaptureQueriesContext(connection) as queries:
        async_to_sync(check.run)()

    assert len(queries) == statements


def test_the_page_lists_every_check_with_its_defaults() -> None:
    shown = {name for name, *_ in table("observability.md", "Health checks")}
    made = health._Check.__subclasses__()

    assert shown == {
        f"{kind.__name__}({', '.join(_default(field) for field in dataclasses.fields(kind))})"
        for kind in made
    }


def _default(field: Any) -> str:
    return f"{field.name}={field.default!r}".replace("'", '"')
