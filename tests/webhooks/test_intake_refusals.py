"""What the webhook refuses, and what that costs: the cheapest look first, and never a row."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from django_redpin.models import WebhookEvent
from django_redpin.shapes import DEFAULTS
from django_redpin.webhooks import verification
from django_redpin.webhooks.view import WebhookView
from tests.fuzz.seeds import UNREADABLE

from .posting import BODY, path, post

pytestmark = pytest.mark.django_db
LIMIT = DEFAULTS["WEBHOOK_MAX_BODY_BYTES"]
FORGED = "/redpin/webhooks/default/ORDER-1/forged/"


class CountingStream(io.BytesIO):
    """A connection that counts what was read of it."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.taken = 0

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        self.taken += len(found)
        return found


def send(url: str, stream: io.BytesIO, length: str, **headers: str) -> Any:
    return post(url, **{"wsgi.input": stream, "CONTENT_LENGTH": length, **headers})


@pytest.mark.parametrize(
    ("url", "length", "headers", "status"),
    [
        # Each of these is wrong in all that comes after it, too.
        (FORGED, LIMIT + 1, {"REQUEST_METHOD": "PUT", "CONTENT_TYPE": "text/plain"}, 405),
        (FORGED, LIMIT + 1, {"CONTENT_TYPE": "text/plain"}, 415),
        (FORGED, LIMIT + 1, {}, 413),
        (FORGED, "many", {}, 400),
        (FORGED, LIMIT, {}, 401),
    ],
)
def test_a11_what_is_refused_for_its_head_is_refused_before_its_body_is_read(
    url: str, length: int | str, headers: dict[str, str], status: int
) -> None:
    stream = CountingStream(b"x" * (LIMIT + 1))

    with CaptureQueriesContext(connection) as queries:
        response = send(url, stream, str(length), **headers)

    assert response.status_code == status
    assert stream.taken == 0
    assert len(queries) == 0


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> CountingStream:
    """A server that hands all that comes to Django, whatever the head declares: as by ASGI."""
    stream = CountingStream(b" " * (10 * LIMIT))
    monkeypatch.setattr(
        "django.core.handlers.wsgi.LimitedStream", lambda wsgi_input, length: wsgi_input
    )
    return stream


@pytest.mark.parametrize("length", ["", "0", "7", str(LIMIT), "-1"])
def test_a11_no_more_is_read_than_the_limit_and_one_byte_whatever_is_declared(
    unlimited: CountingStream, length: str, settings: Settings
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None

    response = send(path(), unlimited, length)

    assert response.status_code == 413
    assert unlimited.taken == LIMIT + 1
    assert not WebhookEvent.objects.exists()


def test_a11_a_body_of_just_the_limit_is_stored(settings: Settings) -> None:
    body = BODY + " " * (LIMIT - len(BODY))

    assert post(path(), body).status_code == 200
    assert post(path(), body + " ").status_code == 413
    assert bytes(WebhookEvent.objects.get().body) == body.encode()


@pytest.mark.parametrize("project_limit", [None, 10, 10**9])
def test_a11_the_limit_is_our_own_whatever_the_projects_is(
    settings: Settings, project_limit: int | None
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = project_limit
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_MAX_BODY_BYTES": 1024}

    assert post(path()).status_code == 200
    assert post(path(), BODY + " " * 1024).status_code == 413


def reads_first(get_response: Any) -> Any:
    """A middleware that looks at the whole body, as some that log or measure do."""

    def middleware(request: HttpRequest) -> Any:
        assert request.body
        return get_response(request)

    return middleware


def test_a11_the_limit_holds_for_a_body_that_a_middleware_has_read(settings: Settings) -> None:
    settings.MIDDLEWARE = [f"{__name__}.reads_first"]
    body = BODY + " " * LIMIT

    assert post(path()).status_code == 200
    assert post(path(), body).status_code == 413


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """What the verifiers are given: the body, and what the request says that it is."""
    given: list[tuple[bytes, bytes]] = []

    def note(account: object, request: HttpRequest, body: bytes) -> verification.Passed:
        given.append((body, request.body))
        return verification.Passed()

    monkeypatch.setattr("django_redpin.webhooks.view.verify_post", note)
    return given


@pytest.mark.parametrize(
    "body", [BODY.encode(), b'\n {"a" : 1e2}\r\n', b"no json", b"\xff\xfe", b'{"a":1,"a":2}', b""]
)
def test_a5_verifiers_are_given_the_bytes_as_they_came_before_anything_reads_them_as_json(
    seen: list[tuple[bytes, bytes]], body: bytes
) -> None:
    response = post(path(), body, CONTENT_TYPE="application/json")

    assert seen == [(body, body)]
    assert response.status_code in (200, 400)


def test_a5_the_view_never_lets_the_framework_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(self: object) -> None:
        raise AssertionError("request.data was asked for.")

    monkeypatch.setattr("rest_framework.request.Request._load_data_and_files", parse)
    monkeypatch.setattr("rest_framework.request.Request._parse", parse)

    assert post(path()).status_code == 200
    assert WebhookView.parser_classes == ()


@pytest.mark.parametrize("name", UNREADABLE)
def test_a12_what_is_no_plain_json_object_is_400_and_no_row(name: str, settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_MAX_BODY_BYTES": 1024 * 1024}

    with CaptureQueriesContext(connection) as queries:
        response = post(path(), UNREADABLE[name], CONTENT_TYPE="application/json")

    assert response.status_code == 400
    assert "detail" in json.loads(response.content)
    assert len(queries) == 0


METHODS = ["get", "head", "put", "patch", "delete", "options", "trace"]


@pytest.mark.parametrize("url", [path(), path().rstrip("/"), FORGED, FORGED.rstrip("/")])
@pytest.mark.parametrize("method", METHODS)
def test_a15_any_method_but_post_is_405_and_nothing_is_read(method: str, url: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        response = getattr(Client(), method)(url, content_type="application/json")

    assert response.status_code == 405
    assert response["Allow"] == "POST"
    assert len(queries) == 0


NOT_JSON = (
    *("", "json", "text/plain", "text/json", "application/jsonx", "application/json-seq", "*/*"),
    *("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"),
)
JSON = (
    *("application/json", "APPLICATION/JSON;charset=UTF-8", "application/json ; x=y"),
    *("application/cloudevents+json", "application/problem+json"),
)


@pytest.mark.parametrize("content_type", NOT_JSON)
def test_a15_what_is_not_declared_as_json_is_415(content_type: str) -> None:
    assert post(path(), BODY, content_type=content_type).status_code == 415
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize("content_type", JSON)
def test_a15_json_by_any_of_its_names_is_taken(content_type: str) -> None:
    assert post(path(), BODY, content_type=content_type).status_code == 200


def test_a15_the_answer_to_what_is_stored_is_the_same_each_time() -> None:
    answers = [post(path(), body) for body in (BODY, BODY, "{}", '{"event_type": "NEW THING"}')]

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.content for answer in answers} == {b'{"detail":"stored"}'}


def test_a15_the_answer_to_what_is_not_verified_does_not_say_why() -> None:
    urls = [FORGED, path().replace("/default/", "/nobody/"), path("ORDER-2").replace("-2", "-3")]
    answers = [post(url) for url in urls]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1


def test_a_refusal_for_now_says_when_to_come_again(settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_SECRETS": []}

    response = post(path())

    assert response.status_code == 503
    assert response["Retry-After"] == "60"
