"""Creating a session: every rule of Redpin's page, and bodies that are no request at all."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import RequestFactory
from pytest_django import Settings

from django_redpin.sandbox import wire
from django_redpin.sandbox.models import Recipient, Session
from django_redpin.sandbox.wire import MOST_BODY_BYTES

from .conftest import OPTIONS, Program, amount, body_of, in_days

EMBEDDED: dict[str, Any] = {
    "name": "Harbour Estates LLC",
    "type": "Corporate",
    "country_code": "ARE",
    "recipient_bank_details": {"currency": "AED", "iban": "AE070331234567890123456"},
    "amount": amount(250000),
}


def embedded(**changes: Any) -> list[dict[str, Any]]:
    return [{k: v for k, v in (EMBEDDED | changes).items() if v is not None}]


def shares(*values: Any, currency: str = "AED") -> list[dict[str, Any]]:
    return [
        {"recipient_id": str(index), "amount": amount(value, currency)}
        for index, value in enumerate(values)
    ]


def test_a_valid_request_gets_the_documented_answer(program: Program) -> None:
    response = program.create(client_reference_id="order_1-A")
    body = body_of(response)
    assert response.status_code == 201
    assert set(body) == {"session_id", "client_reference_id", "expires_at", "session_url"}
    assert body["client_reference_id"] == "order_1-A"
    expires_at = datetime.strptime(body["expires_at"], "%Y-%m-%dT%H:%M:%S%z")
    session = Session.objects.get(session_id=body["session_id"])
    assert session.expires_at == expires_at
    life = session.expires_at - session.created_at
    assert timedelta(minutes=29, seconds=59) <= life <= timedelta(minutes=30)
    assert body["session_url"] == f"http://testserver/pay/{session.key}/"
    assert len(session.key) >= 40


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"client_customer_ref": None}, "client_customer_ref"),
        ({"client_customer_ref": ""}, "client_customer_ref"),
        ({"client_customer_ref": 7}, "client_customer_ref"),
        ({"client_customer_ref": "a\u0000b"}, "client_customer_ref"),
        ({"client_customer_ref": "\ud800"}, "client_customer_ref"),
        ({"client_reference_id": None}, "client_reference_id"),
        ({"client_reference_id": ""}, "client_reference_id"),
        ({"client_reference_id": "a" * 101}, "client_reference_id"),
        ({"client_reference_id": "has space"}, "client_reference_id"),
        ({"client_reference_id": "ünicode"}, "client_reference_id"),
        ({"client_reference_id": "new\nline"}, "client_reference_id"),
        ({"client_reference_id": "٣"}, "client_reference_id"),
        ({"amount": None}, "amount"),
        ({"amount": 250000}, "amount"),
        ({"amount": amount(250000, "ZZZ")}, "amount.currency"),
        ({"amount": amount(250000, "aed")}, "amount.currency"),
        ({"amount": {"value": 1}}, "amount.currency"),
        ({"amount": {"currency": "AED"}}, "amount.value"),
        ({"amount": amount("250000.00")}, "amount.value"),
        ({"amount": amount(True)}, "amount.value"),
        ({"amount": amount(0)}, "amount.value"),
        ({"amount": amount(-5)}, "amount.value"),
        ({"amount": amount(Decimal("0.001"))}, "amount.value"),
        ({"amount": amount(10**400)}, "amount.value"),
        ({"due_date": None}, "due_date"),
        ({"due_date": in_days(4)}, "due_date"),
        ({"due_date": "2020-01-01"}, "due_date"),
        ({"due_date": "20991224"}, "due_date"),
        ({"due_date": "2099-02-30"}, "due_date"),
        ({"due_date": "2099-12-24T00:00:00Z"}, "due_date"),
        ({"due_date": 20991224}, "due_date"),
        ({"purpose_of_transaction": None}, "purpose_of_transaction"),
        ({"purpose_of_transaction": ""}, "purpose_of_transaction"),
        ({"purpose_of_transaction": "  "}, "purpose_of_transaction"),
        ({"recipient_details": None}, "recipient_details"),
        ({"recipient_details": []}, "recipient_details"),
        ({"recipient_details": {}}, "recipient_details"),
        ({"recipient_details": ["12345"]}, "recipient_details[0]"),
        ({"recipient_details": [{"recipient_id": "1"}]}, "recipient_details[0].amount"),
        ({"recipient_details": shares(100000, 100000)}, "recipient_details"),
        ({"recipient_details": shares(250000, Decimal("0.01"))}, "recipient_details"),
        (
            {"recipient_details": shares(250000, currency="USD")},
            "recipient_details[0].amount.currency",
        ),
        ({"recipient_details": shares(250001, -1)}, "recipient_details[1].amount.value"),
        (
            {"recipient_details": shares(Decimal("249999.995"), Decimal("0.005"))},
            "recipient_details[0].amount.value",
        ),
        ({"recipient_details": embedded(name=None)}, "recipient_details[0].name"),
        ({"recipient_details": embedded(type="Company")}, "recipient_details[0].type"),
        ({"recipient_details": embedded(country_code="AE")}, "recipient_details[0].country_code"),
        (
            {"recipient_details": embedded(recipient_bank_details=None)},
            "recipient_details[0].recipient_bank_details",
        ),
        (
            {"recipient_details": embedded(recipient_bank_details={"swift_code": "EBILAEAD"})},
            "recipient_details[0].recipient_bank_details",
        ),
        *(
            (
                {"recipient_details": embedded(recipient_bank_details={"iban": "1", name: "2"})},
                "recipient_details[0].recipient_bank_details",
            )
            for name in ("n" * 51, "a\u0000b")
        ),
        (
            {"recipient_details": embedded(recipient_bank_details={"iban": 7})},
            "recipient_details[0].recipient_bank_details.iban",
        ),
        (
            {
                "recipient_details": embedded(
                    recipient_bank_details={"currency": "USD", "iban": "AE070331234567890123456"}
                )
            },
            "recipient_details[0].recipient_bank_details.currency",
        ),
        ({"items": []}, "items"),
        ({"items": "one"}, "items"),
        ({"items": [{"item_ref": "A"}]}, "items[0].amount"),
        ({"items": [{"amount": amount(1)}]}, "items"),
        ({"items": [{"amount": amount(250000, "EUR")}]}, "items[0].amount.currency"),
        ({"items": [{"amount": amount(250000), "description": 5}]}, "items[0].description"),
        ({"allowed_origins": "https://example.com"}, "allowed_origins"),
        ({"allowed_origins": ["http://example.com"]}, "allowed_origins[0]"),
        ({"allowed_origins": ["https://*.example.com"]}, "allowed_origins[0]"),
        ({"allowed_origins": ["https://a.example", 5]}, "allowed_origins[1]"),
        ({"callbacks": "https://example.com"}, "callbacks"),
        ({"callbacks": ["http://example.com/hook"]}, "callbacks[0]"),
        ({"callbacks": ["https://ok.example/", "/hook"]}, "callbacks[1]"),
    ],
)
def test_a_broken_rule_is_named_with_its_field(
    program: Program, changes: dict[str, Any], field: str
) -> None:
    response = program.create(**changes)
    body = body_of(response)
    assert response.status_code == 400
    assert (body["code"], body["type"]) == ("INVALID_PARAMETER", "Validation Error")
    assert body["field"] == field
    assert body["description"].startswith(field)
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"client_reference_id": "a"},
        {"client_reference_id": "a" * 100},
        {"due_date": in_days(5)},
        {"amount": amount(Decimal("0.30")), "recipient_details": shares(*[Decimal("0.1")] * 3)},
        {"recipient_details": embedded()},
        {"recipient_details": embedded(recipient_bank_details={"account_number": "12345678"})},
        {"items": [{"amount": amount(249999)}, {"amount": amount(1), "item_ref": "FEE"}]},
        {"allowed_origins": []},
        {"allowed_origins": ["https://example.com", "com.example.app", "com.example.ios-app"]},
        {"callbacks": ["https://example.com/hook?x=1", "http://127.0.0.1:8000/hook"]},
        {"unknown_field": {"is": "ignored"}},
        {
            "amount": amount(1000, "JPY"),
            "recipient_details": shares(1000, currency="JPY"),
        },
        {
            "amount": amount(Decimal("1.001"), "KWD"),
            "recipient_details": shares(Decimal("1.001"), currency="KWD"),
        },
    ],
)
def test_what_the_rules_allow_is_accepted(program: Program, changes: dict[str, Any]) -> None:
    assert program.create(**changes).status_code == 201


def test_all_faults_are_told_the_first_one_first(program: Program) -> None:
    body = body_of(program.create(client_reference_id="!", due_date="soon", amount=amount(-1)))
    assert body["field"] == "client_reference_id"
    assert [fault["field"] for fault in body["details"]] == ["amount.value", "due_date"]


def test_a_reference_is_taken_once(program: Program) -> None:
    assert program.create(client_reference_id="once").status_code == 201
    response = program.create(client_reference_id="once")
    assert response.status_code == 400
    assert body_of(response)["field"] == "client_reference_id"
    assert Session.objects.count() == 1
    assert program.create(client_reference_id="ONCE").status_code == 201


def test_only_a_configured_purpose_is_allowed(program: Program, settings: Settings) -> None:
    settings.REDPIN_SANDBOX = OPTIONS | {"PURPOSES": ["PROPERTY_PURCHASE", "RENT"]}
    assert program.create(purpose_of_transaction="RENT").status_code == 201
    for purpose in ("rent", "RENT ", "GIFT"):
        response = program.create(purpose_of_transaction=purpose)
        assert body_of(response)["field"] == "purpose_of_transaction"


def test_an_embedded_recipient_is_given_an_id(program: Program) -> None:
    program.session(recipient_details=embedded())
    assert Recipient.objects.get().recipient_id.isdecimal()


def test_an_error_does_not_repeat_bank_details(program: Program) -> None:
    response = program.create(recipient_details=embedded(type="X"), client_reference_id="a b")
    assert b"AE0703" not in response.content


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe{}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 1}',
        b'{"amount": {"value": 1, "value": 2}}',
        b"[" * 100_000,
        b'{"a":' * 50 + b"1" + b"}" * 50,
        b'{"a": 1e99999999999999999999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": "\t"}',
    ],
)
def test_a_body_that_is_no_json_object_is_refused(program: Program, body: bytes) -> None:
    response = program.post(body)
    assert response.status_code == 400
    assert body_of(response)["code"] == "INVALID_PARAMETER"


def test_a_huge_body_is_too_large(program: Program) -> None:
    response = program.post(b" " * (256 * 1024 + 1))
    assert response.status_code == 413


def test_numbers_are_read_exactly(program: Program) -> None:
    value = Decimal("9007199254740993.01")
    session = program.session(amount=amount(value), recipient_details=shares(value))
    assert session.total.value == value


def test_a_body_is_measured_however_it_comes(settings: Settings) -> None:
    """Through a server that passes on what is sent in chunks, nothing is declared."""
    whole = RequestFactory().post("/", b"x" * MOST_BODY_BYTES, content_type="application/json")
    assert len(wire.body_of(whole)) == MOST_BODY_BYTES
    longer = HttpRequest()
    longer._body = b"x" * (MOST_BODY_BYTES + 1)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    for request in (longer, RequestFactory().post("/", b"x" * 11, content_type="text/plain")):
        with pytest.raises(wire.BadBody, match="larger than") as raised:
            wire.body_of(request)
        assert raised.value.error == "too_big"


def test_a_body_that_breaks_off_is_refused_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(*args: object) -> bytes:
        raise ConnectionResetError

    request = RequestFactory().post("/", b"{}", content_type="application/json")
    monkeypatch.setattr(request, "read", break_off)

    with pytest.raises(wire.BadBody, match="broke off") as raised:
        wire.body_of(request)
    assert raised.value.error == "invalid"
