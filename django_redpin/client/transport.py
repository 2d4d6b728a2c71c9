"""One HTTP call: time-outs, no redirects, a bounded answer, exact JSON, typed errors."""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final

import requests
import urllib3
from django.views.decorators.debug import sensitive_variables
from requests.structures import CaseInsensitiveDict
from requests.utils import default_user_agent

from ..exceptions import (
    APIError,
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    NoAnswer,
    NotFoundError,
    RateLimitedError,
    ServerError,
)
from ..rules import exact_json
from ..telemetry import LogEvent, client_span, note_call, tell
from .adapter import open_session

_TEXT_LIMIT: Final = 500
_LONGEST_RETRY_AFTER: Final = 3600.0
_URLS_KEPT: Final = 256
_HEADERS: Final = {
    "User-Agent": default_user_agent(),
    "Accept": "application/json",
    "Accept-Encoding": "gzip",  # One coding, which the adapter unpacks within its cap.
}

# Redpin documents no id of a call in its answers; these are the names in common use.
_REQUEST_ID_HEADERS: Final = ("X-Request-ID", "X-Correlation-ID", "Request-ID")

_ERRORS: Final[Mapping[int, type[APIError]]] = {
    401: AuthenticationError,
    404: NotFoundError,
    408: ServerError,
    409: ConflictError,
    425: ServerError,
    429: RateLimitedError,
}

_LOGGED: Final = "%s %s: %s in %d ms (attempt %d, client_request_id=%s, redpin_request_id=%s)"

logger: logging.Logger = logging.getLogger("django_redpin.client")
_local = threading.local()


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer: its JSON object, and the time that Redpin's clock had (UTC)."""

    body: Mapping[str, Any] = field(repr=False)
    at: datetime


@sensitive_variables()
def call(
    method: str,
    url: str,
    *,
    bearer: str,
    account: str = "",
    template: str = "",
    attempt: int = 1,
    timeout: tuple[float, float, float],
    proxies: Mapping[str, str] | None = None,
    verify: bool | str = True,
    params: Mapping[str, str] | None = None,
    json: object = None,
) -> Answer:
    """Send one request and return its 2xx answer. Time-outs in seconds: connect, read, total.

    It is logged in one record, and traced in one span, by `template`, the path with its parts not
    filled in, and the number of this `attempt`: nothing that the URL, the headers or the bodies say
    of a payment.

    Raises `NotSent` where nothing left this machine, `NoAnswer` where nothing can be trusted to
    have been said, and a subclass of `APIError` for an answer that is an error.
    """
    request_id = uuid.uuid4().hex
    headers = {"Authorization": f"Bearer {bearer}", "X-Request-ID": request_id}
    began = time.monotonic()
    response, failure = None, ""
    with client_span(method, template, url):
        try:
            session = _session()
            response = session.get_adapter(url).send(
                _prepared(method, url, headers, params, json),
                timeout=timeout,  # type: ignore[arg-type]  # Our adapter's three.
                proxies=dict(proxies or {}),
                verify=verify,
            )
            return _answer(response)
        except BaseException as error:
            failure = type(error).__name__
            raise
        finally:
            _tell(
                response,
                account=account,
                method=method,
                template=template,
                attempt=attempt,
                failure=failure,
                seconds=time.monotonic() - began,
                client_request_id=request_id,
            )


@contextmanager
def hanging_up_on_nonsense() -> Iterator[None]:
    """Close this thread's connections where the answer that is read in here makes no sense.

    It may be another call's, and would then shift every later answer by one.
    """
    try:
        yield
    except NoAnswer:
        _session().close()
        raise


def _session() -> requests.Session:
    """Return this thread's pooled session; after a fork the child makes its own."""
    if getattr(_local, "pid", None) != os.getpid():
        _local.pid = os.getpid()
        _local.session = open_session()
    session: requests.Session = _local.session
    return session


def _prepared(
    method: str,
    url: str,
    headers: Mapping[str, str],
    params: Mapping[str, str] | None,
    json: object,
) -> requests.PreparedRequest:
    """Return the request, to be given to the adapter itself.

    What else a session of requests would do is for others: redirects, cookies, hooks, and what the
    environment says. It would take longer than all the rest.
    """
    request = requests.PreparedRequest()
    request.method = method
    request.headers = CaseInsensitiveDict({**_HEADERS, **headers})
    if params:
        request.prepare_url(url, params)
    else:
        request.url = _written(url)
    if json is not None:
        request.body = body = exact_json.dumps(json)
        request.headers["Content-Type"] = "application/json"
        request.headers["Content-Length"] = str(len(body))
    return request


@lru_cache(maxsize=_URLS_KEPT)
def _written(url: str) -> str:
    """Return the URL as requests writes it."""
    request = requests.PreparedRequest()
    request.prepare_url(url, None)
    return str(request.url)


def _answer(response: requests.Response) -> Answer:
    status = response.status_code
    try:
        body = exact_json.loads(response.content)
    except ValueError:
        body = None
    if 200 <= status < 300:
        if not isinstance(body, dict):
            raise NoAnswer(f"Redpin answered {status} without a JSON object.")
        return Answer(body, _date(response.headers.get("Date")))
    if status < 400:
        raise NoAnswer(f"Redpin answered {status}; redirects are not followed.")
    raise _error(response, body if isinstance(body, dict) else {})


def _error(response: requests.Response, envelope: Mapping[str, Any]) -> APIError:
    """Return the error for Redpin's envelope: code, description, type, field, details."""
    status = response.status_code
    default = ServerError if status >= 500 else InvalidRequestError
    return _ERRORS.get(status, default)(
        status,
        code=_text(envelope.get("code")),
        description=_text(envelope.get("description")),
        type=_text(envelope.get("type")),
        field=_text(envelope.get("field")),
        # A mismatch of a payee's name has its ids beside the envelope's documented names.
        details=envelope.get("recipient_check") or envelope.get("details"),
        request_id=_request_id(response),
        retry_after=_retry_after(response.headers.get("Retry-After")),
    )


def _retry_after(header: str | None) -> float | None:
    """Return the seconds that Redpin asks to wait, at most an hour; None where it doesn't say."""
    try:
        # Of an absurdly long number the beginning is enough, and int() takes no more.
        asked = urllib3.Retry().parse_retry_after((header or "")[:100])
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return None
    return min(float(asked), _LONGEST_RETRY_AFTER)


def _request_id(response: requests.Response) -> str:
    headers = response.headers
    found = next((headers[name] for name in _REQUEST_ID_HEADERS if name in headers), "")
    return found if len(found) <= 100 and found.isascii() and found.isprintable() else ""


def _tell(
    response: requests.Response | None,
    *,
    account: str,
    method: str,
    template: str,
    attempt: int,
    failure: str,
    seconds: float,
    client_request_id: str,
) -> None:
    status = None if response is None else response.status_code
    ids = {
        "client_request_id": client_request_id,
        "request_id": "" if response is None else _request_id(response),
    }
    outcome = " ".join(str(part) for part in (status, failure) if part)
    duration_ms = round(seconds * 1000, 1)
    tell(
        logger,
        LogEvent.CALL,
        _LOGGED,
        *(method, template, outcome, duration_ms, attempt, *ids.values()),
        account=account,
        method=method,
        path=template,
        status_code=status,
        failure=failure,
        outcome=outcome,
        duration_ms=duration_ms,
        attempt=attempt,
        client_request_id=ids["client_request_id"],
        request_id=ids["request_id"],
    )
    note_call(
        *(method, template),
        status=status,
        failure=failure,
        attempt=attempt,
        seconds=seconds,
        ids=ids,
    )


def _text(value: object) -> str:
    if not isinstance(value, (str, int)):
        return ""
    # PostgreSQL stores no NUL, and these texts end up in a row.
    return str(value).replace("\x00", "")[:_TEXT_LIMIT]


def _date(header: str | None) -> datetime:
    try:
        return parsedate_to_datetime(header or "").astimezone(timezone.utc)
    except (ValueError, OverflowError):  # The last hours of the year 9999, west of Greenwich.
        return datetime.now(timezone.utc)
