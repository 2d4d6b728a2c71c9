"""The client over a real socket: tokens, errors, time-outs, bounds, and what never leaks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import date, timedelta, timezone
from typing import Any

import pytest
import simplejson
from django.core.cache import cache
from django.test import RequestFactory
from django.views.debug import ExceptionReporter
from moneyed import Money
from pytest_django import Settings

from django_redpin.client import RedpinClient, api
from django_redpin.client.adapter import MAX_ANSWER_BYTES
from django_redpin.client.messages import read_time
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
    RedpinError,
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


def test_the_token_request_has_the_credentials_in_the_form(redpin: FakeRedpin) -> None:
    client().find_session("ORDER-1")

    (token_call,) = (call for call in redpin.calls if call.path.endswith("/token"))
    assert b"grant_type=client_credentials" in token_call.body
    assert b"client_id=merchant" in token_call.body
    assert b"client_secret=canary-client-secret" in token_call.body
    assert "authorization" not in token_call.headers


def test_every_call_carries_the_token(redpin: FakeRedpin) -> None:
    client().create_session(request())
    client().find_session("ORDER-1")

    api_calls = [call for call in redpin.calls if "/customers/" in call.path]
    assert [call.headers["authorization"] for call in api_calls] == ["Bearer canary-token-1"] * 2
    assert {call.path for call in api_calls} == {"/v1/customers/0201001008132685/sessions"}


def test_one_token_serves_many_calls_and_processes_share_it_through_the_cache(
    redpin: FakeRedpin,
) -> None:
    for _ in range(3):
        client().find_session("ORDER-1")
    api._providers.clear()  # As another process would begin.
    client().find_session("ORDER-1")

    assert redpin.count("POST", "/token") == 1


def test_a_token_is_renewed_before_it_expires(
    redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch
) -> None:
    client().find_session("ORDER-1")
    now = time.time()
    monkeypatch.setattr("django_redpin.client.tokens.time.time", lambda: now + 3600 - 300)
    client().find_session("ORDER-1")

    assert redpin.count("POST", "/token") == 2


def test_on_401_the_token_is_dropped_and_the_call_sent_once_more(redpin: FakeRedpin) -> None:
    client().find_session("ORDER-1")
    redpin.revoked.add("canary-token-1")

    created = client().create_session(request())

    assert created.session_id
    assert redpin.count("POST", "/token") == 2
    assert [call.headers["authorization"] for call in redpin.creates] == [
        "Bearer canary-token-1",
        "Bearer canary-token-2",
    ]


def test_a_second_401_is_an_error_and_no_loop(redpin: FakeRedpin) -> None:
    redpin.revoked |= {f"canary-token-{n}" for n in range(1, 9)}

    with pytest.raises(AuthenticationError):
        client().create_session(request())

    assert len(redpin.creates) == 2


def test_only_the_token_that_failed_is_forgotten(redpin: FakeRedpin) -> None:
    provider = client()._tokens
    token = provider.get()

    cache.clear()
    provider.forget("an older one")
    assert provider.get() == token
    assert redpin.count("POST", "/token") == 1
    provider.forget(token)

    assert provider.get() != token


def test_wrong_credentials_are_an_authentication_error(
    redpin: FakeRedpin, settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN, "CLIENT_SECRET": "wrong-but-long-enough"}

    with pytest.raises(AuthenticationError, match="CLIENT_SECRET"):
        client().find_session("ORDER-1")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"<html>502</html>",
        b'"text"',
        b"{}",
        b'{"access_token": null, "token_type": "bearer"}',
        b'{"access_token": 7, "token_type": "bearer"}',
        b'{"access_token": "", "token_type": "bearer"}',
        b'{"access_token": "a\\nb", "token_type": "bearer"}',
        b'{"access_token": "t", "token_type": "bearer", "expires_in": []}',
    ],
)
@pytest.mark.parametrize("status", [200, 502])
def test_a_malformed_token_answer_is_a_typed_error(
    redpin: FakeRedpin, status: int, body: bytes
) -> None:
    redpin.token_script.append(answering(status, body))

    with pytest.raises((NoAnswer, AuthenticationError)):
        client().find_session("ORDER-1")


@pytest.mark.parametrize("expires_in", [b"0", b"-5", b'"soon"', b"null", b"1e400", b'"3600"'])
def test_an_odd_lifetime_does_not_make_a_token_last_for_ever(
    redpin: FakeRedpin, expires_in: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b'{"access_token": "canary-token-x", "token_type": "bearer", "expires_in": %s}'
    redpin.token_script.append(answering(200, body % expires_in))
    try:
        client().find_session("ORDER-1")
    except NoAnswer:
        return  # Refused, which is as good.
    now = time.time()
    monkeypatch.setattr("django_redpin.client.tokens.time.time", lambda: now + 3600)
    client().find_session("ORDER-1")
    assert redpin.count("POST", "/token") == 2


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


def test_a_silent_token_endpoint_is_given_up_too(redpin: FakeRedpin, settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "READ_TIMEOUT": 0.2}
    redpin.token_script.append(lambda handler: time.sleep(1.5))
    started = time.monotonic()

    with pytest.raises(NoAnswer):
        client().find_session("ORDER-1")

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


@pytest.mark.parametrize("name", ["BASE_URL", "TOKEN_URL"])
@pytest.mark.parametrize(
    "url", ["http://redpin.test", "ftp://redpin.test", "redpin.test", "https://user:pw@redpin.test"]
)
def test_plain_http_is_for_this_machine_alone(
    redpin: FakeRedpin, settings: Settings, name: str, url: str
) -> None:
    settings.REDPIN = {**settings.REDPIN, name: url}

    with pytest.raises(ConfigurationError, match=name):
        client().find_session("ORDER-1")


@pytest.mark.parametrize("name", ["BASE_URL", "TOKEN_URL"])
def test_without_debug_plain_http_is_not_even_for_this_machine(
    redpin: FakeRedpin, settings: Settings, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What switches oauthlib's own check off changes nothing here.
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    settings.DEBUG = False

    with pytest.raises(ConfigurationError):
        client().find_session("ORDER-1")

    assert redpin.calls == []


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


def test_no_secret_reaches_a_log_a_repr_an_exception_or_a_cache_key(
    redpin: FakeRedpin, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    caplog.set_level(logging.DEBUG)
    texts: list[str] = []
    made = client().create_session(request())
    texts += [repr(client()), repr(made), repr(get_account()), repr(client()._tokens)]
    redpin.create_script.append(Handler.hang_up)
    redpin.revoked.add("canary-token-1")
    settings.REDPIN = {**settings.REDPIN, "READ_TIMEOUT": 0.5}
    for reference in ("ORDER-1", "ORDER-2"):
        try:
            client().create_session(request(reference))
        except RedpinError as error:
            texts += [str(error), repr(error), repr(error.args), repr(error.__cause__)]
    texts += [record.getMessage() for record in caplog.records]
    texts += [str(key) for key in getattr(cache, "_cache", {})]

    said = "\n".join(texts)
    assert "urllib3" in {record.name.split(".")[0] for record in caplog.records}
    assert "canary" not in said
    assert made.session_url not in said


def test_an_error_report_shows_no_secret(redpin: FakeRedpin, settings: Settings) -> None:
    reports = []
    for script in (redpin.token_script, redpin.create_script):
        script.append(Handler.hang_up)
        settings.DEBUG = True
        try:
            client().create_session(request())
        except NoAnswer as error:
            settings.DEBUG = False
            fake = RequestFactory().get("/")
            # Not this test's own frame, which knows all.
            ours = error.__traceback__.tb_next if error.__traceback__ else None
            reporter = ExceptionReporter(fake, type(error), error, ours)
            reports += [reporter.get_traceback_html(), reporter.get_traceback_text()]

    assert len(reports) == 4
    assert not any("canary" in report for report in reports)


def test_a_cache_that_is_away_costs_a_token_request_and_no_payment(
    redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise ConnectionError("canary-cache-address")

    monkeypatch.setattr("django_redpin.client.tokens.cache.get", fail)
    monkeypatch.setattr("django_redpin.client.tokens.cache.set", fail)

    assert client().create_session(request()).session_id
    assert client().find_session("ORDER-1")
    assert redpin.count("POST", "/token") == 1


def test_threads_share_one_token_request(redpin: FakeRedpin) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def answer_slowly(handler: Handler) -> None:
        time.sleep(0.2)
        handler.answer_token()

    redpin.token_script.append(answer_slowly)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: client().find_session("ORDER-1"), range(32)))

    assert redpin.count("POST", "/token") == 1
    lists = [call for call in redpin.calls if call.method == "GET"]
    assert {call.headers.get("authorization") for call in lists} == {"Bearer canary-token-1"}


def test_expiry_of_the_cached_token_is_kept(redpin: FakeRedpin) -> None:
    redpin.expires_in = 120
    client().find_session("ORDER-1")
    (stored,) = (cache.get(key.split(":", 2)[2]) for key in getattr(cache, "_cache", {}))

    assert stored[0] == "canary-token-1"
    assert 0 < stored[1] - time.time() <= timedelta(seconds=60).total_seconds()
