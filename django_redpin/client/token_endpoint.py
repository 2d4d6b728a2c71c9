"""One request to the token endpoint: client credentials in, an access token and its life out.

The session of requests-oauthlib speaks to the token endpoint alone. Calls to the API carry the
token in a header of their own (`transport.py`), so that none can leave without one.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.views.decorators.debug import sensitive_variables
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session

from ..conf import Account
from ..exceptions import (
    AuthenticationError,
    CircuitOpen,
    ConfigurationError,
    NoAnswer,
    NotSent,
    RedpinError,
)
from ..rules import exact_json
from ..rules.addresses import is_secure_url
from ..telemetry import client_span, note_call
from .adapter import BoundedAdapter, bind
from .breaker import breaker_for

# Redpin's example says 3600 seconds; where an answer leaves it out, this is what we trust.
_DEFAULT_LIFE: Final = 300.0
_LONGEST_LIFE: Final = 86_400.0

# What RFC 6749 lets stand in a token, without the space, which no header could carry.
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,8192}")
# A word, as OAuth's and Redpin's codes are: nothing of ours that an endpoint may repeat.
_CODE: Final = re.compile(r"[A-Za-z_]{1,64}")
_DIGITS: Final = re.compile(r"[0-9]{1,10}")
# Of the 4xx, those that say nothing about the credentials.
_PASSING: Final = frozenset({408, 425, 429})
_NO_ENDPOINT: Final = frozenset({404, 405, 410})


class _ThisThread(threading.local):
    is_asking: bool = False


_this_thread: Final = _ThisThread()

# requests-oauthlib logs the token request at DEBUG, secret and all. The project's own use of it
# goes on being logged.
logging.getLogger("requests_oauthlib.oauth2_session").addFilter(
    lambda record: not _this_thread.is_asking
)


def is_token(value: object) -> bool:
    """Tell whether this can be an access token: text that fits into a header."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def refusal(status: int, code: str) -> AuthenticationError:
    """Return the error for a token endpoint that refuses us."""
    if status in _NO_ENDPOINT:
        cure = "REDPIN's TOKEN_URL is not the address of a token endpoint."
    else:
        cure = "The token endpoint refuses REDPIN's CLIENT_ID and CLIENT_SECRET."
    return AuthenticationError(status, code=code, description=cure)


@sensitive_variables()
def ask_for_token(account: Account) -> tuple[str, float]:
    """Return a new access token and its life in seconds. Takes at most the total time-out.

    Raises `AuthenticationError` where the endpoint refuses (4xx), `NotSent` where it can't be
    reached, fails (5xx, 408, 425, 429) or talks nonsense, `ConfigurationError` for a token URL
    that is not HTTPS.
    """
    failure: RedpinError
    try:
        with breaker_for(account.token_url, "token", route=account.route).guard():
            return _ask(account)
    except (AuthenticationError, CircuitOpen) as error:
        failure = error.with_traceback(None)
    except NoAnswer as error:
        failure = NotSent(f"There is no access token: {error}")
    # Not inside the handlers: frames and causes of the first error know the secret.
    raise failure


@sensitive_variables()
def _ask(account: Account) -> tuple[str, float]:
    url = _https(account.token_url)
    client = _Client(client_id=account.required("client_id"))
    with bind(_Session(client=client)) as session:
        if url != account.token_url:
            session.mount(url, _PlainLoopback())
        _this_thread.is_asking = True
        try:
            with _span(account.token_url):
                # Redpin takes the credentials in the form's body, not in a Basic header.
                answer = session.fetch_token(
                    url,
                    client_secret=account.required("client_secret"),
                    include_client_id=True,
                    timeout=(account.connect_timeout, account.read_timeout, account.total_timeout),
                    proxies=dict(account.proxies),
                    verify=account.ca_bundle or True,  # type: ignore[arg-type]  # A path, too.
                )
        finally:
            _this_thread.is_asking = False
    return answer["access_token"], answer["expires_in"]


@contextmanager
def _span(url: str) -> Iterator[None]:
    template, began, failure = urlsplit(url).path, time.monotonic(), ""
    with client_span("POST", template, url):
        try:
            yield
        except BaseException as error:
            failure = type(error).__name__
            raise
        finally:
            note_call("POST", template, seconds=time.monotonic() - began, failure=failure)


def _https(url: str) -> str:
    """Return the token URL as HTTPS; HTTP is for this machine alone, with DEBUG."""
    if not is_secure_url(url, allow_loopback=bool(settings.DEBUG)):
        raise ConfigurationError(
            "REDPIN['TOKEN_URL'] has to be an absolute https:// URL (http:// only to this machine,"
            " with DEBUG)."
        )
    return urlsplit(url)._replace(scheme="https").geturl()


class _Session(OAuth2Session):
    """Gives `fetch_token` nothing to read but a 2xx answer."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow no redirect: it would carry the secret to wherever it points."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Raise `AuthenticationError` or `NotSent` for every other answer."""
        response = super().request(*args, **kwargs)
        response.encoding = "utf-8"  # Else a guess, which takes its time and our deadline's.
        status = response.status_code
        if 400 <= status < 500 and status not in _PASSING:
            raise refusal(status, _code(_read(response.content)))
        if not 200 <= status < 300:
            raise NotSent(f"The token endpoint answered {status}.")
        return response


class _Client(BackendApplicationClient):
    """Reads an answer strictly: oauthlib takes null for a token, and 0 seconds for eternity."""

    def parse_request_body_response(self, body: str, *args: Any, **kwargs: Any) -> Any:
        answer = _read(body.encode())
        if not isinstance(answer, dict):
            raise NotSent("The token endpoint's answer is no JSON object.")
        value = answer.get("access_token")
        if value is None and "error" in answer:
            raise refusal(401, _code(answer))
        if not is_token(value):
            raise NotSent("The token endpoint's answer has no access_token to use.")
        if str(answer.get("token_type") or "bearer").lower() != "bearer":
            raise NotSent("The token endpoint's answer has a token_type other than Bearer.")
        self.token = {"access_token": value, "expires_in": _life(answer.get("expires_in"))}
        return self.token


class _PlainLoopback(BoundedAdapter):
    """Speaks HTTP to this machine where oauthlib, which insists on it, was given HTTPS."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        request.url = "http" + str(request.url).removeprefix("https")
        return super().send(request, *args, **kwargs)


def _read(content: bytes) -> Any:
    try:
        return exact_json.loads(content)
    except ValueError:
        return None


def _code(answer: object) -> str:
    """Return the error's code in the words of OAuth, or of Redpin's envelope; else nothing."""
    found = answer.get("error") or answer.get("code") if isinstance(answer, dict) else None
    return found if isinstance(found, str) and _CODE.fullmatch(found) else ""


def _life(value: Any) -> float:
    """Return the seconds of `expires_in`, at most a day's; some servers write them as text."""
    if value is None:
        return _DEFAULT_LIFE
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or value <= 0:
        raise NotSent("The token endpoint's answer has an expires_in that is no life.")
    return min(float(value), _LONGEST_LIFE)
