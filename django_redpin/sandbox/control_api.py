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
from .wire import BadBody, answer, body_of, json_object

_BAD_BODY: Final = {"invalid": 400, "too_big": 413}


# No cookie gives anybody rights here; `_arguments` wants a type that no form of a page can post.
@csrf_exempt
def session_state(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """``GET /control/sessions/{session_id}``: how the session stands."""
    if refusal := refusal_of(request):
        return _refuse(403, refusal)
    if request.method != "GET":
        return _wrong_method("GET")
    session = Session.objects.filter(session_id=session_id).first()
    return _state(session) if session else _no_session()


@csrf_exempt
def session_control(request: HttpRequest, session_id: uuid.UUID, control: str) -> HttpResponse:
    """``POST /control/sessions/{session_id}/{control}``: do it, and tell how the session stands."""
    if refusal := refusal_of(request):
        return _refuse(403, refusal)
    if control not in CONTROLS:
        return _refuse(404, _("There is no such control. There are: %s") % ", ".join(CONTROLS))
    session = Session.objects.filter(session_id=session_id).first()
    if session is None:
        return _no_session()
    chosen = CONTROLS[control]

    def run(given: Arguments) -> None:
        chosen.run(session, given, timezone.now())

    return _do(request, chosen.takes, run) or _state(session)


@csrf_exempt
def callback_fault(request: HttpRequest) -> HttpResponse:
    """``POST /control/callback-fault``: for whichever session has the next event."""
    takes = CONTROLS["callback-fault"].takes
    return _do(request, takes, lambda given: add_fault(None, given)) or _faults()


@csrf_exempt
def clear_callback_faults(request: HttpRequest) -> HttpResponse:
    """``POST /control/clear-callback-faults``: forget those."""
    return _do(request, (), lambda given: clear_faults(None)) or _faults()


@csrf_exempt
def state(request: HttpRequest) -> HttpResponse:
    """``GET /control/state``: the sessions, newest first, and the faults for all of them."""
    if refusal := refusal_of(request):
        return _refuse(403, refusal)
    if request.method != "GET":
        return _wrong_method("GET")
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
            "callback_faults": faults_of(None),
        }
    )


@csrf_exempt
def nothing(request: HttpRequest, rest: str) -> HttpResponse:
    """Any other address below ``/control/``."""
    return _refuse(404, _("There is no such control. docs/sandbox.md lists them."))


def _do(
    request: HttpRequest, takes: tuple[str, ...], run: Callable[[Arguments], None]
) -> HttpResponse | None:
    """Run a control; return what it is refused with, or None when it is done."""
    if refusal := refusal_of(request):
        return _refuse(403, refusal)
    if request.method != "POST":
        return _wrong_method("POST")
    if request.content_type != "application/json":
        return _refuse(415, _("Post application/json, with {} where nothing is needed."))
    try:
        given = Arguments(json_object(body_of(request)))
        given.refuse_unknown(takes)
        run(given)
    except BadBody as problem:
        return _refuse(_BAD_BODY[problem.error], problem.description)
    except Refused as problem:
        return _refuse(problem.status, str(problem), problem.field)
    return None


def _state(session: Session) -> HttpResponse:
    session.refresh_from_db()
    return answer(state_of(session, timezone.now()))


def _no_session() -> HttpResponse:
    return _refuse(404, _("There is no such session. GET /control/state lists them."))


def _faults() -> HttpResponse:
    return answer({"callback_faults": faults_of(None)})


def _wrong_method(allowed: str) -> HttpResponse:
    response = _refuse(405, _("This address answers %s only.") % allowed)
    response["Allow"] = allowed
    return response


def _refuse(status: int, text: str, field: str = "") -> HttpResponse:
    return answer({"error": text, **({"field": field} if field else {})}, status)
