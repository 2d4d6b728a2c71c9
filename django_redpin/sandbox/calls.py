"""The log of calls: every call of the API that comes in, every callback that goes out.

What may be shown of them is decided in ``masks``; its pages and its JSON are in ``call_pages``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, Final

import requests
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.request import RawPostDataException
from django.utils import timezone

from .faults import PLAYED, Dropped
from .masks import MOST_CHARACTERS, headers_of, hide_token, parsed, query_of, written
from .models import Call
from .wire import BadBody, body_of, is_api

MOST_CALLS: Final = 1000
# How long a callback's answer is read; its status has been read before.
READ_SECONDS: Final = 2
_MOST_NAMED: Final = 12
_MOST_NOTE: Final = 100
_NAMES: Final = ("client_reference_id", "session_id", "payment_id")

logger: logging.Logger = logging.getLogger(__name__)


def call_log(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware that keeps the calls of the API; pages of the sandbox are none."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not is_api(request):
            return get_response(request)
        at, began = timezone.now(), time.monotonic()
        response = get_response(request)
        _keep_incoming(request, response, at, time.monotonic() - began)
        return response

    return middleware


class LoggedSession(requests.Session):
    """A session of ``requests`` that keeps each call it makes.

    ``event`` is what a callback is about, whatever is left of it in its body, and ``faults`` are
    the names of those that spoilt it.
    """

    def __init__(self, event: object = None, faults: Iterable[str] = ()) -> None:
        super().__init__()
        self._about = tuple(_named(event))
        self._faults = ", ".join(faults)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send the request and keep it, answered or not. Raises as ``requests`` does."""
        at, began = timezone.now(), time.monotonic()
        sent = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
        call = Call(
            at=at,
            direction=Call.Direction.OUT,
            method=request.method or "",
            address=hide_token(request.url or ""),
            note=self._faults[:_MOST_NOTE],
            request_headers=headers_of(request.headers),
        )
        body, content_type = b"", ""
        try:
            response = super().send(request, **kwargs)
            body, content_type = _answer_of(response), response.headers.get("Content-Type", "")
            call.status = response.status_code
            call.answer_headers = headers_of(response.headers)
        except (requests.RequestException, ValueError, OSError) as problem:
            notes = filter(None, (self._faults, type(problem).__name__))
            call.note = ", ".join(notes)[:_MOST_NOTE]
            raise
        finally:
            _keep(
                call,
                time.monotonic() - began,
                (sent, request.headers.get("Content-Type", "")),
                (body, content_type),
                self._about,
            )
        return response


def _answer_of(response: requests.Response) -> bytes:
    """Return the answer's body where its length is declared and small; it counts for nothing."""
    declared = response.headers.get("Content-Length", "")
    if not declared.isdecimal() or not 0 < int(declared[:9]) <= MOST_CHARACTERS:
        return b""
    until = time.monotonic() + READ_SECONDS
    body = bytearray()
    try:
        # Byte by byte, as more at once would be waited for, however slowly they come.
        for byte in response.iter_content(1):
            body += byte
            if time.monotonic() > until:
                break
    except (requests.RequestException, OSError):
        return b""
    return bytes(body)


def _keep_incoming(
    request: HttpRequest, response: HttpResponseBase, at: datetime, seconds: float
) -> None:
    shown = response.usual if isinstance(response, Dropped) else response
    try:
        sent = body_of(request)
    except (BadBody, RawPostDataException):
        sent = b""
    is_answered = not isinstance(response, Dropped)
    call = Call(
        at=at,
        direction=Call.Direction.IN,
        method=(request.method or "")[:20],
        address=request.path + query_of(request.META.get("QUERY_STRING", "")),
        status=response.status_code if is_answered else None,
        note=request.META.get(PLAYED, ""),
        request_headers=headers_of(request.headers, has_body=bool(sent)),
        answer_headers=headers_of(response.headers) if is_answered else "",
    )
    body = shown.content if isinstance(shown, HttpResponse) else b""
    content_type = shown.headers.get("Content-Type", "") if shown is not None else ""
    about = _named(request.GET.dict())
    _keep(call, seconds, (sent, request.content_type or ""), (body, content_type), about)


def _keep(
    call: Call,
    seconds: float,
    sent: tuple[bytes, str],
    received: tuple[bytes, str],
    about: Iterable[str] = (),
) -> None:
    documents = [parsed(*sent), parsed(*received)]
    call.milliseconds = round(seconds * 1000)
    call.request_body = written(documents[0], *sent)
    call.answer_body = written(documents[1], *received)
    if call.direction == Call.Direction.OUT and documents[0] is None:
        # Of our own making, and spoilt on purpose: it holds no more than the whole one shows.
        call.request_body = sent[0].decode("utf-8", "replace")[:MOST_CHARACTERS]
    names = [*about, *_named(documents[0]), *_named(documents[1])]
    if names:
        call.about = "\n" + "\n".join(dict.fromkeys(names)) + "\n"
    try:
        call.save()
        Call.objects.filter(pk__lte=call.pk - MOST_CALLS).delete()
    except DatabaseError:
        # The call itself is done, and its answer must not be lost for its line in the log.
        logger.warning("A call could not be kept in the log of calls.")


def _named(document: object) -> Iterator[str]:
    """Return the references and ids in a document, the first ones of them."""
    return islice(_names_in(document), _MOST_NAMED)


def _names_in(document: object, depth: int = 0) -> Iterator[str]:
    if depth > 5:
        return
    if isinstance(document, dict):
        for name, value in document.items():
            if name in _NAMES and isinstance(value, str) and value and "\n" not in value:
                yield value[:100]
            else:
                yield from _names_in(value, depth + 1)
    elif isinstance(document, list):
        for value in document:
            yield from _names_in(value, depth + 1)
