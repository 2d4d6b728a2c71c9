"""Reading the log of calls: the pages below ``/log/`` for people, ``/control/log`` for programs."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from .arguments import Arguments
from .calls import MOST_CALLS
from .control import control_call
from .frames import page
from .models import Call
from .wire import answer, stamp

MOST_SHOWN: Final = 100


@control_call("GET", "DELETE")
def control_log(request: HttpRequest, document: dict[str, Any]) -> HttpResponse:
    """``/control/log``: GET tells of the newest calls, DELETE empties the log.

    The query may hold ``about`` (a reference, a session's or a payment's id) and ``limit``.
    """
    if request.method == "DELETE":
        return answer({"deleted": Call.objects.all().delete()[0]})
    limit = Arguments(request.GET.dict()).whole("limit", 1, MOST_CALLS, MOST_SHOWN)
    found = _calls(request.GET.get("about", ""))
    return answer({"calls": [_record(call) for call in found[:limit]]})


@require_safe
def log(request: HttpRequest) -> HttpResponse:
    """The newest calls, with a filter and a link to older ones."""
    about = request.GET.get("about", "").strip()
    before = request.GET.get("before", "")
    found = _calls(about)
    if before.isdecimal() and len(before) < 18:
        found = found.filter(pk__lt=int(before))
    rows = list(found[: MOST_SHOWN + 1])
    context: dict[str, object] = {
        "rows": rows[:MOST_SHOWN],
        "older": rows[MOST_SHOWN - 1].pk if len(rows) > MOST_SHOWN else None,
        "about": about,
        "place": "log",
    }
    return page(request, "log.html", context)


@require_safe
def call(request: HttpRequest, pk: int) -> HttpResponse:
    """One call with its bodies."""
    found = Call.objects.filter(pk=pk).first() if pk < 2**62 else None
    if found is None:
        raise Http404
    named = [name for name in found.about.split("\n") if name]
    return page(request, "call.html", {"call": found, "named": named, "place": "log"})


def _calls(about: str) -> QuerySet[Call]:
    found = Call.objects.all()
    return found.filter(about__contains=f"\n{about.strip()}\n") if about.strip() else found


def _record(call: Call) -> dict[str, object]:
    return {
        "id": call.pk,
        "at": stamp(call.at),
        "direction": call.direction,
        "method": call.method,
        "address": call.address,
        "status": call.status,
        "milliseconds": call.milliseconds,
        "note": call.note,
        "about": [name for name in call.about.split("\n") if name],
        "request_headers": call.request_headers,
        "request_body": call.request_body,
        "answer_headers": call.answer_headers,
        "answer_body": call.answer_body,
    }
