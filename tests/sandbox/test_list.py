"""Listing sessions: filters, pages, and what a record says."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from django_redpin.sandbox.flows import begin_payment
from django_redpin.sandbox.rates import offers

from .conftest import CUSTOMER, OPTIONS, Program, body_of

if TYPE_CHECKING:
    from pytest_django import Settings

FIELDS = {
    "session_id",
    "client_reference_id",
    "client_customer_ref",
    "customer_id",
    "created_at",
    "session_expires_at",
    "latest_status",
    "has_payment",
    "payment_id",
}


def test_a_record_has_the_documented_fields(program: Program) -> None:
    session = program.session()
    (record,) = body_of(program.list())["sessions"]
    assert set(record) == FIELDS
    assert record["session_id"] == str(session.session_id)
    assert record["customer_id"] == CUSTOMER
    assert (record["latest_status"], record["has_payment"], record["payment_id"]) == (
        None,
        False,
        None,
    )
    for field in ("created_at", "session_expires_at"):
        assert datetime.strptime(record[field], "%Y-%m-%dT%H:%M:%S%z")


def test_a_record_shows_the_payment(program: Program) -> None:
    session = program.session()
    payment = begin_payment(session, offers(session.total)[0], timezone.now())
    (record,) = body_of(program.list())["sessions"]
    assert record["latest_status"] == "PROCESSING"
    assert record["has_payment"] is True
    assert record["payment_id"] == payment.payment_id
    assert payment.payment_id.isdecimal()


def test_the_url_is_listed_only_when_told_to(program: Program, settings: Settings) -> None:
    session = program.session()
    settings.REDPIN_SANDBOX = OPTIONS | {"LIST_SHOWS_URL": True}
    (record,) = body_of(program.list())["sessions"]
    assert record["session_url"] == f"http://testserver/pay/{session.key}/"


def test_filters_find_exactly_what_they_name(program: Program) -> None:
    one = program.session(client_reference_id="one", client_customer_ref="A")
    program.session(client_reference_id="two", client_customer_ref="B")
    for query in (
        {"client_reference_id": "one"},
        {"client_customer_ref": "A"},
        {"session_id": str(one.session_id)},
    ):
        found = body_of(program.list(**query))["sessions"]
        assert [record["client_reference_id"] for record in found] == ["one"]


def test_no_match_is_an_empty_list(program: Program) -> None:
    program.session()
    for query in ({"client_reference_id": "none"}, {"session_id": str(uuid.uuid4())}):
        response = program.list(**query)
        assert response.status_code == 200
        assert body_of(response)["sessions"] == []
        assert body_of(response)["meta"] == {
            "page": 1,
            "limit": 20,
            "total_records": 0,
            "total_pages": 0,
        }


def test_pages_hold_everything_once(program: Program) -> None:
    references = {program.session().client_reference_id for _ in range(5)}
    seen = []
    for page in (1, 2, 3, 4):
        body = body_of(program.list(page=page, limit=2))
        assert body["meta"] == {"page": page, "limit": 2, "total_records": 5, "total_pages": 3}
        seen += [record["client_reference_id"] for record in body["sessions"]]
    assert len(seen) == 5
    assert set(seen) == references


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("page", "0"),
        ("page", "-1"),
        ("page", "one"),
        ("page", "1.5"),
        ("page", "9" * 5000),
        ("page", "٣"),
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "x"),
        ("session_id", "no-uuid"),
        ("client_reference_id", "a\x00b"),
        ("client_customer_ref", "\x07"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(program: Program, field: str, value: str) -> None:
    response = program.list(**{field: value})
    assert response.status_code == 400
    assert body_of(response)["field"] == field


def test_a_page_far_beyond_the_end_is_empty(program: Program) -> None:
    program.session()
    assert body_of(program.list(page=999_999_999, limit=100))["sessions"] == []
