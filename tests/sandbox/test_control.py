"""What guards the sandbox's controls against the web pages that are open beside them."""

from __future__ import annotations

from typing import Any

import pytest
import simplejson
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from django_redpin.sandbox.control import ControlError, control_call
from django_redpin.sandbox.wire import answer


@control_call("GET", "POST", "DELETE")
def echo(request: HttpRequest, document: dict[str, Any], name: str = "") -> HttpResponse:
    if document.get("wrong"):
        raise ControlError("wrong is wrong. Leave it out.", status=409, field="wrong")
    return answer({"name": name, **document})


def ask(method: str = "POST", body: object = None, **headers: str) -> tuple[int, Any]:
    content_type = headers.pop("content_type", "application/json")
    data = body if isinstance(body, str) else simplejson.dumps(body or {})
    if body is None and method != "POST":
        data = ""
    host = headers.pop("host", "127.0.0.1:8001")
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = RequestFactory().generic(
        method, "/control/echo", data, content_type=content_type, headers={"Host": host, **names}
    )
    response = echo(request, name="n")
    return response.status_code, simplejson.loads(response.content)


@pytest.fixture(autouse=True)
def _hosts(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_program_is_answered(method: str) -> None:
    assert ask(method) == (200, {"name": "n"})
    assert ask(method, {"a": 1}) == (200, {"name": "n", "a": 1})


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_what_a_form_of_any_page_could_send_is_refused(content_type: str) -> None:
    status, body = ask(body={"a": 1}, content_type=content_type)
    assert status == 415
    assert "application/json" in body["error"]
    assert ask("DELETE", {"a": 1}, content_type=content_type)[0] == 415


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:8000", "https://127.0.0.1:8001"]
)
def test_a_page_of_another_origin_is_refused(origin: str) -> None:
    assert ask(origin=origin)[0] == 403
    assert ask("GET", origin=origin)[0] == 403


def test_the_sandboxs_own_origin_is_answered() -> None:
    assert ask(origin="http://127.0.0.1:8001", sec_fetch_site="same-origin")[0] == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_a_browser_calls_foreign_is_refused(site: str) -> None:
    assert ask(sec_fetch_site=site)[0] == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8001", "127.0.0.1.evil.example"])
def test_a_strangers_name_for_this_machine_is_refused(host: str) -> None:
    status, body = ask(host=host)
    assert status == 403
    assert "127.0.0.1" in body["error"]


@pytest.mark.parametrize(
    "host", ["localhost:1", "redpin.localhost", "[::1]:8001", "192.0.2.7:8001", "sandbox:8001"]
)
def test_names_that_no_stranger_can_have_are_answered(host: str) -> None:
    assert ask(host=host)[0] == 200


def test_a_name_that_the_settings_list_is_answered(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["redpin.merchant.example"]
    assert ask(host="redpin.merchant.example")[0] == 200
    assert ask(host="other.merchant.example")[0] == 403


@pytest.mark.parametrize(
    ("body", "status"), [("{", 400), ("[]", 400), ('{"a": 1, "a": 2}', 400), ("x" * 300_000, 413)]
)
def test_a_body_that_is_no_object_is_named(body: str, status: int) -> None:
    found, document = ask(body=body)
    assert (found, set(document)) == (status, {"error"})


def test_an_error_of_the_view_is_json() -> None:
    assert ask(body={"wrong": True}) == (
        409,
        {"error": "wrong is wrong. Leave it out.", "field": "wrong"},
    )


def test_another_method_is_not_allowed() -> None:
    assert ask("PUT") == (405, {"error": "This address answers GET, POST, DELETE only."})
