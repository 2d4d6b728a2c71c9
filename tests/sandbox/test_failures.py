"""A request that can't be read and a sandbox that fails: each asker is told in its own form."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from pytest_django import Settings

from .conftest import CUSTOMER, body_of

API = f"/v1/customers/{CUSTOMER}/sessions"
CONTROL = "/control/state"
pytestmark = pytest.mark.django_db


def failing(get_response: Callable[[HttpRequest], HttpResponse]) -> object:
    """A middleware that lets the sandbox fail."""

    def fail(request: HttpRequest) -> HttpResponse:
        raise RuntimeError("canary")

    return fail


def test_a_sandbox_that_fails_says_so_and_not_why(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.MIDDLEWARE = [f"{__name__}.failing"]
    client = Client(raise_request_exception=False)

    answers = {path: client.get(path) for path in (API, CONTROL, "/outbox/")}

    assert {answer.status_code for answer in answers.values()} == {500}
    assert body_of(answers[API])["code"] == "INTERNAL_SERVER_ERROR"
    assert body_of(answers[CONTROL]) == {"error": "The sandbox failed. Its log says why."}
    assert "The sandbox failed" in answers["/outbox/"].content.decode()
    assert not any("canary" in answer.content.decode() for answer in answers.values())
    assert "canary" in caplog.text  # Where whoever runs it looks.


def test_a_host_that_is_not_known_is_refused(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["localhost"]
    client = Client(headers={"host": "evil.example"})

    answers = {path: client.get(path) for path in (API, CONTROL, "/outbox/")}

    assert body_of(answers[API]) == {
        "code": "INVALID_PARAMETER",
        "description": "The request could not be read.",
        "type": "Validation Error",
    }
    assert "its host's name" in body_of(answers[CONTROL])["error"]
    assert "This request could not be read" in answers["/outbox/"].content.decode()
    assert {answers[path].status_code for path in (API, "/outbox/")} == {400}
