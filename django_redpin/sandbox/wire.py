"""JSON as the API speaks it: exact numbers in and out, and Redpin's error envelope.

It knows no rule of a payment: a body that gets through here is JSON, not yet a valid request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Final

import simplejson
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, UnreadablePostError

MOST_BODY_BYTES: Final = 256 * 1024
MOST_DEPTH: Final = 32
_API: Final = re.compile(r"/(?:.+/)?(?:v[0-9]+/customers|auth/oauth)(?:/|$)|/(?:v[0-9]+|auth)/")

# Error name: HTTP status, Redpin's code, Redpin's type. The first four are documented.
_ERRORS: Final = {
    "invalid": (400, "INVALID_PARAMETER", "Validation Error"),
    "unauthorized": (401, "UNAUTHORIZED", "Authentication Error"),
    "not_found": (404, "RESOURCE_NOT_FOUND", "Resource Error"),
    "server": (500, "INTERNAL_SERVER_ERROR", "Server Error"),
    "method": (405, "METHOD_NOT_ALLOWED", "Request Error"),
    "too_big": (413, "PAYLOAD_TOO_LARGE", "Request Error"),
}


class BadBody(Exception):
    """A request body that cannot be read. ``error`` names an entry of the error table."""

    def __init__(self, description: str, error: str = "invalid") -> None:
        super().__init__(description)
        self.description = description
        self.error = error


def is_api(request: HttpRequest) -> bool:
    """Whether the request is for the API, whatever stands at its address."""
    return _API.match(request.path_info) is not None


def dumps(document: object) -> str:
    """Return ``document`` as JSON, each Decimal as the number it is."""
    return simplejson.dumps(document, use_decimal=True, ensure_ascii=True, allow_nan=False)


def stamp(moment: datetime) -> str:
    """Return a moment as Redpin writes it: UTC, whole seconds, ``Z``."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def answer(document: object, status: int = 200) -> HttpResponse:
    response = HttpResponse(dumps(document), content_type="application/json", status=status)
    response["Cache-Control"] = "no-store"
    return response


def error(
    name: str, description: str, *, field: str | None = None, details: object = None
) -> HttpResponse:
    """Return Redpin's error envelope; ``field`` and ``details`` are left out when not given."""
    status, code, kind = _ERRORS[name]
    body: dict[str, object] = {"code": code, "description": description, "type": kind}
    if field is not None:
        body["field"] = field
    if details is not None:
        body["details"] = details
    return answer(body, status)


def method_not_allowed(allowed: Iterable[str]) -> HttpResponse:
    methods = ", ".join(allowed)
    response = error("method", f"This address answers {methods} only.")
    response["Allow"] = methods
    return response


def body_of(request: HttpRequest) -> bytes:
    """Return the request's body. Raises BadBody when it is too big or breaks off."""
    declared = request.headers.get("content-length") or "0"
    if declared.isdecimal() and len(declared) < 20 and int(declared) > MOST_BODY_BYTES:
        raise BadBody(f"The body is larger than {MOST_BODY_BYTES} bytes.", "too_big")
    try:
        body = request.body
    except RequestDataTooBig:
        raise BadBody(f"The body is larger than {MOST_BODY_BYTES} bytes.", "too_big") from None
    except UnreadablePostError:
        raise BadBody("The body broke off before its end.") from None
    if len(body) > MOST_BODY_BYTES:
        raise BadBody(f"The body is larger than {MOST_BODY_BYTES} bytes.", "too_big")
    return body


def json_object(body: bytes) -> dict[str, object]:
    """Parse ``body`` as one JSON object, numbers exact. Raises BadBody, which says what is wrong.

    Refused beside broken syntax: text that is not UTF-8, NaN and Infinity, a key given twice
    (readers disagree on which one counts), and nesting that no request needs.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadBody("The body is not UTF-8.") from None
    try:
        document = simplejson.loads(
            text,
            use_decimal=True,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
        )
    except BadBody:
        raise
    except RecursionError:
        raise BadBody("The body is nested too deeply.") from None
    except (ValueError, ArithmeticError):
        # simplejson's own text quotes the body, which may hold bank details.
        raise BadBody("The body is not valid JSON.") from None
    if not isinstance(document, dict):
        raise BadBody("The body must be a JSON object.")
    if _depth(document) > MOST_DEPTH:
        raise BadBody("The body is nested too deeply.")
    return document


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadBody("The body has an object in which a key is given twice.")
    return found


def _refuse_constant(name: str) -> object:
    raise BadBody(f"{name} is not a JSON number.")


def _depth(document: object) -> int:
    depth = 0
    level: list[object] = [document]
    while level:
        depth += 1
        inner: list[object] = []
        for value in level:
            if isinstance(value, dict):
                inner.extend(value.values())
            elif isinstance(value, list):
                inner.extend(value)
        level = inner
    return depth
