"""One HTTP call: time-outs, no redirects, a bounded answer, exact JSON, typed errors."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Final

import requests
from django.views.decorators.debug import sensitive_variables

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
from .adapter import open_session

_TEXT_LIMIT: Final = 500

_ERRORS: Final[Mapping[int, type[APIError]]] = {
    401: AuthenticationError,
    404: NotFoundError,
    408: ServerError,
    409: ConflictError,
    425: ServerError,
    429: RateLimitedError,
}

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
    timeout: tuple[float, float, float],
    proxies: Mapping[str, str] | None = None,
    verify: bool | str = True,
    params: Mapping[str, str] | None = None,
    json: object = None,
) -> Answer:
    """Send one request and return its 2xx answer. Time-outs in seconds: connect, read, total.

    Raises `NotSent` where nothing left this machine, `NoAnswer` where nothing can be trusted to
    have been said, and a subclass of `APIError` for an answer that is an error.
    """
    headers = {"Accept": "application/json", "Authorization": f"Bearer {bearer}"}
    data = None
    if json is not None:
        headers["Content-Type"] = "application/json"
        data = exact_json.dumps(json)
    response = _session().request(
        method,
        url,
        params=params,
        data=data,
        headers=headers,
        timeout=timeout,  # type: ignore[arg-type]  # Our adapter's three.
        proxies=dict(proxies or {}),
        verify=verify,
        allow_redirects=False,
    )
    with hanging_up_on_nonsense():
        return _answer(response)


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
    raise _error(status, body if isinstance(body, dict) else {})


def _error(status: int, envelope: Mapping[str, Any]) -> APIError:
    """Return the error for Redpin's envelope: code, description, type, field, details."""
    default = ServerError if status >= 500 else InvalidRequestError
    return _ERRORS.get(status, default)(
        status,
        code=_text(envelope.get("code")),
        description=_text(envelope.get("description")),
        type=_text(envelope.get("type")),
        field=_text(envelope.get("field")),
        details=envelope.get("details"),
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
