"""API faults: set by JSON and by the page, played, used up, cleared."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pytest
import simplejson
from django.test import Client

from django_redpin.sandbox import fault_pages, faults
from django_redpin.sandbox.faults import CALLS, ENVELOPES, FAULTS, Dropped
from django_redpin.sandbox.models import ApiFault, Session
from tests.test_docs import table

from .browser import _Forms
from .conftest import OPTIONS, Program, body_of

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response
    from pytest_django import Settings

CONTROL = "/control/faults"
PAGE = "/faults/"


def put(program: Program, **values: Any) -> Response:
    response = program.client.post(
        CONTROL, simplejson.dumps(values), content_type="application/json"
    )
    assert response.status_code == 201, response.content
    return response


def refused(program: Program, **values: Any) -> dict[str, str]:
    response = program.client.post(
        CONTROL, simplejson.dumps(values), content_type="application/json"
    )
    assert response.status_code in (400, 409)
    assert not ApiFault.objects.exists() or response.status_code == 409
    body: dict[str, str] = body_of(response)
    return body


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504])
def test_the_next_call_is_answered_with_the_status_and_redpins_envelope(
    program: Program, status: int
) -> None:
    put(program, call="create", fault="error", status=status, retry_after=7)
    response = program.create()
    assert response.status_code == status
    assert response["Retry-After"] == "7"
    body = body_of(response)
    assert (body["code"], body["type"]) == ENVELOPES[status]
    assert not Session.objects.exists()
    assert program.create().status_code == 201


def test_a_status_without_a_name_is_answered_too(program: Program) -> None:
    put(program, call="list", fault="error", status=418)
    response = program.list()
    assert (response.status_code, set(body_of(response))) == (418, {"code", "description", "type"})
    assert "Retry-After" not in response


@pytest.mark.parametrize("fault", ["error", "html"])
@pytest.mark.parametrize(("status", "has_body"), [(200, True), (204, False), (302, True)])
def test_a_status_that_is_no_error_is_answered_too(
    program: Program, status: int, has_body: bool, fault: str
) -> None:
    put(program, call="create", fault=fault, status=status)
    response = program.create()
    assert (response.status_code, bool(response.content)) == (status, has_body)
    assert not Session.objects.exists()


def test_without_a_status_it_is_503(program: Program) -> None:
    put(program, call="list", fault="html")
    response = program.list()
    assert response.status_code == 503
    assert response["Content-Type"].startswith("text/html")
    assert b"<h1>503</h1>" in response.content


@pytest.mark.parametrize(("status", "name"), [(401, "invalid_client"), (500, "temporarily")])
def test_the_token_endpoint_fails_in_its_own_words(
    program: Program, status: int, name: str
) -> None:
    put(program, call="token", fault="error", status=status)
    response = program.sign_in()
    assert response.status_code == status
    assert body_of(response)["error"].startswith(name)
    assert program.sign_in().status_code == 200


def test_each_call_fails_by_itself(program: Program) -> None:
    token = program.headers
    for call in ("list", "recipients"):
        put(program, call=call, fault="error", status=500)
    path = "/v2/customers/0201001008132685/recipients"
    assert program.create().status_code == 201
    assert program.client.get(path, headers=token).status_code == 500
    assert program.client.get(path, headers=token).status_code == 200
    assert program.list().status_code == 500


def test_so_many_times_and_then_the_next_fault(program: Program) -> None:
    put(program, call="list", fault="error", status=500, times=2)
    put(program, call="list", fault="error", status=429)
    assert [program.list().status_code for _ in range(4)] == [500, 500, 429, 200]


def test_all_until_it_is_cleared(program: Program) -> None:
    put(program, call="list", fault="error", status=500, times=None)
    assert [program.list().status_code for _ in range(3)] == [500] * 3
    assert ApiFault.objects.get().used == 3
    assert body_of(program.client.delete(CONTROL)) == {"cleared": 1}
    assert program.list().status_code == 200


def test_of_two_calls_that_arrive_together_one_takes_the_last_use(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(program, call="list", fault="error")
    stale = list(ApiFault.objects.filter(call="list"))
    assert faults._take("list") is not None

    class Late:
        def filter(self, **kwargs: Any) -> Any:
            return self if "call" in kwargs else ApiFault.objects.all().filter(**kwargs)

        def exclude(self, **kwargs: Any) -> Any:
            return stale

    class Model:
        objects = Late()

    monkeypatch.setattr(faults, "ApiFault", Model)
    assert faults._take("list") is None


@pytest.mark.parametrize(("fault", "is_stored"), [("lost", True), ("dropped", False)])
def test_a_connection_ends_without_an_answer(program: Program, fault: str, is_stored: bool) -> None:
    put(program, call="create", fault=fault)
    response: object = program.create()
    assert isinstance(response, Dropped)
    with pytest.raises(ConnectionResetError):
        b"".join(cast("Iterator[bytes]", response.streaming_content))
    assert Session.objects.exists() is is_stored


@pytest.mark.parametrize(
    ("fault", "length"), [("not_json", None), ("empty", 0), ("truncated", None)]
)
def test_the_answer_is_garbage_and_the_session_stored(
    program: Program, fault: str, length: int | None
) -> None:
    put(program, call="create", fault=fault)
    response = program.create()
    assert response.status_code == 201
    with pytest.raises(ValueError):  # noqa: PT011 - whichever way it is no JSON
        body_of(response)
    assert length is None or len(response.content) == length
    assert Session.objects.count() == 1


def test_a_truncated_answer_promised_more(program: Program) -> None:
    put(program, call="create", fault="truncated")
    response = program.create()
    assert int(response["Content-Length"]) > len(response.content) > 0


def test_an_answer_without_session_url_has_all_else(program: Program) -> None:
    put(program, call="create", fault="no_url")
    response = program.create()
    assert response.status_code == 201
    assert set(body_of(response)) == {"session_id", "client_reference_id", "expires_at"}


def test_the_list_tells_the_url_or_not_as_one_call_is_told(
    program: Program, settings: Settings
) -> None:
    url = body_of(program.create())["session_url"]

    def listed() -> Any:
        return body_of(program.list())["sessions"][0].get("session_url")

    put(program, call="list", fault="with_url")
    assert [listed(), listed()] == [url, None]
    settings.REDPIN_SANDBOX = OPTIONS | {"LIST_SHOWS_URL": True}
    put(program, call="list", fault="no_url")
    assert [listed(), listed()] == [None, url]
    put(program, call="list", fault="no_url")
    assert body_of(program.list(page="none"))["field"] == "page"


def test_a_token_that_has_expired_at_once_is_refused_everywhere(program: Program) -> None:
    put(program, call="token", fault="expired_token")
    assert program.list().status_code == 401
    program.token = ""
    assert program.list().status_code == 200


def test_a_slow_answer_comes_late_and_right(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    put(program, call="list", fault="slow", seconds=12.5)
    put(program, call="list", fault="error", status=504, seconds=30)
    assert [program.list().status_code for _ in range(3)] == [200, 504, 200]
    assert waits == [12.5, 30]


def test_what_is_set_is_told(program: Program) -> None:
    put(program, call="list", fault="error", status=429, retry_after=3, times=2)
    program.list()
    body = body_of(program.client.get(CONTROL))
    (told,) = body["faults"]
    assert told.pop("id") == ApiFault.objects.get().pk
    assert told == {
        "call": "list",
        "fault": "error",
        "times": 1,
        "used": 1,
        "status": 429,
        "retry_after": 3,
        "seconds": 0,
    }
    assert set(body["kinds"]) == set(FAULTS)
    assert set(body["calls"]) == set(CALLS)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "call"),
        ({"call": "nothing", "fault": "error"}, "call"),
        ({"call": ["list"], "fault": "error"}, "call"),
        ({"call": "list"}, "fault"),
        ({"call": "token", "fault": "no_url"}, "fault"),
        ({"call": "create", "fault": "expired_token"}, "fault"),
        ({"call": "list", "fault": "error", "status": 199}, "status"),
        ({"call": "list", "fault": "error", "status": 600}, "status"),
        ({"call": "list", "fault": "error", "status": "many"}, "status"),
        ({"call": "list", "fault": "error", "status": True}, "status"),
        ({"call": "list", "fault": "error", "status": 500.5}, "status"),
        ({"call": "list", "fault": "lost", "status": 500}, "status"),
        ({"call": "list", "fault": "error", "retry_after": -1}, "retry_after"),
        ({"call": "list", "fault": "error", "times": 0}, "times"),
        ({"call": "list", "fault": "slow", "seconds": 121}, "seconds"),
        ({"call": "list", "fault": "error", "when": "now"}, "when"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_by_its_field(
    program: Program, values: dict[str, Any], field: str
) -> None:
    body = refused(program, **values)
    assert body["field"] == field
    assert body["error"]


def test_a_number_may_be_a_text_as_with_the_other_controls(program: Program) -> None:
    values = {"status": "418", "times": "2", "seconds": "0.5", "retry_after": "7"}
    told = body_of(put(program, call="list", fault="error", **values))
    assert {name: told[name] for name in values} == {
        "status": 418,
        "times": 2,
        "seconds": Decimal("0.5"),
        "retry_after": 7,
    }


def test_an_id_that_is_none_clears_nothing(program: Program) -> None:
    put(program, call="list", fault="error")
    for value, status in (("", 200), (None, 200), ("x", 400), ([1], 400), (1.5, 400)):
        data = simplejson.dumps({"id": value})
        response = program.client.delete(CONTROL, data, content_type="application/json")
        assert (value, response.status_code) == (value, status)
    page = program.client.get(PAGE).content.decode()
    hidden = forms(page)["clear"].hidden | {"id": "x", "action": "clear"}
    assert program.client.post(PAGE, hidden).status_code == 400
    assert ApiFault.objects.count() == 1


def test_there_is_an_end_to_how_many_are_set(program: Program) -> None:
    ApiFault.objects.bulk_create(
        ApiFault(call="list", fault="error") for _ in range(fault_pages.MOST_FAULTS)
    )
    assert "Clear some" in refused(program, call="list", fault="error")["error"]


def test_what_is_used_up_stands_in_no_ones_way(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fault_pages, "MOST_FAULTS", 3)
    lasting = body_of(put(program, call="recipients", fault="slow", times=None))["id"]
    for _ in range(9):
        put(program, call="list", fault="error")
        assert program.list().status_code == 503
    assert ApiFault.objects.filter(pk=lasting).exists()
    assert ApiFault.objects.filter(left=0).count() == 3


def test_faults_are_cleared_by_id_by_call_or_all(program: Program) -> None:
    ids = [
        body_of(put(program, call=call, fault="error"))["id"] for call in ("list", "list", "token")
    ]

    def clear(**values: Any) -> Any:
        data = simplejson.dumps(values) if values else ""
        response = program.client.delete(CONTROL, data, content_type="application/json")
        return body_of(response)

    assert clear(id=ids[0]) == {"cleared": 1}
    assert clear(call="list") == {"cleared": 1}
    assert clear(other=1)["error"]
    assert clear() == {"cleared": 1}


def forms(html: str) -> dict[str, Any]:
    parser = _Forms()
    parser.feed(html)
    return parser.forms


def test_a_person_sets_and_clears_faults_on_the_page(program: Program) -> None:
    client = Client(enforce_csrf_checks=True)
    form = forms(client.get(PAGE).content.decode())["set"]
    assert form.fields >= {"call", "fault", "times", "status", "retry_after", "seconds", "always"}
    values = {"call": "list", "fault": "error", "times": "2", "status": "502", "seconds": ""}
    response = client.post(PAGE, {**form.hidden, **values, "action": "set"})
    assert (response.status_code, response["Location"]) == (303, PAGE)
    fault = ApiFault.objects.get()
    assert (fault.call, fault.fault, fault.left, fault.status) == ("list", "error", 2, 502)

    client.post(PAGE, {**form.hidden, **values, "always": "1", "action": "set"})
    assert ApiFault.objects.filter(left=None).count() == 1

    page = client.get(PAGE).content.decode()
    assert "until cleared" in page
    one = forms(page)[f"clear-{fault.pk}"]
    client.post(PAGE, {**one.hidden, "action": "clear"})
    assert ApiFault.objects.count() == 1
    client.post(PAGE, {**forms(page)["clear"].hidden, "action": "clear"})
    assert not ApiFault.objects.exists()


def test_the_page_says_what_is_wrong_and_keeps_what_was_typed(program: Program) -> None:
    client = Client()
    form = forms(client.get(PAGE).content.decode())["set"]
    values = {"call": "list", "fault": "error", "status": "many"}
    response = client.post(PAGE, {**form.hidden, **values, "action": "set"})
    assert response.status_code == 400
    html = response.content.decode()
    assert "status must be a whole number from 200 to 599" in html
    assert 'value="many"' in html
    assert not ApiFault.objects.exists()


def test_a_form_that_another_site_posts_does_nothing(program: Program) -> None:
    values = {"call": "list", "fault": "error", "action": "set", "token": "forged"}
    response = Client().post(PAGE, values)
    assert response.status_code == 403
    assert not ApiFault.objects.exists()


def test_the_docs_show_the_table_of_the_code() -> None:
    rows = table("sandbox.md", "API faults")
    shown = [(name, text) for name, text, *_ in rows if name in FAULTS or name not in CALLS]
    assert [name for name, _ in shown] == list(FAULTS)
    assert [text for _, text in shown] == [str(kind.text) for kind in FAULTS.values()]
