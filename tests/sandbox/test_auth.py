"""The token endpoint and what becomes of a call without a good token."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from django_redpin.sandbox.models import AccessToken

from .conftest import OPTIONS, Program, body_of

TOKEN = "/auth/oauth/v2/token"
FORM = "application/x-www-form-urlencoded"


def test_right_credentials_get_a_bearer_token(program: Program) -> None:
    response = program.sign_in()
    body = body_of(response)
    assert response.status_code == 200
    assert body["token_type"] == "bearer"
    assert body["expires_in"] == 3600
    assert len(body["access_token"]) >= 32
    assert response["Cache-Control"] == "no-store"


def test_the_token_itself_is_not_kept(program: Program) -> None:
    token = body_of(program.sign_in())["access_token"]
    assert token not in str(AccessToken.objects.values())


@pytest.mark.parametrize(
    "change",
    [
        {"client_secret": "wrong"},
        {"client_id": "wrong"},
        {"client_id": ""},
        {"client_secret": "%F0%9F%92%A5"},
    ],
)
def test_wrong_credentials_are_refused(program: Program, change: dict[str, str]) -> None:
    response = program.sign_in(**change)
    assert response.status_code == 401
    assert body_of(response)["error"] == "invalid_client"


def test_another_grant_is_not_supported(program: Program) -> None:
    response = program.sign_in(grant_type="password")
    assert response.status_code == 400
    assert body_of(response)["error"] == "unsupported_grant_type"


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        ("", FORM),
        ("client_id=merchant", FORM),
        ("grant_type=client_credentials&grant_type=client_credentials", FORM),
        ("{}", "application/json"),
        (b"\xff\xfe=\x00&grant_type", FORM),
        ("&".join(f"a{n}=1" for n in range(2000)), FORM),
    ],
)
def test_a_form_that_cannot_be_read_is_an_invalid_request(
    program: Program, data: str | bytes, content_type: str
) -> None:
    response = program.client.post(TOKEN, data, content_type=content_type)
    assert response.status_code == 400
    assert body_of(response)["error"] == "invalid_request"


def test_a_huge_form_is_too_large(program: Program) -> None:
    response = program.client.post(TOKEN, "a=" + "b" * 300_000, content_type=FORM)
    assert response.status_code == 413


def test_the_token_endpoint_answers_post_only(program: Program) -> None:
    response = program.client.get(TOKEN)
    assert response.status_code == 405
    assert response["Allow"] == "POST"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer nonsense", "Basic bWVyY2hhbnQ6YQ==", "Bearer \xe9"]
)
def test_a_call_without_a_known_token_is_unauthorized(program: Program, header: str) -> None:
    path = "/v1/customers/0201001008132685/sessions"
    for response in (
        program.client.get(path, headers={"Authorization": header}),
        program.client.post(path, "{}", content_type="application/json"),
    ):
        assert response.status_code == 401
        body = body_of(response)
        assert (body["code"], body["type"]) == ("UNAUTHORIZED", "Authentication Error")


def test_an_expired_token_is_unauthorized(program: Program) -> None:
    assert program.list().status_code == 200
    AccessToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert program.list().status_code == 401


def test_a_token_of_a_former_client_is_unauthorized(program: Program, settings: Settings) -> None:
    assert program.list().status_code == 200
    settings.REDPIN_SANDBOX = OPTIONS | {"CLIENT_ID": "somebody-else"}
    assert program.list().status_code == 401


def test_another_customer_is_not_found(program: Program) -> None:
    for response in (program.list("999"), program.create("999")):
        assert response.status_code == 404
        assert body_of(response)["code"] == "RESOURCE_NOT_FOUND"


def test_another_method_is_not_allowed(program: Program) -> None:
    response = program.client.delete(
        "/v1/customers/0201001008132685/sessions", headers=program.headers
    )
    assert response.status_code == 405
    assert response["Allow"] == "GET, POST"
    assert body_of(response)["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.django_db
def test_an_unknown_api_address_is_answered_in_redpins_envelope() -> None:
    response = Client().get("/v1/nothing")
    assert response.status_code == 404
    assert body_of(response)["code"] == "RESOURCE_NOT_FOUND"
