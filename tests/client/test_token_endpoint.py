"""The token endpoint over a real socket: what is sent, and what is believed of its answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from django_redpin.client.token_endpoint import _Client
from django_redpin.conf import get_account
from django_redpin.exceptions import AuthenticationError, ConfigurationError, NotSent
from tests.redpin_server import FakeRedpin, Handler

from .token_tools import Clock, answering, provider, requests_for_tokens


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


# --- B5: what the endpoint says ------------------------------------------------------------------

TOKEN: Final = b'"access_token": "canary-token-1"'


def test_b5_the_request_is_a_form_with_the_credentials_and_nothing_else(redpin: FakeRedpin) -> None:
    provider().get()

    (call,) = redpin.calls
    assert parse_qs(call.body.decode(), strict_parsing=True) == {
        "grant_type": ["client_credentials"],
        "client_id": ["merchant"],
        "client_secret": ["canary-client-secret-0123456789"],
    }
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"
    assert call.query == {}
    assert not {"authorization", "cookie"} & set(call.headers)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"true",
        b'"text"',
        b"{}",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b"<html>502</html>",
        b"access_token=canary-token-1&token_type=bearer",
        b'{"access_token": null}',
        b'{"access_token": 7}',
        b'{"access_token": ["canary"]}',
        b'{"access_token": ""}',
        b'{"access_token": " "}',
        b'{"access_token": "a\\nb"}',
        b'{"access_token": "a\\u0000"}',
        b'{"access_token": "\\u6f22"}',
        b'{"access_token": "\\ud800"}',
        b'{"access_token": "%s"}' % (b"x" * 9000),
        b'{"access_token": "a", "access_token": "b"}',
        b'{%s, "expires_in": "soon"}' % TOKEN,
        b'{%s, "expires_in": ""}' % TOKEN,
        b'{%s, "expires_in": 0}' % TOKEN,
        b'{%s, "expires_in": -5}' % TOKEN,
        b'{%s, "expires_in": 1e400}' % TOKEN,
        b'{%s, "expires_in": NaN}' % TOKEN,
        b'{%s, "expires_in": Infinity}' % TOKEN,
        b'{%s, "expires_in": true}' % TOKEN,
        b'{%s, "expires_in": []}' % TOKEN,
        b'{%s, "expires_in": {}}' % TOKEN,
        b'{%s, "token_type": "mac"}' % TOKEN,
        b'{%s, "token_type": 7}' % TOKEN,
        b'{%s, "token_type": ["bearer"]}' % TOKEN,
    ],
)
def test_b5_a_malformed_answer_is_no_token(redpin: FakeRedpin, body: bytes) -> None:
    redpin.token_script.append(answering(200, body))
    ours = provider()

    with pytest.raises(NotSent, match="There is no access token"):
        ours.get()

    assert ours.get() == "canary-token-1"  # It was the endpoint's fault, so the next one asks.
    assert requests_for_tokens(redpin) == 2


@pytest.mark.parametrize("status", [204, 301, 304, 408, 425, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("body", [b"", b'{"error": "invalid_client"}', b"{%s}" % TOKEN])
def test_b5_what_may_pass_by_is_no_refusal_whatever_the_body_says(
    redpin: FakeRedpin, status: int, body: bytes
) -> None:
    redpin.token_script.append(answering(status, b"" if status in (204, 304) else body))
    ours = provider()

    with pytest.raises(NotSent):
        ours.get()

    assert ours.get() == "canary-token-1"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["/elsewhere", "http://[", "//", "\xff", ""])
def test_b5_a_redirect_is_not_followed_so_the_secret_goes_nowhere_else(
    redpin: FakeRedpin, status: int, target: str
) -> None:
    redpin.token_script.append(answering(status, b"", ("Location", target)))

    with pytest.raises(NotSent, match=str(status)):
        provider().get()

    assert [call.path for call in redpin.calls] == ["/auth/oauth/v2/token"]


@pytest.mark.parametrize("step", [Handler.hang_up, answering(200, b"{}", ("Set-Cookie", "\xff=;"))])
def test_b5_a_broken_connection_is_no_token(
    redpin: FakeRedpin, step: Callable[[Handler], None]
) -> None:
    redpin.token_script.append(step)

    with pytest.raises(NotSent):
        provider().get()


def test_b5_nobody_there_is_no_token_and_on_this_machine_it_says_what_to_start(
    redpin: FakeRedpin,
) -> None:
    with pytest.raises(NotSent, match="could not be reached") as caught:
        provider(token_url="http://127.0.0.1:9/token").get()

    assert "running at 127.0.0.1:9 (manage.py redpin_sandbox)?" in str(caught.value)


def test_b5_nobody_there_elsewhere_is_no_matter_of_the_sandbox(redpin: FakeRedpin) -> None:
    with pytest.raises(NotSent, match="could not be reached") as caught:
        provider(token_url="https://redpin.invalid/token").get()

    assert "sandbox" not in str(caught.value)


def test_b5_an_endpoint_that_hangs_up_is_running(redpin: FakeRedpin) -> None:
    redpin.token_script.append(Handler.hang_up)

    with pytest.raises(NotSent) as caught:
        provider().get()

    assert "sandbox" not in str(caught.value)


def test_b5_a_silent_endpoint_is_given_up_after_the_read_timeout(redpin: FakeRedpin) -> None:
    redpin.token_script.append(lambda handler: time.sleep(1.5))
    started = time.monotonic()

    with pytest.raises(NotSent):
        provider(read_timeout=0.2).get()

    assert time.monotonic() - started < 1.2


@pytest.mark.parametrize(
    ("said", "life"),
    [
        (b"", 300),
        (b', "expires_in": null', 300),
        (b', "expires_in": 3600', 3600),
        (b', "expires_in": 3600.0', 3600),
        (b', "expires_in": 3.6e3', 3600),
        (b', "expires_in": "3600"', 3600),
        (b', "expires_in": 999999999', 86400),
        (b', "expires_in": 1e50, "scope": 5', 86400),
        (b', "token_type": "BEARER", "expires_in": 60', 60),
        (b', "token_type": null, "expires_in": 60', 60),
        (b', "expires_at": "soon", "scope": null, "refresh_token": 7', 300),
    ],
)
def test_b5_a_token_lives_as_long_as_is_said_and_five_minutes_if_nothing_is(
    redpin: FakeRedpin, clock: Clock, said: bytes, life: float
) -> None:
    redpin.token_script.append(answering(200, b"{%s%s}" % (TOKEN, said)))
    ours = provider()

    assert ours.get() == "canary-token-1"
    assert ours._token is not None
    assert ours._token.dies_at == clock.now + life - min(get_account().total_timeout, life / 4)


@pytest.mark.parametrize("code", ["", 'x"', "a b", "<b>", "x" * 65, "é", 7, None, ["a"], {"a": 1}])
def test_b5_an_odd_error_code_is_left_out(redpin: FakeRedpin, code: object) -> None:
    redpin.token_script.append(answering(401, json.dumps({"error": code}).encode()))

    with pytest.raises(AuthenticationError) as caught:
        provider().get()

    assert caught.value.code == ""


def test_b5_an_error_that_comes_with_200_is_a_refusal(redpin: FakeRedpin) -> None:
    redpin.token_script.append(answering(200, b'{"error": "invalid_client"}'))

    with pytest.raises(AuthenticationError, match="invalid_client"):
        provider().get()


_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
_NAMES: Final = st.sampled_from(
    ["access_token", "token_type", "expires_in", "expires_at", "scope", "error", "code"]
)


@pytest.mark.heavy
@hypothesis_settings(deadline=None)
@given(st.text() | st.dictionaries(_NAMES, _JSON | st.just("bearer")).map(json.dumps))
def test_b5_any_text_is_a_token_or_a_typed_error(body: str) -> None:
    try:
        answer = _Client(client_id="merchant").parse_request_body_response(body)
    except (NotSent, AuthenticationError):
        return
    assert answer["access_token"].isascii()
    assert 0 < answer["expires_in"] <= 86400


# --- B6: HTTPS -----------------------------------------------------------------------------------


@pytest.fixture(params=["0", "1"])
def insecure_transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What switches oauthlib's own check off; here it changes nothing."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", request.param)


@pytest.mark.usefixtures("insecure_transport")
@pytest.mark.parametrize(
    "url",
    [
        "http://redpin.test/token",
        "ftp://redpin.test/token",
        "redpin.test/token",
        "//redpin.test/token",
        "https://user:pw@redpin.test/token",
        "http://127.0.0.1.redpin.test/token",
        "http://localhost@redpin.test/token",
    ],
)
def test_b6_plain_http_is_for_this_machine_alone(redpin: FakeRedpin, url: str) -> None:
    with pytest.raises(ConfigurationError, match="TOKEN_URL"):
        provider(token_url=url).get()

    assert redpin.calls == []


@pytest.mark.usefixtures("insecure_transport")
def test_b6_without_debug_plain_http_is_not_even_for_this_machine(
    redpin: FakeRedpin, settings: Settings
) -> None:
    settings.DEBUG = False

    with pytest.raises(ConfigurationError, match="TOKEN_URL"):
        provider().get()

    assert redpin.calls == []


@pytest.mark.usefixtures("insecure_transport")
def test_b6_with_debug_this_machine_may_be_asked_by_http(redpin: FakeRedpin) -> None:
    assert provider().get() == "canary-token-1"


def test_b6_an_https_url_is_asked_by_tls_alone(redpin: FakeRedpin) -> None:
    url = redpin.url.replace("http:", "https:") + "/auth/oauth/v2/token"

    with pytest.raises(NotSent, match="SSLError"):
        provider(token_url=url).get()

    assert redpin.calls == []
