"""Adding recipients: the rules of Redpin's page, the check of names, and the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import simplejson

from django_redpin.sandbox.models import Payee

from .conftest import CUSTOMER, Program, body_of

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

PATH = f"/v2/customers/{CUSTOMER}/recipients"
DOCUMENT: dict[str, Any] = {
    "name": "Ahmed",
    "type": "Individual",
    "country_code": "ARE",
    "customer_own_account": "no",
    "address": {"city": "Dubai"},
    "recipient_bank_details": {"currency": "AED", "iban": "AE070331234567890123456"},
    "client_reference_id": "recipient-123",
}


def add(program: Program, path: str = PATH, **changes: Any) -> Response:
    document = {key: value for key, value in (DOCUMENT | changes).items() if value is not None}
    return program.client.post(
        path, simplejson.dumps(document), content_type="application/json", headers=program.headers
    )


def test_a_recipient_gets_an_id_of_digits_and_is_listed(program: Program) -> None:
    response = add(program)

    assert response.status_code == 201
    body = body_of(response)
    assert set(body) == {"recipient_id", "client_reference_id"}
    assert body["recipient_id"].isdecimal()
    listed = body_of(program.client.get(PATH, headers=program.headers))
    assert listed["recipients"] == [body]
    assert listed["meta_data"] == {"page": 1, "limit": 50, "total_records": 1, "total_pages": 1}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((field, None) for field in DOCUMENT if field != "client_reference_id"),
        ("name", 7),
        ("name", "a\x00b"),
        ("type", "Company"),
        ("country_code", "AE"),
        ("customer_own_account", True),
        ("address", "Dubai"),
        ("recipient_bank_details", {"currency": "AED"}),
        ("recipient_bank_details", {"currency": "AED", "account_number": "1"}),
        ("recipient_bank_details", []),
    ],
)
def test_a_broken_rule_is_told_by_its_field(program: Program, field: str, value: Any) -> None:
    response = add(program, **{field: value})

    assert response.status_code == 400
    assert body_of(response)["field"] == field
    assert not Payee.objects.exists()


def test_a_mismatch_is_added_once_it_is_decided_with_its_own_ids(program: Program) -> None:
    refused = add(program, name="MISMATCH")
    ids = body_of(refused)["recipient_check"]

    assert (refused.status_code, body_of(refused)["code"]) == (400, "ANNM")
    assert set(ids) == {"request_identifier", "event_id"}
    for check in (
        ids,
        {"customer_action": "GO"},
        {**ids, "event_id": "x", "customer_action": "GO"},
    ):
        assert add(program, name="MISMATCH", recipient_check=check).status_code == 400
    decided = {**ids, "customer_action": "GO"}
    assert add(program, name="MISMATCH 2", recipient_check=decided).status_code == 400
    assert add(program, name="MISMATCH", recipient_check=decided).status_code == 201
    assert Payee.objects.count() == 1


def test_pages_hold_every_recipient_once(program: Program) -> None:
    for number in range(5):
        add(program, client_reference_id=f"r{number}")

    seen = []
    for page in (1, 2, 3):
        query = {"page": page, "limit": 2}
        body = body_of(program.client.get(PATH, query, headers=program.headers))
        seen += [entry["client_reference_id"] for entry in body["recipients"]]

    assert sorted(seen) == [f"r{number}" for number in range(5)]


@pytest.mark.parametrize("query", [{"page": "0"}, {"limit": "101"}, {"limit": "x"}])
def test_a_page_that_makes_no_sense_is_refused(program: Program, query: dict[str, str]) -> None:
    assert program.client.get(PATH, query, headers=program.headers).status_code == 400


def test_strangers_other_customers_and_other_methods_are_refused(program: Program) -> None:
    assert program.client.get(PATH).status_code == 401
    assert add(program, path="/v2/customers/1/recipients").status_code == 404
    assert program.client.delete(PATH, headers=program.headers).status_code == 405
