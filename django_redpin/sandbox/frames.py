"""How the sandbox's pages are sent: who may frame them, and that nobody may keep or index them."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from .addresses import is_loopback, is_web_origin
from .conf import options
from .languages import SOURCE
from .models import Session

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'"
)
# A hosted page takes its theme from the page around it, which no style sheet can.
_HOSTED: Final = "; script-src 'self'"
ANYBODY: Final = ("*",)


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
    """Return a page that may be framed by the session's web origins, by anyone if it has none.

    A page for payers is ``framed``, and in the active language; one for developers is in English.
    """
    parents = parents_of(session) if session else ANYBODY
    if session is not None:
        context = {"parents": " ".join(parents), **context}
    language = (translation.get_language() if context.get("framed") else None) or SOURCE
    with translation.override(language):
        response = render(request, f"redpin_sandbox/{template}", context, status=status)
    policy = _POLICY + (_HOSTED if session is not None else "")
    if parents != ANYBODY:
        policy += "; frame-ancestors " + (" ".join(parents) or "'none'")
    response["Content-Security-Policy"] = policy
    response["Content-Language"] = language
    response["Cache-Control"] = "no-store"
    # The address of a hosted page is its only key.
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    # XFrameOptionsMiddleware would say DENY, which no frame-ancestors can loosen.
    response.xframe_options_exempt = True
    return response


def parents_of(session: Session) -> tuple[str, ...]:
    """Return the origins whose pages may frame the session's page; ANYBODY where all may.

    Redpin: without ``allowed_origins`` it is accessible from any origin. An app's identifier is no
    web origin: where a session has those alone, no web page may frame it, and none is returned.
    """
    if not session.allowed_origins:
        return ANYBODY
    origins = [origin for origin in session.allowed_origins if is_web_origin(origin)]
    return (*origins, *_origins_of_site(options().site))


def _origins_of_site(site: str) -> tuple[str, ...]:
    """Return the names under which the site on this machine may be open in a browser."""
    parts = urlsplit(site)
    if not is_loopback(parts.hostname or ""):
        return (site,) if site else ()
    port = f":{parts.port}" if parts.port else ""
    names = (f"{parts.scheme}://{host}{port}" for host in ("127.0.0.1", "localhost"))
    return tuple(dict.fromkeys((site, *names)))
