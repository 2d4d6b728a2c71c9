"""The client over a real socket: errors, time-outs, bounds."""

from __future__ import annotations

import gzip
import os
import signal
import socket
import time
import warnings
from collections.abc import Callable
from datetime import date, timezone
from typing import Any

import pytest
import simplejson
from moneyed import Money
from pytest_django import Settings

from django_redpin.client import RedpinClient, api, connections
from django_redpin.client.adapter import MAX_ANSWER_BYTES
from django_redpin.client.messages import read_time
from django_redpin.client.recipients import read_recipient_id
from django_redpin.conf import get_account
from django_redpin.exceptions import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    NoAnswer,
    NotFoundError,
    RateLimitedError,
    ServerError,
)
from django_redpin.rules.requests import Payee, PayeeShare, SessionRequest
from tests.redpin_server import FakeRedpin, Handler


def client() -> RedpinClient:
    return RedpinClient(get_account())


def request(reference: str = "ORDER-1") -> SessionRequest:
    amount = Money("10.00", "AED")
    return SessionRequest(
        client_customer_ref="CUST_001",
        client_reference_id=reference,
        amount=amount,
        due_date=date(2030, 1, 1),
        purpose_of_transaction="RENT",
        recipients=[PayeeShare(Payee("P", recipient_id="1"), amount)],
    )


def answering(status: int, body: bytes, *headers: tuple[str, str]) -> Callable[[Handler], None]:
    return lambda handler: handler.raw(status, body, headers)


def test_an_account_with_verifiers_can_be_called_for(
    redpin: FakeRedpin, settings: Settings
) -> None:
    options = {"header": "X-Key", "secrets": ["a-secret-of-24-bytes-or-more"]}
    verifier = {"BACKEND": "django_redpin.webhooks.verifiers.HeaderVerifier", "OPTIONS": options}
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_VERIFIERS": [verifier]}

    assert client().create_session(request()).session_url


def test_every_call_carries_the_token(redpin: FakeRedpin) -> None:
    client().create_session(request())
    client().find_session("ORDER-1")

    api_calls = [call for call in redpin.calls if "/customers/" in call.path]
    assert [call.headers["authorization"] for call in api_calls] == ["Bearer canary-token-1"] * 2
    assert {call.path for call in api_calls} == {"/v1/customers/0201001008132685/sessions"}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, InvalidRequestError),
        (401, AuthenticationError),
        (403, InvalidRequestError),
        (404, NotFoundError),
        (409, ConflictError),
        (422, InvalidRequestError),
        (429, RateLimitedError),
        (500, ServerError),
        (502, ServerError),
        (503, ServerError),
        (504, ServerError),
    ],
)
def test_each_status_has_its_error_with_redpins_words(
    redpin: FakeRedpin, status: int, error: type[APIError]
) -> None:
    envelope = (
        b'{"code":"INVALID_PARAMETER","description":"email is required","type":"Validation Error",'
        b'"field":"email","details":{"a":1}}'
    )
    redpin.create_script.extend([answering(status, envelope)] * 2)

    with pytest.raises(error) as caught:
        client().create_session(request())

    found = caught.value
    assert type(found) is error
    assert found.status_code == status
    assert (found.code, found.description, found.type, found.field, found.details) == (
        "INVALID_PARAMETER",
        "email is required",
        "Validation Error",
        "email",
        {"a": 1},
    )


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"code": {}, "field": ["x"]}'])
def test_an_error_without_an_envelope_is_still_that_error(redpin: FakeRedpin, body: bytes) -> None:
    redpin.create_script.append(answering(400, body))

    with pytest.raises(InvalidRequestError) as caught:
        client().create_session(request())

    assert (caught.value.code, caught.value.field) == ("", "")


@pytest.mark.parametrize(
    "answer",
    [
        answering(201, b""),
        answering(201, b"<html>"),
        answering(201, b"[]"),
        answering(201, b"{}"),
        answering(204, b""),
        answering(201, b'{"session_id": "s", "session_url": "u"}'),
        answering(201, b'{"session_id": 5, "session_url": "u", "expires_at": "2030-01-01"}'),
        answering(201, b'{"session_id": "s", "session_url": null, "expires_at": "2030-01-01"}'),
        answering(201, b'{"session_id": "s", "session_url": "u", "expires_at": "soon"}'),
        answering(
            201,
            b'{"session_id":"s","session_url":"u","expires_at":"2030-01-01","client_reference_id":"x"}',
        ),
        answering(302, b"", ("Location", "https://evil.test/")),
        Handler.hang_up,
    ],
)
def test_what_is_no_answer_to_trust_is_no_answer(
    redpin: FakeRedpin, answer: Callable[[Handler], None]
) -> None:
    redpin.create_script.append(answer)

    with pytest.raises(NoAnswer):
        client().create_session(request())

    assert len(redpin.creates) == 1


def test_a_redirect_is_not_followed_and_the_token_goes_nowhere_else(redpin: FakeRedpin) -> None:
    elsewhere = f"{redpin.url}/elsewhere"
    redpin.create_script.append(answering(307, b"", ("Location", elsewhere)))

    with pytest.raises(NoAnswer, match="redirects are not followed"):
        client().create_session(request())

    assert all("elsewhere" not in call.path for call in redpin.calls)


def test_an_answer_beyond_all_bounds_is_cut_off_though_it_is_right(redpin: FakeRedpin) -> None:
    def answer_at_length(handler: Handler) -> None:
        record = handler.redpin.store(handler.call.json, "0201001008132685")
        body = simplejson.dumps(handler.redpin.created(record)).encode()
        handler.raw(201, body + b" " * MAX_ANSWER_BYTES)

    redpin.create_script.append(answer_at_length)

    with pytest.raises(NoAnswer, match="larger than"):
        client().create_session(request())


def test_a_silent_redpin_is_given_up_after_the_read_timeout(
    redpin: FakeRedpin, settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN, "READ_TIMEOUT": 0.2}
    redpin.create_script.append(lambda handler: time.sleep(1.5))
    started = time.monotonic()

    with pytest.raises(NoAnswer, match="could not be reached"):
        client().create_session(request())

    assert time.monotonic() - started < 1.2


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"sessions": null}',
        b'{"sessions": {}}',
        b'{"sessions": [1]}',
        b'{"sessions": [{}]}',
        b'{"sessions": [{"session_id": null}]}',
    ],
)
def test_a_malformed_list_is_no_answer(redpin: FakeRedpin, body: bytes) -> None:
    redpin.list_script.append(answering(200, body))

    with pytest.raises(NoAnswer):
        client().find_session("ORDER-1")


def test_a_list_that_ignored_the_filter_does_not_give_away_another_session(
    redpin: FakeRedpin,
) -> None:
    body = b'{"sessions": [{"session_id": "s", "client_reference_id": "ANOTHER"}]}'
    redpin.list_script.append(answering(200, body))

    assert client().find_session("ORDER-1") is None


def test_two_sessions_with_one_reference_are_not_chosen_from(redpin: FakeRedpin) -> None:
    entry = b'{"session_id": "s", "client_reference_id": "ORDER-1"}'
    redpin.list_script.append(answering(200, b'{"sessions": [%s, %s]}' % (entry, entry)))

    with pytest.raises(NoAnswer, match="more than one"):
        client().find_session("ORDER-1")


@pytest.mark.parametrize(
    "url", ["http://redpin.test", "ftp://redpin.test", "redpin.test", "https://user:pw@redpin.test"]
)
def test_plain_http_is_for_this_machine_alone(
    redpin: FakeRedpin, settings: Settings, url: str
) -> None:
    settings.REDPIN = {**settings.REDPIN, "BASE_URL": url}

    with pytest.raises(ConfigurationError, match="BASE_URL"):
        client().find_session("ORDER-1")


def test_without_debug_plain_http_is_not_even_for_this_machine(
    redpin: FakeRedpin, settings: Settings
) -> None:
    client().find_session("ORDER-1")
    settings.DEBUG = False

    with pytest.raises(ConfigurationError, match="BASE_URL"):
        client().find_session("ORDER-1")

    assert len(redpin.calls) == 2


def test_an_unknown_account_is_a_configuration_error(db: None) -> None:
    with pytest.raises(ConfigurationError, match="'nobody'"):
        get_account("nobody")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-11-22T15:00:00Z", "2026-11-22T15:00:00+00:00"),
        ("2026-11-22T17:00:00+02:00", "2026-11-22T15:00:00+00:00"),
        ("2026-11-22T15:00:00", "2026-11-22T15:00:00+00:00"),
        ("2026-11-22T15:00:00.123Z", "2026-11-22T15:00:00.123000+00:00"),
    ],
)
def test_times_are_read_as_utc(written: str, read: str) -> None:
    found = read_time(written)

    assert found is not None
    assert found.tzinfo is timezone.utc
    assert found.isoformat() == read


@pytest.mark.parametrize("written", [None, 5, "", "soon", "9" * 50, "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_none(written: Any) -> None:
    assert read_time(written) is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="This system has no fork.")
def test_a_fork_while_a_thread_looks_for_its_token_provider_does_not_lock_the_child() -> None:
    with api._providers_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # That locks may be held: so they are.
        child = os.fork()
        if not child:
            try:
                signal.alarm(5)
                client()
                os._exit(0)
            finally:
                os._exit(2)

    assert os.waitpid(child, 0)[1] == 0


def test_an_answer_that_unpacks_to_too_much_is_none(redpin: FakeRedpin) -> None:
    packed = gzip.compress(b" " * (MAX_ANSWER_BYTES + 1))
    assert len(packed) < 10_000
    redpin.list_script.extend([answering(200, packed, ("Content-Encoding", "gzip"))] * 9)

    with pytest.raises(NoAnswer, match="larger than 1048576 bytes"):
        client().find_session("ORDER-1")


def test_a_recipient_that_is_listed_without_an_id_is_no_answer(redpin: FakeRedpin) -> None:
    """Taken for one that is not listed, it would be added a second time."""
    listed = b'{"recipients": [{"client_reference_id": "PAYEE-1", "name": "A"}], "total": 1}'
    redpin.recipient_list_script.append(answering(200, listed))

    with pytest.raises(NoAnswer, match="without its recipient_id"):
        client().find_recipient("PAYEE-1")


def test_an_answer_about_another_recipient_is_no_answer() -> None:
    assert read_recipient_id({"recipient_id": "1", "client_reference_id": "MINE"}, "MINE") == "1"

    with pytest.raises(NoAnswer, match="another client_reference_id"):
        read_recipient_id({"recipient_id": "1", "client_reference_id": "ANOTHER"}, "MINE")


def test_what_is_left_of_an_answer_is_noted_when_it_is_closed_and_only_then() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        bounded = connections._BoundedSocket(ours)
        theirs.sendall(b"an answer\nand more")
        answer = bounded.makefile("rb")
        assert answer.readline() == b"an answer\n"
        answer.close()
        assert bounded.may_have_leftovers
        bounded._had_leftovers = False

        answer.close()  # As the interpreter may, once more.

        assert not bounded.may_have_leftovers
