"""The sandbox's own pages: the sessions, the outbox, the health check and what errors look like."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from . import wire
from .codes import spoken
from .control import ControlError, refused
from .frames import page
from .models import OneTimeCode, Session

MOST_SHOWN: Final = 100


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every session, newest first, with the only links to their hosted pages."""
    now = timezone.now()
    found = Session.objects.select_related("payment")[:MOST_SHOWN]
    rows = [
        {
            "session": session,
            "payment": getattr(session, "payment", None),
            "expired": session.has_expired(now),
        }
        for session in found
    ]
    return page(request, "index.html", {"rows": rows, "place": "index"})


@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    """What Redpin would send to the payer's phone, newest first."""
    now = timezone.now()
    codes = OneTimeCode.objects.select_related("session")[:MOST_SHOWN]
    messages = [
        {
            "code": code,
            "used": code.used_at is not None,
            "old": now >= code.expires_at,
            "spoken": spoken(code.code) if code.channel == OneTimeCode.Channel.VOICE else "",
        }
        for code in codes
    ]
    return page(request, "outbox.html", {"messages": messages, "place": "outbox"})


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if wire.is_api(request):
        return wire.error("invalid", "The request could not be read.")
    if _is_control(request):
        text = _("This request could not be read, or the sandbox is not known by its host's name.")
        return refused(ControlError(text))
    return _notice(request, 400, _("This request could not be read"), _("Go back and try again."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if wire.is_api(request):
        return wire.error("not_found", "There is nothing at this address.")
    return _notice(
        request, 404, _("There is no such page"), _("Check the address, or start at the sessions.")
    )


def server_error(request: HttpRequest) -> HttpResponse:
    if wire.is_api(request):
        return wire.error("server", "The sandbox failed. Its log says why.")
    if _is_control(request):
        return refused(ControlError(_("The sandbox failed. Its log says why."), status=500))
    return _notice(
        request, 500, _("The sandbox failed"), _("No money was moved. The sandbox's log says why.")
    )


def _is_control(request: HttpRequest) -> bool:
    return request.path.startswith(reverse("redpin_sandbox_state").removesuffix("state"))


def _notice(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    return page(request, "notice.html", {"title": title, "text": text}, status=status)
