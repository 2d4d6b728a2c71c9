"""The token in the URL is the proof: whatever goes wrong, no log may hold it."""

from __future__ import annotations

import io
import logging
import socket
import struct
import threading
from typing import Any

import pytest
from django.core.signals import request_finished
from django.http import HttpRequest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from django_redpin.models import WebhookEvent
from django_redpin.rules.callback_tokens import sign
from django_redpin.webhooks.view import WebhookView

from .posting import REFERENCE, SECRET, path, post

pytestmark = pytest.mark.django_db


class BrokenStream(io.BytesIO):
    """A connection that ends in the middle of the body."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def read(self, size: int | None = -1) -> bytes:
        raise self.error


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[logging.LogRecord]:
    """All that any logger is told at any level, whatever handlers and filters there are."""
    records: list[logging.LogRecord] = []
    monkeypatch.setattr(logging.Logger, "isEnabledFor", lambda self, level: True)
    monkeypatch.setattr(logging.Logger, "handle", lambda self, record: records.append(record))
    return records


def leaks(log: list[logging.LogRecord]) -> list[str]:
    """Return the records that hold the token, be it in what comes along beside the text."""
    texts = [f"{logging.Formatter().format(record)} {vars(record)}" for record in log]
    return [text for text in texts if sign(SECRET, "default", REFERENCE) in text]


@pytest.mark.parametrize(
    "error", [OSError("reset by peer"), ConnectionResetError(), TimeoutError()], ids=repr
)
def test_a_body_that_can_not_be_read_is_400_without_a_row(
    error: Exception, log: list[logging.LogRecord]
) -> None:
    response = post(path(), **{"wsgi.input": BrokenStream(error)})

    assert response.status_code == 400
    assert not WebhookEvent.objects.exists()
    assert leaks(log) == []


@pytest.mark.django_db(transaction=True)
def test_a_sender_that_hangs_up_in_the_middle_leaves_no_trace_of_its_url(
    live_server: LiveServer, log: list[logging.LogRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = threading.Event()
    answers: list[int] = []

    def note(sender: object, **kwargs: object) -> None:
        finished.set()

    real = WebhookView.finalize_response

    def finalize(view: WebhookView, *args: Any, **kwargs: Any) -> Any:
        response = real(view, *args, **kwargs)
        answers.append(response.status_code)
        return response

    monkeypatch.setattr(WebhookView, "finalize_response", finalize)
    request_finished.connect(note)
    host, port = live_server.url.removeprefix("http://").split(":")
    head = (
        f"POST {path()} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        "Content-Length: 5000\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as redpin:
        redpin.sendall(head.encode() + b'{"event_id"')
        # No farewell but a reset, as from a process that was killed.
        redpin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert finished.wait(20)

    assert answers == [400]
    assert leaks(log) == []


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("", {"CONTENT_TYPE": "application/json; charset=klingon"}, 200),
        ("", {"CONTENT_TYPE": "application/json; charset=utf-16"}, 200),
        ("", {"CONTENT_TYPE": 'application/json; charset="'}, 200),
        ("", {"CONTENT_TYPE": "application/json;;;=;"}, 200),
        ("", {"CONTENT_TYPE": "application/json; charset=rot13"}, 200),
        ("", {"CONTENT_TYPE": "multipart/form-data; boundary="}, 415),
        ("", {"CONTENT_TYPE": "/;\xff"}, 415),
        ("", {"CONTENT_LENGTH": "many"}, 400),
        ("", {"CONTENT_LENGTH": "-5"}, 400),
        ("", {"CONTENT_LENGTH": "9" * 5000}, 400),
        ("?format=xml", {}, 200),
        ("?format=xml", {"REQUEST_METHOD": "GET"}, 405),
        ("", {"HTTP_ACCEPT": "text/html"}, 200),
        ("", {"HTTP_ACCEPT": "text/html", "REQUEST_METHOD": "DELETE"}, 405),
        ("", {"HTTP_ACCEPT": "application/json; indent=" + "9" * 5000}, 200),
        ("", {"HTTP_ACCEPT": "?;,/" * 3000}, 200),
        ("", {"REQUEST_METHOD": "BREW"}, 405),
        ("", {"HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE"}, 200),
        ("", {"HTTP_AUTHORIZATION": "Basic \xff"}, 200),
    ],
)
def test_an_odd_request_is_answered_and_no_line_of_the_log_holds_its_url(
    query: str, headers: dict[str, str], status: int, log: list[logging.LogRecord]
) -> None:
    response = post(path() + query, **headers)

    assert response.status_code == status
    assert leaks(log) == []


@pytest.mark.parametrize(
    "broken", ["verify_token", "_is_json", "_body", "record_event", "WebhookView.post"]
)
def test_whatever_breaks_is_503_and_no_line_of_the_log_holds_the_url(
    broken: str, log: list[logging.LogRecord], monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("unforeseen")

    settings.REST_FRAMEWORK = {"EXCEPTION_HANDLER": f"{__name__}.handler_of_the_project"}
    monkeypatch.setattr(f"django_redpin.webhooks.view.{broken}", fail)

    response = post(path())

    assert response.status_code == 503
    assert response["Retry-After"] == "60"
    assert any("Traceback" in record.getMessage() for record in log)
    # With it, error reports would show the frames, and what is in them.
    assert not any(record.exc_info for record in log)
    assert leaks(log) == []


def handler_of_the_project(exc: Exception, context: dict[str, Any]) -> None:
    """A project's own handler: it logs the path, and has the exception raised again."""
    logging.getLogger("project").error("Failed: %s", context["request"].path)


def test_a_body_that_something_else_has_read_is_503(
    settings: Settings, log: list[logging.LogRecord]
) -> None:
    settings.MIDDLEWARE = [f"{__name__}.reads_the_body"]

    assert post(path()).status_code == 503
    assert leaks(log) == []


def reads_the_body(get_response: Any) -> Any:
    """A middleware that takes the body away from the view."""

    def middleware(request: HttpRequest) -> Any:
        request.read(1)
        return get_response(request)

    return middleware
