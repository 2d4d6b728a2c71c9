"""How the sandbox's pages are sent: who may frame them, and that nobody may keep or index them."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from .addresses import is_web_origin
from .models import Session

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'"
)


class HttpResponseSeeOther(HttpResponse):
    """303: whatever the method was, go on with GET."""

    status_code = 303

    def __init__(self, address: str) -> None:
        super().__init__()
        self["Location"] = address
        self["Cache-Control"] = "no-store"


def page(
    request: HttpRequest,
    template: str,
    context: dict[str, object],
    *,
    status: int = 200,
    session: Session | None = None,
) -> HttpResponse:
    """Return a page that may be framed by the session's web origins, by anyone if it has none."""
    response = render(request, f"redpin_sandbox/{template}", context, status=status)
    origins = [o for o in session.allowed_origins if is_web_origin(o)] if session else []
    ancestors = f"; frame-ancestors {' '.join(origins)}" if origins else ""
    response["Content-Security-Policy"] = _POLICY + ancestors
    response["Cache-Control"] = "no-store"
    # The address of a hosted page is its only key.
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    # XFrameOptionsMiddleware would say DENY, which no frame-ancestors can loosen.
    response.xframe_options_exempt = True
    return response
