"""The control pages: one for each session, one for what concerns them all. No script, no cookie."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from .arguments import Arguments, Refused
from .callback_faults import BEFORE_ANSWER, KINDS
from .control_state import DELIVERY_STATES, State, faults_of, state_of
from .controls import CONTROLS, MOST_EVENTS, add_fault, clear_faults
from .frames import HttpResponseSeeOther, page
from .hosted import form_of
from .ledger import Status
from .models import Session
from .own_pages import own_page, refuse_others
from .rates import offers

_STATUSES: Final = tuple(Status.values)


# Exempt as the hosted page is: the signed token in each form does the work of Django's cookie.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def control(request: HttpRequest, key: str) -> HttpResponse:
    """The page at ``/sessions/<key>/control/``: what is, and buttons for what is to be."""
    session = Session.objects.filter(key=key).first()
    if session is None:
        return page(request, "missing.html", {}, status=404)
    if refused := refuse_others(request, _address(session), session):
        return refused
    if request.method != "POST":
        return _show(request, session)
    form = form_of(request)
    name = form.get("control", "")
    try:
        _run(session, name, form, timezone.now())
    except Refused as problem:
        return _show(request, session, str(problem), 422)
    return HttpResponseSeeOther(f"{_address(session)}?done={name}")


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def callbacks(request: HttpRequest) -> HttpResponse:
    """The page at ``/callbacks/``: the faults that wait for the next event of any session."""
    if refused := refuse_others(request, reverse("redpin_sandbox_callbacks")):
        return refused
    if request.method != "POST":
        return _show_all(request)
    form = form_of(request)
    name = form.get("control", "")
    try:
        if name == "callback-fault":
            add_fault(None, _arguments(form, CONTROLS[name].takes))
        elif name == "clear-callback-faults":
            clear_faults(None)
        else:
            raise _unknown()
    except Refused as problem:
        return _show_all(request, str(problem), 422)
    return HttpResponseSeeOther(f"{reverse('redpin_sandbox_callbacks')}?done={name}")


def _run(session: Session, name: str, form: QueryDict, now: datetime) -> None:
    if name not in CONTROLS:
        raise _unknown()
    CONTROLS[name].run(session, _arguments(form, CONTROLS[name].takes), now)


def _arguments(form: QueryDict, takes: tuple[str, ...]) -> Arguments:
    return Arguments({name: form.get(name, "") for name in takes})


def _show(
    request: HttpRequest, session: Session, problem: str = "", status: int = 200
) -> HttpResponse:
    now = timezone.now()
    session.refresh_from_db()
    state = state_of(session, now)
    context: dict[str, object] = {
        "session": session,
        "state": state,
        "facts": _facts(session),
        "offers": offers(session.total),
        "recipients": session.recipients.select_related("session"),
        "deliveries": _worded(state),
        "statuses": _STATUSES,
        # That one is for a session that is not there yet.
        "kinds": {kind: about for kind, about in KINDS.items() if kind != BEFORE_ANSWER},
        "address": _address(session),
    }
    return _page(request, "control.html", context, problem, status, session)


def _show_all(request: HttpRequest, problem: str = "", status: int = 200) -> HttpResponse:
    context: dict[str, object] = {
        "state": {"callback_faults": faults_of(None)},
        "kinds": KINDS,
        "address": reverse("redpin_sandbox_callbacks"),
        "place": "callbacks",
    }
    return _page(request, "callbacks.html", context, problem, status)


def _page(
    request: HttpRequest,
    template: str,
    context: dict[str, object],
    problem: str,
    status: int,
    session: Session | None = None,
) -> HttpResponse:
    form = form_of(request)
    # By the name of its control, whose hyphens a template can't say.
    context["typed"] = {form.get("control", "").removeprefix("callback-"): form} if problem else {}
    done = CONTROLS.get(request.GET.get("done", ""))
    context |= {"problem": problem, "done": done if not problem else None, "most": MOST_EVENTS}
    context["kind_names"] = {kind: about.label for kind, about in KINDS.items()}
    return own_page(request, template, context, status=status, session=session)


def _facts(session: Session) -> list[dict[str, object]]:
    payment = getattr(session, "payment", None)
    if payment is None:
        return []
    payment.refresh_from_db()
    return [
        {
            "fact": fact,
            "done": fact.position < payment.facts_true,
            "current": fact.position == payment.facts_true - 1,
            "next": fact.position == payment.facts_true,
        }
        for fact in payment.facts.select_related("recipient")
    ]


def _worded(state: State) -> list[dict[str, object]]:
    words = DELIVERY_STATES
    return [delivery | {"word": words[delivery["state"]]} for delivery in state["deliveries"]]


def _unknown() -> Refused:
    return Refused(_("must be one of: %s") % ", ".join(CONTROLS), "control")


def _address(session: Session) -> str:
    return reverse("redpin_sandbox_control", args=[session.key])
