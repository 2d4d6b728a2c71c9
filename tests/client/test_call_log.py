"""The one log record of each call: what it tells, and what it never does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from pytest_django import Settings

from django_redpin.client import RedpinClient
from django_redpin.conf import get_account
from django_redpin.exceptions import RedpinError
from django_redpin.rules.requests import Payee, PayeeShare, SessionRequest
from tests.client.test_client import answering, request
from tests.redpin_server import FakeRedpin, Handler

SESSIONS = "/v1/customers/{customer_id}/sessions"


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> Callable[[], list[Any]]:
    caplog.set_level(logging.INFO, "django_redpin.client")
    return lambda: [record for record in caplog.records if record.name == "django_redpin.client"]


def client() -> RedpinClient:
    return RedpinClient(get_account())


def test_b13_each_call_is_one_record_with_its_fields(
    redpin: FakeRedpin, records: Callable[[], list[Any]]
) -> None:
    redpin.list_script.append(answering(200, b'{"sessions": []}', ("X-Request-ID", "rp-1")))
    client().find_session("ORDER-1")

    (record,) = records()
    (call,) = (call for call in redpin.calls if call.method == "GET")
    assert record.levelname == "INFO"
    assert (record.redpin_event, record.redpin_account) == ("client.call", "default")
    assert (record.redpin_method, record.redpin_path) == ("GET", SESSIONS)
    assert (record.redpin_status_code, record.redpin_outcome, record.redpin_attempt) == (
        200,
        "200",
        1,
    )
    assert not hasattr(record, "redpin_failure")
    assert 0 < record.redpin_duration_ms < 5000
    assert record.redpin_client_request_id == call.headers["x-request-id"]
    assert record.redpin_request_id == "rp-1"
    assert record.getMessage() == (
        f"GET {SESSIONS}: 200 in {int(record.redpin_duration_ms)} ms (attempt 1,"
        f" client_request_id={record.redpin_client_request_id}, redpin_request_id=rp-1)"
    )


@pytest.mark.parametrize(
    ("script", "status", "outcome"),
    [
        (answering(422, b"{}"), 422, "422 InvalidRequestError"),
        (answering(503, b""), 503, "503 ServerError"),
        (answering(201, b"<html>"), 201, "201 NoAnswer"),
        (answering(302, b""), 302, "302 NoAnswer"),
        (Handler.hang_up, None, "NoAnswer"),
    ],
)
def test_b13_a_call_that_fails_is_logged_with_what_it_met(
    redpin: FakeRedpin,
    records: Callable[[], list[Any]],
    script: Callable[[Handler], None],
    status: int | None,
    outcome: str,
) -> None:
    redpin.create_script.append(script)
    with pytest.raises(RedpinError):
        client().create_session(request())

    (record,) = records()
    assert (record.redpin_method, record.redpin_outcome) == ("POST", outcome)
    assert getattr(record, "redpin_status_code", None) == status


def test_b13_a_call_that_never_left_is_logged_too(
    redpin: FakeRedpin, records: Callable[[], list[Any]], settings: Settings
) -> None:
    client()._tokens.get()
    settings.REDPIN = {**settings.REDPIN, "BASE_URL": "http://127.0.0.1:9"}
    with pytest.raises(RedpinError):
        client().create_session(request())

    (record,) = records()
    assert (record.redpin_failure, record.redpin_outcome) == ("NotSent", "NotSent")
    assert not {"redpin_status_code", "redpin_request_id"} & vars(record).keys()


def test_b13_attempts_are_counted_and_each_has_an_id_of_its_own(
    redpin: FakeRedpin, records: Callable[[], list[Any]]
) -> None:
    redpin.list_script.extend([answering(503, b""), answering(401, b"")])
    client().find_session("ORDER-1")

    assert [(r.redpin_attempt, r.redpin_status_code) for r in records()] == [
        (1, 503),
        (2, 401),
        (3, 200),
    ]
    sent = [call.headers["x-request-id"] for call in redpin.calls if call.method == "GET"]
    assert [r.redpin_client_request_id for r in records()] == sent
    assert len(set(sent)) == 3
    assert all(len(id_) == 32 for id_ in sent)


@pytest.mark.parametrize(
    "script",
    [
        None,
        answering(400, b'{"code": "canary", "description": "canary", "field": "canary"}'),
        answering(201, b"canary"),
        Handler.hang_up,
    ],
)
def test_b13_nothing_of_a_payment_or_a_secret_is_in_a_record(
    redpin: FakeRedpin,
    records: Callable[[], list[Any]],
    script: Callable[[Handler], None] | None,
    settings: Settings,
) -> None:
    settings.REDPIN = {**settings.REDPIN, "CUSTOMER_ID": "canary-customer"}
    amount = request().amount
    payee = Payee("canary", bank_details={"iban": "canary-iban"}, country_code="ARE")
    asked = SessionRequest(
        client_customer_ref="canary-ref",
        client_reference_id="canary-reference",
        amount=amount,
        due_date=request().due_date,
        purpose_of_transaction="canary-purpose",
        recipients=[PayeeShare(payee, amount)],
    )
    if script:
        redpin.create_script.append(script)
    with suppress(RedpinError):
        client().create_session(asked)
    client().find_session("canary-reference")

    assert len(records()) == 2
    for record in records():
        said = record.getMessage() + repr(vars(record))
        assert "canary" not in said
        assert "127.0.0.1" not in said  # As in the session's URL.
    bodies = b"".join(call.body for call in redpin.calls)
    assert b"canary-iban" in bodies  # It was there to be leaked.


def test_b13_a_log_that_fails_does_not_lose_the_outcome(
    redpin: FakeRedpin, records: Callable[[], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(record: logging.LogRecord) -> bool:
        raise KeyError("path")

    monkeypatch.setattr(logging.getLogger("django_redpin.client"), "filters", [fail])

    assert client().create_session(request()).session_id
    assert records() == []
