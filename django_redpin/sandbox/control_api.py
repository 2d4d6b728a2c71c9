"""The control API: every control as an HTTP call, for tests and scripts."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from .arguments import Arguments
from .control import ControlError, control_call
from .control_state import faults_of, state_of
from .controls import CONTROLS, add_fault, clear_faults
from .models import Session
from .wire import answer

Document = dict[str, Any]


@control_call("GET")
def session_state(request: HttpRequest, document: Document, session_id: uuid.UUID) -> HttpResponse:
    """``GET /control/sessions/{session_id}``: how the session stands."""
    return _state(_session(session_id))


@control_call("POST")
def session_control(
    request: HttpRequest, document: Document, session_id: uuid.UUID, control: str
) -> HttpResponse:
    """``POST /control/sessions/{session_id}/{control}``: do it, and tell how the session stands."""
    if control not in CONTROLS:
        text = _("There is no such control. There are: %s") % ", ".join(CONTROLS)
        raise ControlError(text, status=404)
    session = _session(session_id)
    chosen = CONTROLS[control]
    chosen.run(session, _arguments(document, chosen.takes), timezone.now())
    return _state(session)


@control_call("POST")
def callback_fault(request: HttpRequest, document: Document) -> HttpResponse:
    """``POST /control/callback-fault``: for whichever session has the next event."""
    add_fault(None, _arguments(document, CONTROLS["callback-fault"].takes))
    return _faults()


@control_call("POST")
def clear_callback_faults(request: HttpRequest, document: Document) -> HttpResponse:
    """``POST /control/clear-callback-faults``: forget those."""
    _arguments(document, ())
    clear_faults(None)
    return _faults()


@control_call("GET")
def state(request: HttpRequest, document: Document) -> HttpResponse:
    """``GET /control/state``: the sessions, newest first, and the faults for all of them."""
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


@control_call("GET", "POST", "DELETE")
def nothing(request: HttpRequest, document: Document, rest: str) -> HttpResponse:
    """Any other address below ``/control/``."""
    raise ControlError(_("There is no such control. docs/sandbox.md lists them."), status=404)


def _arguments(document: Document, takes: tuple[str, ...]) -> Arguments:
    given = Arguments(document)
    given.refuse_unknown(takes)
    return given


def _session(session_id: uuid.UUID) -> Session:
    session = Session.objects.filter(session_id=session_id).first()
    if session is None:
        raise ControlError(
            _("There is no such session. GET /control/state lists them."), status=404
        )
    return session


def _state(session: Session) -> HttpResponse:
    session.refresh_from_db()
    return answer(state_of(session, timezone.now()))


def _faults() -> HttpResponse:
    return answer({"callback_faults": faults_of(None)})
