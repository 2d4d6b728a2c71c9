"""The log of calls: what is kept of them, what is hidden, and where it ends."""

from __future__ import annotations

import io
from typing import Any

import pytest
import requests
import simplejson
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from django_redpin.sandbox import calls
from django_redpin.sandbox.courier import deliver_due
from django_redpin.sandbox.flows import begin_payment
from django_redpin.sandbox.masks import MOST_CHARACTERS, hide_token, masked
from django_redpin.sandbox.models import ApiFault, Call, CallbackFault, Session
from django_redpin.sandbox.rates import offers

from .conftest import Program, Receiver, amount, body_of

IBAN = "AE070331234567890123456"
TOKEN = "3aFq-zX_token-that-only-Redpin-knows"


@pytest.fixture(autouse=True)
def _log(settings: Settings) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django_redpin.sandbox.calls.call_log"]


def create(program: Program, **changes: Any) -> Call:
    program.create(**changes)
    call = Call.objects.first()
    assert call is not None
    return call


def embedded(iban: str = IBAN) -> list[dict[str, Any]]:
    return [
        {
            "name": "Agent",
            "type": "Corporate",
            "country_code": "ARE",
            "recipient_bank_details": {"iban": iban, "account_number": "1234567890"},
            "amount": amount(250000),
        }
    ]


def test_a_call_is_kept_with_its_bodies(program: Program) -> None:
    call = create(program, client_reference_id="order-77")
    assert (call.direction, call.method, call.status) == ("in", "POST", 201)
    assert call.address == "/v1/customers/0201001008132685/sessions"
    sent = simplejson.loads(call.request_body)
    assert sent["client_reference_id"] == "order-77"
    assert sent["amount"] == {"currency": "AED", "value": 250000}
    assert simplejson.loads(call.answer_body)["client_reference_id"] == "order-77"
    assert call.request_body.startswith('{\n  "')
    assert call.milliseconds >= 0


def test_no_secret_is_kept(program: Program) -> None:
    session = Session.objects.get(
        client_reference_id=simplejson.loads(
            create(
                program,
                recipient_details=embedded(),
                callbacks=[f"https://merchant.example/redpin/webhooks/default/r/{TOKEN}/"],
            ).request_body
        )["client_reference_id"]
    )
    program.list()
    kept = str(list(Call.objects.values()))
    for secret in ("a-secret", program.token, session.key, IBAN, "1234567890", TOKEN):
        assert secret not in kept
    assert "••••3456" in kept
    assert "••••7890" in kept
    assert "https://merchant.example/redpin/webhooks/default/r/••••/" in kept
    assert "Authorization: Bearer ••••" in kept


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/hook/secret", "https://a.example/hook/••••"),
        ("https://a.example/hook/secret/", "https://a.example/hook/••••/"),
        ("https://a.example/h?token=secret", "https://a.example/••••?••••"),
        ("https://user:secret@a.example/", "https://a.example/"),
        (f"https://a.example/{TOKEN}/hook", "https://a.example/••••/••••"),
        ("https://[", "••••"),
    ],
)
def test_what_proves_a_caller_is_hidden_in_a_callbacks_url(url: str, shown: str) -> None:
    assert hide_token(url) == shown


@pytest.mark.parametrize(
    ("document", "shown"),
    [
        ({"IBAN": "AE07"}, {"IBAN": "••••"}),
        ({"a": [{"access_token": "x"}]}, {"a": [{"access_token": "••••"}]}),
        ({"client_secret": ["x", {"y": 1}]}, {"client_secret": ["••••", {"y": "••••"}]}),
        ({"account_number": None, "value": 1}, {"account_number": None, "value": 1}),
        ({"session_url": "http://h/pay/key/?seat=x"}, {"session_url": "http://h/pay/…/?…"}),
    ],
)
def test_a_secret_is_hidden_however_deep_it_stands(document: object, shown: object) -> None:
    assert masked(document) == shown


def test_what_is_nested_without_end_is_hidden() -> None:
    document: object = "deep"
    for _ in range(500):
        document = [document]
    assert "deep" not in str(masked(document))


def test_a_body_that_cannot_be_read_is_not_shown(program: Program) -> None:
    program.post('{"client_secret": "broken')
    call = Call.objects.all()[0]
    assert call.status == 400
    assert call.request_body == "(25 bytes of application/json, which are not shown)"


def test_a_long_body_is_cut(program: Program) -> None:
    call = create(program, client_customer_ref="x" * 50_000)
    assert len(call.request_body) < MOST_CHARACTERS + 100
    assert "characters more" in call.request_body


def test_a_call_that_is_not_there_is_kept(program: Program) -> None:
    program.client.get("/v1/nothing?access_token=secret&page=2")
    call = Call.objects.get()
    assert (call.status, call.address) == (404, "/v1/nothing?access_token=••••&page=2")


def test_pages_are_no_calls(program: Program) -> None:
    Client().get("/")
    Client().get("/log/")
    Client().get("/control/log")
    assert not Call.objects.exists()


@pytest.mark.parametrize("fault", ["lost", "dropped"])
def test_a_dropped_call_shows_what_was_not_answered(program: Program, fault: str) -> None:
    token = program.headers
    assert token
    ApiFault.objects.create(call="create", fault=fault)
    call = create(program)
    assert (call.status, call.note, call.answer_headers) == (None, fault, "")
    assert bool(call.answer_body) is (fault == "lost")
    html = Client().get(f"/log/{call.pk}/").content.decode()
    assert "no answer" in html
    assert ("This would have been it" in html) is (fault == "lost")


def test_only_the_last_calls_are_kept(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MOST_CALLS", 3)
    for _ in range(5):
        program.list()
    assert Call.objects.count() == 3


def pay(program: Program, url: str) -> Session:
    session = program.session(callbacks=[url])
    begin_payment(session, offers(session.total)[0], timezone.now())
    Call.objects.all().delete()
    deliver_due()
    return session


def test_a_callback_is_kept_without_its_token(program: Program, receiver: Receiver) -> None:
    session = pay(program, f"{receiver.url}/hook/{TOKEN}/")
    call = Call.objects.get()
    assert (call.direction, call.method, call.status) == ("out", "POST", 200)
    assert call.address == f"{receiver.url}/hook/••••/"
    sent = simplejson.loads(call.request_body)
    assert (sent["status"], sent["session_id"]) == ("PROCESSING", str(session.session_id))
    assert TOKEN not in str(list(Call.objects.values()))


def test_a_callback_that_arrives_nowhere_is_kept(program: Program) -> None:
    pay(program, "http://127.0.0.1:9/hook")
    call = Call.objects.get()
    assert (call.status, call.note) == (None, "ConnectionError")


def test_calls_are_found_by_reference_session_and_payment(
    program: Program, receiver: Receiver
) -> None:
    program.session(client_reference_id="order")
    session = program.session(client_reference_id="order-7", callbacks=[f"{receiver.url}/h"])
    payment = begin_payment(session, offers(session.total)[0], timezone.now())
    deliver_due()
    program.list(client_reference_id="order-7")

    def found(about: object) -> list[str]:
        body = body_of(program.client.get("/control/log", {"about": str(about)}))
        return [call["method"] for call in body["calls"]]

    assert found("order-7") == ["GET", "POST", "POST"]
    assert found(session.session_id) == ["GET", "POST", "POST"]
    assert found(payment.payment_id) == ["GET", "POST"]
    assert found("order") == ["POST"]
    assert found("order_7") == []
    html = Client().get("/log/?about=order-7").content.decode()
    assert html.count("<tr>") == 4


@pytest.mark.parametrize("kind", ["broken_json", "missing_field", "wrong_content_type"])
def test_a_spoilt_callback_is_shown_and_found_as_a_whole_one(
    program: Program, receiver: Receiver, kind: str
) -> None:
    value = "session_id" if kind == "missing_field" else ""
    CallbackFault.objects.create(kind=kind, value=value)
    session = pay(program, f"{receiver.url}/hook/{TOKEN}/")
    call = Call.objects.get()
    assert call.request_body.startswith("{")
    assert '"PROCESSING"' in call.request_body
    assert call.note == kind
    answer = body_of(program.client.get("/control/log", {"about": str(session.session_id)}))
    assert [found["id"] for found in answer["calls"]] == [call.pk]


def test_the_log_is_told_as_json_and_emptied(program: Program) -> None:
    program.list()
    body = body_of(program.client.get("/control/log?limit=1"))
    (call,) = body["calls"]
    assert (call["method"], call["status"], call["direction"]) == ("GET", 200, "in")
    assert call["answer_body"].startswith("{")
    assert body_of(program.client.get("/control/log?limit=0"))["field"] == "limit"
    assert body_of(program.client.delete("/control/log")) == {"deleted": 2}
    assert not Call.objects.exists()


def test_a_page_shows_a_call_and_leads_on(program: Program) -> None:
    call = create(program, client_reference_id="order-77", client_customer_ref="<b>you</b>")
    log = Client().get("/log/").content.decode()
    assert f'href="/log/{call.pk}/"' in log
    html = Client().get(f"/log/{call.pk}/").content.decode()
    assert 'href="/log/?about=order-77"' in html
    assert "<b>you" not in html
    assert "&lt;b&gt;you&lt;/b&gt;" in html
    assert Client().get(f"/log/{call.pk + 1}/").status_code == 404
    assert Client().get(f"/log/{10**30}/").status_code == 404


def test_the_log_goes_on_page_by_page(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    Call.objects.bulk_create(
        Call(at=now, direction="in", method="GET", address=f"/v1/{n}", status=200, milliseconds=1)
        for n in range(150)
    )
    first = Client().get("/log/").content.decode()
    assert "/v1/149<" in first
    assert "/v1/49<" not in first
    before = Call.objects.all()[99].pk
    assert f"?before={before}" in first
    second = Client().get(f"/log/?before={before}").content.decode()
    assert "/v1/49<" in second
    assert "?before=" not in second


def test_an_empty_log_says_so(db: None) -> None:
    assert "No call yet" in Client().get("/log/").content.decode()
    assert "No such call" in Client().get("/log/?about=x").content.decode()


def test_of_a_body_that_is_too_big_the_call_is_kept_without_it(program: Program) -> None:
    assert program.post(b"x" * 2_000_000).status_code == 413

    call = Call.objects.first()
    assert call is not None
    assert (call.status, call.request_body) == (413, "")
    assert "PAYLOAD_TOO_LARGE" in call.answer_body


def test_a_log_that_can_not_be_written_loses_no_answer(
    program: Program, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _ = program.headers

    def fail(call: Call) -> None:
        raise OperationalError("canary")

    monkeypatch.setattr(Call, "save", fail)

    assert program.create().status_code == 201
    assert "A call could not be kept in the log of calls." in caplog.text
    assert "canary" not in caplog.text


def test_what_is_nested_without_end_is_searched_no_further() -> None:
    def nested(depth: int) -> object:
        return {"payment_id": "7"} if depth == 0 else {"data": [nested(depth - 1)]}

    assert [list(calls._named(nested(depth))) for depth in (0, 2, 3)] == [["7"], ["7"], []]


class Dripping(io.BytesIO):
    """An answer that comes byte by byte, and breaks off at an exclamation mark."""

    def read(self, size: int | None = -1) -> bytes:
        byte = super().read(1)
        if byte == b"!":
            raise ConnectionResetError
        return byte


def test_an_answer_that_breaks_off_is_not_kept_and_one_that_drips_is_kept_in_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def kept(body: bytes) -> bytes:
        answer = requests.Response()
        answer.raw, answer.headers["Content-Length"] = Dripping(body), str(len(body))
        return calls._answer_of(answer)

    assert (kept(b"yes"), kept(b"y!es")) == (b"yes", b"")
    monkeypatch.setattr(calls, "READ_SECONDS", -1)
    assert kept(b"yes") == b"y"
