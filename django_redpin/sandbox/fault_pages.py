"""Setting API faults: the page ``/faults/`` for people, ``/control/faults`` for programs.

What each fault does is in ``faults``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from .arguments import Arguments, Refused
from .control import ControlError, control_call
from .faults import CALLS, FAULTS, MOST_SECONDS
from .frames import HttpResponseSeeOther
from .hosted import form_of
from .models import ApiFault
from .own_pages import own_page, refuse_others
from .wire import answer

MOST_FAULTS: Final = 100
MOST_TIMES: Final = 1_000_000
_MOST_ID: Final = 10**18
STATUSES: Final = (200, 204, 302, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504)
_FIELDS: Final = ("call", "fault", "times", "status", "retry_after", "seconds")


@control_call("GET", "POST", "DELETE")
def control_faults(request: HttpRequest, document: dict[str, Any]) -> HttpResponse:
    """``/control/faults``: GET tells which are set, POST sets one, DELETE clears all or some."""
    if request.method == "POST":
        return answer(_record(set_fault(document)), 201)
    if request.method == "DELETE":
        return answer({"cleared": _clear(document)})
    return answer(
        {
            "faults": [_record(fault) for fault in ApiFault.objects.all()],
            "calls": {name: str(text) for name, text in CALLS.items()},
            "kinds": {name: str(kind.text) for name, kind in FAULTS.items()},
        }
    )


# Its own token takes the place of Django's, which rests on a cookie.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def faults(request: HttpRequest) -> HttpResponse:
    """``/faults/``: what is set, a form to set another, and buttons to clear them."""
    if refused := refuse_others(request, reverse("redpin_sandbox_faults")):
        return refused
    if request.method != "POST":
        return _page(request)
    form = form_of(request)
    try:
        if form.get("action") == "clear":
            _clear({"id": form["id"]} if "id" in form else {})
        else:
            set_fault(_typed(form))
    except ControlError as problem:
        return _page(request, problem.description, problem.status)
    return HttpResponseSeeOther(reverse("redpin_sandbox_faults"))


def set_fault(values: dict[str, Any]) -> ApiFault:
    """Let the next calls go wrong as ``values`` say, and return the row of it.

    ``call`` and ``fault`` are names of CALLS and FAULTS; ``times`` how many calls (1 by default,
    None until it is cleared); ``status`` and ``retry_after`` (seconds) for faults with a status;
    ``seconds`` how long the answer is kept back. Raises ControlError.
    """
    given = Arguments(values)
    given.refuse_unknown(_FIELDS)
    call = given.choice("call", CALLS)
    fault = given.choice("fault", FAULTS)
    kind = FAULTS[fault]
    if call not in kind.calls:
        text = _("%(fault)s is for these calls alone: %(calls)s.")
        names = {"fault": fault, "calls": ", ".join(kind.calls)}
        raise ControlError(text % names, field="fault")
    seconds = given.number("seconds", 5 if fault == "slow" else 0)
    if seconds is None or not 0 <= seconds <= MOST_SECONDS:
        raise Refused(_("must be a number from 0 to %d") % MOST_SECONDS, "seconds")
    is_for_all = "times" in values and values["times"] is None
    times = None if is_for_all else given.whole("times", 1, MOST_TIMES, 1)
    status = given.whole("status", 200, 599)
    retry_after = given.whole("retry_after", 0, MOST_TIMES)
    if not kind.has_status and (status, retry_after) != (None, None):
        text = _("%(fault)s takes neither status nor retry_after.") % {"fault": fault}
        raise ControlError(text, field="status")
    if ApiFault.objects.exclude(left=0).count() >= MOST_FAULTS:
        text = _("%(most)s faults are set. Clear some first.") % {"most": MOST_FAULTS}
        raise ControlError(text, status=409)
    created = ApiFault.objects.create(
        call=call,
        fault=fault,
        left=times,
        status=(status or 503) if kind.has_status else None,
        retry_after=retry_after,
        seconds=float(seconds),
    )
    # Those that are used up are shown for a while.
    ApiFault.objects.filter(left=0, pk__lte=created.pk - MOST_FAULTS).delete()
    return created


def _clear(document: dict[str, Any]) -> int:
    """Clear the fault with the ``id``, those of the ``call``, or all; return how many."""
    given = Arguments(document)
    given.refuse_unknown(("id", "call"))
    found = ApiFault.objects.all()
    if "id" in document:
        # Nothing, rather than all, where it is null.
        found = found.filter(pk=given.whole("id", 1, _MOST_ID) or 0)
    if "call" in document:
        found = found.filter(call=given.choice("call", CALLS))
    return found.delete()[0]


def _typed(form: QueryDict) -> dict[str, Any]:
    """Return the posted form as a JSON call would say it; what was left empty is left out."""
    given = {name: form.get(name, "").strip() for name in _FIELDS}
    values: dict[str, Any] = {name: text for name, text in given.items() if text}
    if form.get("always"):
        values["times"] = None
    return values


def _record(fault: ApiFault) -> dict[str, object]:
    return {
        "id": fault.pk,
        "call": fault.call,
        "fault": fault.fault,
        "times": fault.left,
        "used": fault.used,
        "status": fault.status,
        "retry_after": fault.retry_after,
        "seconds": Decimal(str(fault.seconds)),
    }


def _page(request: HttpRequest, problem: str = "", status: int = 200) -> HttpResponse:
    rows = [
        {
            "fault": fault,
            "call": CALLS.get(fault.call, fault.call),
            "text": FAULTS[fault.fault].text if fault.fault in FAULTS else fault.fault,
        }
        for fault in ApiFault.objects.all()
    ]
    context: dict[str, object] = {
        "rows": rows,
        "calls": CALLS.items(),
        "kinds": [
            {"name": name, "text": kind.text, "calls": [CALLS[call] for call in kind.calls]}
            for name, kind in FAULTS.items()
        ],
        "statuses": STATUSES,
        "most_seconds": MOST_SECONDS,
        "typed": request.POST if problem else {},
        "problem": problem,
        "place": "faults",
    }
    return own_page(request, "api_faults.html", context, status=status)
