"""Setting API faults: the page ``/faults/`` for people, ``/control/faults`` for programs.

What each fault does is in ``faults``.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from .control import ControlError, control_call
from .faults import CALLS, FAULTS, MOST_SECONDS
from .frames import HttpResponseSeeOther
from .hosted import form_of
from .models import ApiFault
from .own_pages import own_page, refuse_others
from .wire import answer

MOST_FAULTS: Final = 100
MOST_TIMES: Final = 1_000_000
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
            chosen = form.get("id", "")
            _clear({"id": int(chosen)} if chosen.isdecimal() and len(chosen) < 18 else {})
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
    unknown = sorted(set(values) - set(_FIELDS))
    if unknown:
        text = _("There is no field %(field)s. Known are: %(known)s.")
        names = {"field": unknown[0][:40], "known": ", ".join(_FIELDS)}
        raise ControlError(text % names, field=unknown[0][:40])
    call = _choice(values, "call", tuple(CALLS))
    fault = _choice(values, "fault", tuple(FAULTS))
    kind = FAULTS[fault]
    if call not in kind.calls:
        text = _("%(fault)s is for these calls alone: %(calls)s.")
        names = {"fault": fault, "calls": ", ".join(kind.calls)}
        raise ControlError(text % names, field="fault")
    seconds = _number(values, "seconds", 0, MOST_SECONDS, default=5 if fault == "slow" else 0)
    times = _whole(values, "times", 1, MOST_TIMES) if "times" in values else 1
    status = _whole(values, "status", 200, 599)
    retry_after = _whole(values, "retry_after", 0, MOST_TIMES)
    if not kind.has_status and (status, retry_after) != (None, None):
        text = _("%(fault)s takes neither status nor retry_after.") % {"fault": fault}
        raise ControlError(text, field="status")
    if ApiFault.objects.count() >= MOST_FAULTS:
        text = _("%(most)s faults are set. Clear some first.") % {"most": MOST_FAULTS}
        raise ControlError(text, status=409)
    return ApiFault.objects.create(
        call=call,
        fault=fault,
        left=times,
        status=(status or 503) if kind.has_status else None,
        retry_after=retry_after,
        seconds=float(seconds or 0),
    )


def _clear(document: dict[str, Any]) -> int:
    """Clear the fault with the ``id``, those of the ``call``, or all; return how many."""
    found = ApiFault.objects.all()
    if set(document) - {"id", "call"}:
        raise ControlError(_("Faults are cleared by id, by call, or all at once."))
    if "id" in document:
        found = found.filter(pk=_whole(document, "id", 1, 2**62) or 0)
    if "call" in document:
        found = found.filter(call=_choice(document, "call", tuple(CALLS)))
    return found.delete()[0]


def _typed(form: QueryDict) -> dict[str, Any]:
    """Return the posted form as a JSON call would say it; what was left empty is left out."""
    given = {name: form.get(name, "").strip() for name in _FIELDS}
    values: dict[str, Any] = {name: text for name, text in given.items() if text}
    for name in ("times", "status", "retry_after", "seconds"):
        if name in values:
            try:
                values[name] = Decimal(values[name])
            except InvalidOperation:
                continue  # The rule says it better.
    if form.get("always"):
        values["times"] = None
    return values


def _choice(values: dict[str, Any], field: str, choices: tuple[str, ...]) -> str:
    value = values.get(field)
    if not isinstance(value, str) or value not in choices:
        text = _("%(field)s has to be one of: %(choices)s.")
        names = {"field": field, "choices": ", ".join(choices)}
        raise ControlError(text % names, field=field)
    return value


def _number(
    values: dict[str, Any], field: str, least: int, most: int, default: int | None = None
) -> Decimal | int | None:
    value: Decimal | int | None = values.get(field)
    if value is None:
        return default
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    # Decimals have a NaN, too, which compares with an error.
    if not is_number or not Decimal(value).is_finite() or not least <= value <= most:
        text = _("%(field)s has to be a number from %(least)s to %(most)s.")
        raise ControlError(text % {"field": field, "least": least, "most": most}, field=field)
    return value


def _whole(values: dict[str, Any], field: str, least: int, most: int) -> int | None:
    number = _number(values, field, least, most)
    if number is not None and number != int(number):
        text = _("%(field)s has to be a whole number.") % {"field": field}
        raise ControlError(text, field=field)
    return None if number is None else int(number)


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
