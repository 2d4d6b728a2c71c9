"""Sessions and payments, by whoever plays Redpin: what is created, refused, and listed."""

from __future__ import annotations

import functools
import operator
import uuid
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from .players import CUSTOMER, Player, amount, in_days, json, new_reference

EMBEDDED = {
    "name": "Agent",
    "type": "Individual",
    "country_code": "ARE",
    "recipient_bank_details": {"currency": "AED", "iban": "AE070331234567890123456"},
    "amount": amount(250000),
}
REFERRED = {"recipient_id": "12345", "amount": amount(250000)}


def test_credentials_are_traded_for_a_bearer_token(anybody: Player) -> None:
    answer = anybody.sign_in()

    given = json(answer)
    assert answer.status_code == 200
    assert given["access_token"]
    assert (given["token_type"], given["expires_in"]) == ("bearer", 3600)


def test_without_a_secret_there_is_no_token(anybody: Player) -> None:
    assert anybody.sign_in(client_secret=None).status_code == 401


def test_there_is_one_way_to_a_token(player: Player) -> None:
    answer = player.sign_in(grant_type="password")

    assert (answer.status_code, json(answer)["error"]) == (400, "unsupported_grant_type")


def test_without_a_token_nothing_is_answered(anybody: Player) -> None:
    anybody.token = "made-up"

    for answer in (anybody.create(), anybody.list(), anybody.list("recipients", page=1, limit=50)):
        assert (answer.status_code, json(answer)["code"]) == (401, "UNAUTHORIZED")


def test_a_session_is_created_with_all_that_redpin_documents(anybody: Player) -> None:
    reference = new_reference()

    answer = anybody.create(client_reference_id=reference)

    created = json(answer)
    assert answer.status_code == 201
    assert set(created) == {"session_id", "client_reference_id", "expires_at", "session_url"}
    assert uuid.UUID(created["session_id"])
    assert created["client_reference_id"] == reference
    ends = datetime.strptime(created["expires_at"], "%Y-%m-%dT%H:%M:%SZ").replace(
        tzinfo=timezone.utc
    )
    left = ends - datetime.now(timezone.utc)
    assert timedelta(minutes=25) < left <= timedelta(minutes=30)
    assert created["session_url"].startswith(("http://", "https://"))


def test_a_session_is_listed_by_its_reference(anybody: Player) -> None:
    reference = new_reference()
    created = json(anybody.create(client_reference_id=reference))

    answer = json(anybody.list(client_reference_id=reference))

    (record,) = answer["sessions"]
    assert record.pop("created_at") <= datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert record == {
        "session_id": created["session_id"],
        "client_reference_id": reference,
        "client_customer_ref": "CUST_001",
        "customer_id": CUSTOMER,
        "session_expires_at": created["expires_at"],
        "latest_status": None,
        "has_payment": False,
        "payment_id": None,
    }
    assert answer["meta"] == {"page": 1, "limit": 20, "total_records": 1, "total_pages": 1}


def test_a_filter_that_fits_nothing_leaves_an_empty_list(anybody: Player) -> None:
    answer = json(anybody.list(client_reference_id="nobody-has-this"))

    assert answer["sessions"] == []
    assert answer["meta"]["total_pages"] == 0


def test_the_list_comes_in_pages(anybody: Player) -> None:
    customer = new_reference()
    references = [new_reference() for _ in range(5)]
    for reference in references:
        anybody.create(client_reference_id=reference, client_customer_ref=customer)

    pages = [
        json(anybody.list(client_customer_ref=customer, page=page, limit=2))
        for page in (1, 2, 3, 4)
    ]

    shown = [[each["client_reference_id"] for each in page["sessions"]] for page in pages]
    assert [len(page) for page in shown] == [2, 2, 1, 0]
    assert sorted(functools.reduce(operator.iadd, shown, [])) == sorted(references)
    assert pages[0]["meta"] == {"page": 1, "limit": 2, "total_records": 5, "total_pages": 3}


@pytest.mark.parametrize(
    "query", [{"page": 0}, {"page": "x"}, {"limit": 0}, {"limit": 101}, {"limit": -1}], ids=str
)
def test_a_page_that_there_can_not_be_is_refused(player: Player, query: dict[str, Any]) -> None:
    answer = player.list(**query)

    assert answer.status_code == 400
    assert json(answer)["field"] == next(iter(query))


def test_a_reference_is_taken_once(anybody: Player) -> None:
    reference = new_reference()
    assert anybody.create(client_reference_id=reference).status_code == 201

    answer = anybody.create(client_reference_id=reference)

    assert answer.status_code == 400
    refused = json(answer)
    assert (refused["code"], refused["field"]) == ("INVALID_PARAMETER", "client_reference_id")


@pytest.mark.parametrize(
    "changes",
    [
        {"recipient_details": [EMBEDDED]},
        {"items": [{"item_ref": "U-1", "description": "Deposit", "amount": amount(250000)}]},
        {"items": [{"description": "No reference", "amount": amount(250000)}]},
        {"amount": amount(Decimal("250000.00"))},
        {"allowed_origins": ["https://shop.example", "com.example.app"]},
        {"allowed_origins": []},
        {"callbacks": ["https://shop.example/hooks/1"]},
        {"client_reference_id": "A_-9" * 20},
        {"due_date": in_days(5)},
        {
            "amount": amount(1000, "JPY"),
            "recipient_details": [{"recipient_id": "1", "amount": amount(1000, "JPY")}],
        },
        {
            "amount": amount(Decimal("1.005"), "KWD"),
            "recipient_details": [
                {"recipient_id": "1", "amount": amount(Decimal("1.000"), "KWD")},
                {"recipient_id": "2", "amount": amount(Decimal("0.005"), "KWD")},
            ],
        },
    ],
    ids=lambda changes: ",".join(changes),
)
def test_what_keeps_the_rules_is_taken(player: Player, changes: dict[str, Any]) -> None:
    if "client_reference_id" in changes:
        changes = {
            "client_reference_id": changes["client_reference_id"][:80] + new_reference()[-20:]
        }

    answer = player.create(**changes)

    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"client_customer_ref": None}, "client_customer_ref"),
        ({"client_customer_ref": " "}, "client_customer_ref"),
        ({"client_customer_ref": 7}, "client_customer_ref"),
        ({"client_reference_id": None}, "client_reference_id"),
        ({"client_reference_id": "A" * 101}, "client_reference_id"),
        ({"client_reference_id": "order 1"}, "client_reference_id"),
        ({"amount": None}, "amount"),
        ({"amount": 250000}, "amount"),
        ({"amount": amount("250000")}, "amount"),
        ({"amount": amount(0)}, "amount"),
        ({"amount": amount(-1)}, "amount"),
        ({"amount": amount(True)}, "amount"),
        ({"amount": amount(Decimal("1.001"))}, "amount"),
        ({"amount": amount(1, "ZZZ")}, "amount"),
        ({"due_date": None}, "due_date"),
        ({"due_date": in_days(4)}, "due_date"),
        ({"due_date": "24.12.2030"}, "due_date"),
        ({"due_date": "2030-02-30"}, "due_date"),
        ({"purpose_of_transaction": None}, "purpose_of_transaction"),
        ({"purpose_of_transaction": ""}, "purpose_of_transaction"),
        ({"recipient_details": None}, "recipient_details"),
        ({"recipient_details": []}, "recipient_details"),
        ({"recipient_details": ["12345"]}, "recipient_details"),
        ({"recipient_details": [{"recipient_id": "1", "amount": amount(1)}]}, "recipient_details"),
        (
            {"recipient_details": [{"recipient_id": "1", "amount": amount(250000, "EUR")}]},
            "recipient_details",
        ),
        ({"recipient_details": [{**EMBEDDED, "name": ""}]}, "recipient_details"),
        ({"recipient_details": [{**EMBEDDED, "type": "Robot"}]}, "recipient_details"),
        ({"recipient_details": [{**EMBEDDED, "country_code": "AE"}]}, "recipient_details"),
        ({"recipient_details": [{"amount": amount(250000)}]}, "recipient_details"),
        ({"items": []}, "items"),
        ({"items": [{"description": "Too little", "amount": amount(1)}]}, "items"),
        ({"items": [{"description": "Other", "amount": amount(250000, "EUR")}]}, "items"),
        ({"items": ["Deposit"]}, "items"),
        ({"allowed_origins": "https://shop.example"}, "allowed_origins"),
        ({"allowed_origins": ["https://*.shop.example"]}, "allowed_origins"),
        ({"allowed_origins": ["https://shop.example/path"]}, "allowed_origins"),
        ({"allowed_origins": ["http://shop.example"]}, "allowed_origins"),
        ({"callbacks": ["http://shop.example/hook"]}, "callbacks"),
        ({"callbacks": ["/hook"]}, "callbacks"),
        ({"callbacks": {"url": "https://shop.example"}}, "callbacks"),
    ],
    ids=str,
)
def test_a_broken_rule_is_refused_by_its_field(
    player: Player, changes: dict[str, Any], field: str
) -> None:
    reference = new_reference()

    answer = player.create(**{"client_reference_id": reference, **changes})

    refused = json(answer)
    assert answer.status_code == 400, refused
    assert (refused["code"], refused["type"]) == ("INVALID_PARAMETER", "Validation Error")
    assert refused["field"].partition("[")[0].partition(".")[0] == field
    assert refused["description"]
    assert json(player.list(client_reference_id=reference))["sessions"] == []


def test_all_broken_rules_are_told_the_others_in_the_details(player: Player) -> None:
    refused = json(player.create(client_customer_ref=None, due_date=None))

    assert refused["field"] == "client_customer_ref"
    assert [each["field"] for each in refused["details"]] == ["due_date"]


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b'{"a": 1', b"\xff", b'{"a":1,"a":2}'])
def test_what_is_no_object_is_refused(player: Player, body: bytes) -> None:
    for kind in ("sessions", "recipients"):
        answer = player.post(kind, body)
        assert (answer.status_code, json(answer)["code"]) == (400, "INVALID_PARAMETER")


def test_a_payment_shows_in_the_list(anybody: Player) -> None:
    reference = new_reference()
    anybody.create(client_reference_id=reference)

    anybody.play.pay(reference)
    begun = anybody.found(reference)
    anybody.play.finish(reference)
    ended = anybody.found(reference)

    assert (begun["has_payment"], begun["latest_status"]) == (True, "PROCESSING")
    assert begun["payment_id"].isdecimal()
    assert ended["latest_status"] == "PAYMENT_COMPLETED"
    assert ended["payment_id"] == begun["payment_id"]


def test_a_session_is_found_by_its_id(anybody: Player) -> None:
    created = json(anybody.create())

    (record,) = json(anybody.list(session_id=created["session_id"]))["sessions"]

    assert record["client_reference_id"] == created["client_reference_id"]
