"""The webhook's view: what it lets in, what it refuses, and what it leaves behind."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from django_redpin.conf import get_account
from django_redpin.models import WebhookEvent
from django_redpin.rules.callback_tokens import sign
from django_redpin.rules.signatures import fingerprint
from django_redpin.services.callbacks import callback_url
from django_redpin.shapes import DEFAULTS
from django_redpin.signals import webhook_rejected

from .posting import BODY, REFERENCE, SECRET, path, post

pytestmark = pytest.mark.django_db


def test_the_url_that_redpin_is_told_is_let_in() -> None:
    url = callback_url(get_account(), REFERENCE)

    response = post(url.removeprefix("https://merchant.test"))

    assert response.status_code == 200
    event = WebhookEvent.objects.get()
    assert bytes(event.body) == BODY.encode()
    assert event.client_reference_id == REFERENCE
    assert event.verifier == f"session token {fingerprint(SECRET)}"
    assert (event.status, event.payment_id, event.outcome) == ("AWAITING_FUNDS", "9001", "pending")


def test_the_account_wide_url_is_let_in_too() -> None:
    token = sign(SECRET, "default", "")

    assert post(f"/redpin/webhooks/default/{token}/").status_code == 200
    assert WebhookEvent.objects.get().verifier == f"account token {fingerprint(SECRET)}"


def test_a_repeated_event_is_answered_200_and_stored_once() -> None:
    first, second = post(path()), post(path())

    assert (first.status_code, second.status_code) == (200, 200)
    assert second.content == first.content
    assert WebhookEvent.objects.get().duplicates == 1


@pytest.mark.parametrize(
    "url",
    [
        "/redpin/webhooks/default/ORDER-1/forged/",
        path("ORDER-2").replace("ORDER-2", "ORDER-1"),
        path().replace("/default/", "/other/"),
        path(secret="another-secret-another-secret-x"),
        path()[:-2] + "/",
        "/redpin/webhooks/default/forged/",
        f"/redpin/webhooks/default/{sign(SECRET, 'default', REFERENCE)}/",
    ],
)
def test_a_wrong_token_is_401_without_a_row(url: str, caplog: pytest.LogCaptureFixture) -> None:
    rejected: list[str] = []

    def receiver(sender: object, reason: str, **kwargs: object) -> None:
        rejected.append(reason)

    webhook_rejected.connect(receiver)
    response = post(url)

    assert response.status_code == 401
    assert not WebhookEvent.objects.exists()
    assert len(rejected) == 1
    assert "Webhook refused" in caplog.text
    assert url.rstrip("/").rsplit("/", 1)[1] not in caplog.messages[0]


def test_a_refused_post_costs_no_query(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        post("/redpin/webhooks/default/ORDER-1/forged/")


def test_a_second_secret_is_still_accepted(settings: Settings) -> None:
    old = path()
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_SECRETS": ["n" * 32, SECRET]}

    assert post(old).status_code == 200
    assert post(path(secret="n" * 32)).status_code == 200


@pytest.mark.parametrize("secrets", [[], [""], ["short"], [" " * 40]])
def test_without_a_strong_secret_nothing_is_let_in(settings: Settings, secrets: list[str]) -> None:
    url = path()
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_SECRETS": secrets}

    assert post(url).status_code == 503
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize(
    "body",
    ["no json", "[]", "null", "5", '{"a": NaN}', "[" * 60_000, '{"a":1,"a":2}', b"\xff"],
)
def test_what_is_no_json_object_is_400_without_a_row(body: Any) -> None:
    assert post(path(), body).status_code == 400
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        '{"event_id": "\\u0000", "payment_id": "\\u0000"}',
        '{"event_id": {"a": 1}, "payment_id": [2], "status": 3}',
        '{"event_id": "' + "x" * 1000 + '"}',
        '{"data": [], "event_timestamp": "never"}',
        '{"data": null}',
        '{"event_id": 5, "status": true}',
        '{"event_id": "1", "event_type": "' + "\\u00df" * 64 + '"}',
    ],
)
def test_an_object_of_any_shape_is_stored(body: str) -> None:
    assert post(path(), body).status_code == 200
    assert bytes(WebhookEvent.objects.get().body) == body.encode()


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options"])
def test_only_post_is_allowed(method: str) -> None:
    assert getattr(Client(), method)(path()).status_code == 405


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_415(content_type: str) -> None:
    assert post(path(), BODY, content_type=content_type).status_code == 415
    assert not WebhookEvent.objects.exists()


def test_a_content_type_with_a_charset_is_fine() -> None:
    assert post(path(), BODY, content_type="application/json; charset=utf-8").status_code == 200


def test_a_body_larger_than_any_event_is_413() -> None:
    assert post(path(), "x" * (DEFAULTS["WEBHOOK_MAX_BODY_BYTES"] + 1)).status_code == 413
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize(
    ("method", "body", "content_type", "status"),
    [
        ("POST", "no json", "application/json", 400),
        ("GET", "", "application/json", 405),
        ("POST", "x" * (DEFAULTS["WEBHOOK_MAX_BODY_BYTES"] + 1), "application/json", 413),
        ("POST", BODY, "text/plain", 415),
    ],
)
def test_a_refusal_does_not_log_the_url_that_is_the_proof(
    method: str, body: str, content_type: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    response = Client().generic(method, path(), body, content_type=content_type)

    assert response.status_code == status
    assert sign(SECRET, "default", REFERENCE) not in caplog.text


def test_the_url_without_its_slash_is_no_redirect() -> None:
    assert post(path().rstrip("/")).status_code == 200
    assert post(f"/redpin/webhooks/default/{sign(SECRET, 'default', '')}").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_the_first_statement_of_the_intakes_transaction_is_the_write() -> None:
    with CaptureQueriesContext(connection) as queries:
        post(path())

    statements = [query["sql"].split()[0] for query in queries]
    begun = statements.index("BEGIN") if "BEGIN" in statements else 0
    assert "INSERT" in statements
    assert "SELECT" not in statements[begun : statements.index("INSERT")]


@pytest.mark.parametrize("error", [DatabaseError("down"), RuntimeError("unforeseen")])
def test_what_can_not_be_stored_is_503_and_never_200(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr("django_redpin.services.record.keep", fail)
    response = post(path())

    assert response.status_code == 503
    assert response["Retry-After"] == "60"
    assert sign(SECRET, "default", REFERENCE) not in caplog.text


def test_a_broker_that_is_away_does_not_fail_the_delivery(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr("celery.app.amqp.Queues.select_add", fail, raising=False)
    monkeypatch.setattr("celery.canvas.Signature.apply_async", fail)

    assert post(path()).status_code == 200
    assert WebhookEvent.objects.get().next_attempt_at is not None
    assert "The broker took no" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_it_works_whatever_the_project_demands_elsewhere(settings: Settings) -> None:
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    settings.REST_FRAMEWORK = {
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
        "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
        "DEFAULT_THROTTLE_RATES": {"anon": "1/day"},
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FormParser"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.BrowsableAPIRenderer"],
    }

    assert [post(path()).status_code for _ in range(3)] == [200, 200, 200]


def test_the_callers_cookies_and_headers_are_not_stored() -> None:
    client = Client()
    client.cookies["session"] = "canary-cookie"
    client.post(
        path(), BODY, content_type="application/json", headers={"authorization": "canary-header"}
    )

    row = WebhookEvent.objects.values()[0]
    assert not any("canary" in str(value) for value in row.values())
