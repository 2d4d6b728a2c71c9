"""The control API: every control as an HTTP call, for tests and scripts.

There are no credentials: it stands on this machine, and ``control_guard`` keeps web pages out.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from .arguments import Arguments, Refused
from .control_guard import refusal_of
from .control_state import faults_of, state_of
from .controls import CONTROLS, add_fault, clear_faults
from .models import Session
from .wire import BadBody, answer, body_of, error, json_object, method_not_allowed

_FOR_ALL: Final[dict[str, tuple[tuple[str, ...], Callable[[Arguments], None]]]] = {
    "fault": (CONTROLS["fault"].takes, lambda given: add_fault(None, given)),
    "clear-faults": ((), lambda given: clear_faults(None)),
}


# No cookie gives anybody rights here; `_arguments` wants a type that no form of a page can post.
@csrf_exempt
def session_state(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """``GET /control/sessions/{session_id}``: how the session stands."""
    if refusal := refusal_of(request):
        return error("forbidden", refusal)
    if request.method != "GET":
        return method_not_allowed(["GET"])
    session = Session.objects.filter(session_id=session_id).first()
    return _state(session) if session else _no_session()


@csrf_exempt
def session_control(request: HttpRequest, session_id: uuid.UUID, control: str) -> HttpResponse:
    """``POST /control/sessions/{session_id}/{control}``: do it, and tell how the session stands."""
    if refusal := refusal_of(request):
        return error("forbidden", refusal)
    if control not in CONTROLS:
        known = ", ".join(CONTROLS)
        return error("not_found", _("There is no such control. There are: %s") % known)
    session = Session.objects.filter(session_id=session_id).first()
    if session is None:
        return _no_session()
    chosen = CONTROLS[control]

    def run(given: Arguments) -> None:
        chosen.run(session, given, timezone.now())

    return _do(request, chosen.takes, run) or _state(session)


@csrf_exempt
def control_all(request: HttpRequest, control: str) -> HttpResponse:
    """``POST /control/fault`` and ``/control/clear-faults``: for whichever session comes next."""
    if refusal := refusal_of(request):
        return error("forbidden", refusal)
    if control not in _FOR_ALL:
        known = ", ".join(_FOR_ALL)
        return error("not_found", _("There is no such control. There are: %s") % known)
    return _do(request, *_FOR_ALL[control]) or answer({"faults": faults_of(None)})


@csrf_exempt
def state(request: HttpRequest) -> HttpResponse:
    """``GET /control/state``: the sessions, newest first, and the faults for all of them."""
    if refusal := refusal_of(request):
        return error("forbidden", refusal)
    if request.method != "GET":
        return method_not_allowed(["GET"])
    names = ("session_id", "client_reference_id", "paused", "payment__status")
    return answer(
        {
            "sessions": [
                {
                    "session_id": str(session_id),
                    "client_reference_id": reference,
                    "paused": paused,
                    "latest_status": status,
                }
                for session_id, reference, paused, status in Session.objects.values_list(*names)
            ],
            "faults": faults_of(None),
        }
    )


def _do(
    request: HttpRequest, takes: tuple[str, ...], run: Callable[[Arguments], None]
) -> HttpResponse | None:
    """Run a control; return what it is refused with, or None when it is done."""
    if request.method != "POST":
        return method_not_allowed(["POST"])
    if request.content_type != "application/json":
        return error("media_type", _("Post application/json, with {} where nothing is needed."))
    try:
        given = Arguments(json_object(body_of(request)))
        given.refuse_unknown(takes)
        run(given)
    except BadBody as problem:
        return error(problem.error, problem.description)
    except Refused as problem:
        return error(problem.error, str(problem), field=problem.field or None)
    return None


def _state(session: Session) -> HttpResponse:
    session.refresh_from_db()
    return answer(state_of(session, timezone.now()))


def _no_session() -> HttpResponse:
    return error("not_found", _("There is no such session. GET /control/state lists them."))
