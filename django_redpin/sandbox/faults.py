"""API faults: a table of the ways in which a call can go wrong, and the decorator that plays it.

Which calls are to fail, and how often, stands in the database (``instruments.ApiFault``), so that
it holds in every thread and after a restart; ``fault_pages`` sets it.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Concatenate, Final, ParamSpec

import simplejson
from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .models import AccessToken, ApiFault, digest_of
from .wire import answer

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]

HANG_UP: Final = "redpin_sandbox.hang_up"
PLAYED: Final = "redpin_sandbox.fault"
WITH_URL: Final = "with_url"
MOST_SECONDS: Final = 120
CALLS: Final = {
    "token": _("Get a token"),
    "create": _("Create a session"),
    "list": _("List sessions"),
    "recipients": _("Add or list recipients"),
}
# Redpin documents 400, 401, 404 and 500 (code and type); the others are inferred from those.
ENVELOPES: Final = {
    400: ("INVALID_PARAMETER", "Validation Error"),
    401: ("UNAUTHORIZED", "Authentication Error"),
    403: ("FORBIDDEN", "Authorization Error"),
    404: ("RESOURCE_NOT_FOUND", "Resource Error"),
    409: ("CONFLICT", "Resource Error"),
    422: ("UNPROCESSABLE_ENTITY", "Validation Error"),
    429: ("TOO_MANY_REQUESTS", "Rate Limit Error"),
    500: ("INTERNAL_SERVER_ERROR", "Server Error"),
    502: ("BAD_GATEWAY", "Server Error"),
    503: ("SERVICE_UNAVAILABLE", "Server Error"),
    504: ("GATEWAY_TIMEOUT", "Server Error"),
}
_OTHER: Final = ("ERROR", "Error")
# HTTP: what followed would be taken for the next answer.
_WITHOUT_BODY: Final = (204, 205, 304)


class Dropped(StreamingHttpResponse):
    """No answer at all: the connection ends. ``usual`` is what would have been answered."""

    def __init__(self, request: HttpRequest, usual: HttpResponse | None) -> None:
        self.usual = usual
        self._hang_up: Callable[[], None] | None = request.META.get(HANG_UP)
        super().__init__(iter(self._end, b""))

    def _end(self) -> bytes:
        if self._hang_up is not None:
            self._hang_up()
        # Before the first chunk, so no status line has left; servers take it for a lost client.
        raise ConnectionResetError(errno.ECONNRESET, "The sandbox dropped this connection.")


Play = Callable[[HttpRequest, ApiFault, HttpResponse], HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to go wrong. ``is_done``: whether the call is carried out all the same.

    ``calls`` are those that it makes sense for, all by default.
    """

    text: Promise | str
    is_done: bool
    play: Play
    calls: tuple[str, ...] = tuple(CALLS)
    has_status: bool = False


def _error(request: HttpRequest, fault: ApiFault, usual: HttpResponse) -> HttpResponse:
    status = fault.status or 503
    description = "The sandbox was told to answer so."
    if fault.call == "token":
        name = "invalid_client" if status == 401 else "temporarily_unavailable"
        return _with_pause(answer({"error": name, "error_description": description}, status), fault)
    code, kind = ENVELOPES.get(status, _OTHER)
    body = {"code": code, "description": description, "type": kind}
    return _with_pause(answer(body, status), fault)


def _html(request: HttpRequest, fault: ApiFault, usual: HttpResponse) -> HttpResponse:
    status = fault.status or 503
    text = f"<!doctype html>\n<html><title>{status}</title><h1>{status}</h1></html>\n"
    return _with_pause(HttpResponse(text, status=status), fault)


def _with_pause(response: HttpResponse, fault: ApiFault) -> HttpResponse:
    if response.status_code in _WITHOUT_BODY:
        response.content = b""
    if fault.retry_after is not None:
        response["Retry-After"] = str(fault.retry_after)
    return response


def _usual(request: HttpRequest, fault: ApiFault, usual: HttpResponse) -> HttpResponse:
    return usual


def _drop(request: HttpRequest, fault: ApiFault, usual: HttpResponse) -> Dropped:
    return Dropped(request, usual)


def _not_json(request: HttpRequest, fault: ApiFault, usual: HttpResponse) -> HttpResponse:
    usual.content = b"OK, but this is no JSON."
    return usual


def _empty(request: HttpRequest, fault: ApiFault, usual: HttpResponse) -> HttpResponse:
    usual.content = b""
    return usual


def _truncated(request: HttpRequest, fault: ApiFault, usual: HttpResponse) -> HttpResponse:
    # The length promises more than comes, and then the connection ends, as when a proxy dies.
    usual["Content-Length"] = str(len(usual.content))
    usual.content = usual.content[: len(usual.content) // 2]
    if hang_up := request.META.get(HANG_UP):
        hang_up()
    return usual


def _no_url(request: HttpRequest, fault: ApiFault, usual: HttpResponse) -> HttpResponse:
    document = simplejson.loads(usual.content, use_decimal=True)
    for session in (document, *document.get("sessions", ())):
        session.pop("session_url", None)
    return answer(document, usual.status_code)


def _expired_token(request: HttpRequest, fault: ApiFault, usual: HttpResponse) -> HttpResponse:
    token = simplejson.loads(usual.content).get("access_token", "")
    past = timezone.now() - timedelta(seconds=1)
    AccessToken.objects.filter(digest=digest_of(token)).update(expires_at=past)
    return usual


FAULTS: Final = {
    "error": Kind(_("Any status, with Redpin's error body"), False, _error, has_status=True),
    "html": Kind(_("Any status, with an HTML page as of a proxy"), False, _html, has_status=True),
    "slow": Kind(_("The usual answer, but late"), True, _usual),
    "lost": Kind(_("Carried out; the connection ends without an answer"), True, _drop),
    "dropped": Kind(_("Not carried out; the connection ends without an answer"), False, _drop),
    "not_json": Kind(_("Carried out; the answer is no JSON"), True, _not_json),
    "empty": Kind(_("Carried out; the answer is empty"), True, _empty),
    "truncated": Kind(_("Carried out; the answer breaks off in the middle"), True, _truncated),
    "no_url": Kind(
        _("Carried out; the answer has no session_url"), True, _no_url, calls=("create", "list")
    ),
    # The call itself looks whether this is played.
    WITH_URL: Kind(
        _("Carried out; the answer has each session_url"), True, _usual, calls=("list",)
    ),
    "expired_token": Kind(
        _("An access_token that has expired at once"), True, _expired_token, calls=("token",)
    ),
}


def may_fail(calls: Mapping[str, str]) -> Callable[[View[P]], Callable[..., HttpResponseBase]]:
    """Let a view go wrong as it was told. ``calls`` name its call (of CALLS) for each method."""

    def decorate(view: View[P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def call(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            fault = _take(calls.get(request.method or "", ""))
            if fault is None:
                return view(request, *args, **kwargs)
            kind = FAULTS[fault.fault]
            request.META[PLAYED] = fault.fault
            usual = view(request, *args, **kwargs) if kind.is_done else HttpResponse()
            time.sleep(fault.seconds)
            return kind.play(request, fault, usual)

        return call

    return decorate


def _take(call: str) -> ApiFault | None:
    """Return the fault that the next such call is for, with one use of it taken."""
    # A file of a newer sandbox may name faults that are not known here.
    known = ApiFault.objects.filter(call=call, fault__in=FAULTS)
    for fault in known.exclude(left=0):
        mine = ApiFault.objects.filter(pk=fault.pk)
        if fault.left is None:
            mine.update(used=F("used") + 1)
            return fault
        # Of two calls that arrive together, one gets the last use.
        if mine.filter(left__gt=0).update(left=F("left") - 1, used=F("used") + 1):
            return fault
    return None
