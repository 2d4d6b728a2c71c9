"""The pages whose forms turn the sandbox: how they are sent, and whose forms they take.

What makes a form their own is the token in it, which does the work of Django's cookie.
"""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from .control import refusal_of
from .frames import page
from .hosted import form_of
from .models import Session
from .tokens import new_form_token, read_form_token

_STEP: Final = "control"


def own_page(
    request: HttpRequest,
    template: str,
    context: dict[str, object],
    *,
    status: int = 200,
    session: Session | None = None,
) -> HttpResponse:
    """Return a page with a ``token`` for its forms, which are about ``session``, or about all."""
    token = new_form_token(session, _STEP, None)
    response = page(request, template, {**context, "token": token}, status=status)
    response["Content-Security-Policy"] += "; frame-ancestors 'none'"
    # Without a referrer a browser posts a form with "Origin: null", as a stranger's would.
    response["Referrer-Policy"] = "same-origin"
    return response


def refuse_others(
    request: HttpRequest, address: str, session: Session | None = None
) -> HttpResponse | None:
    """Return the answer to another site's page, or to a form that is not of the page here.

    None where all is well. ``address`` is where the page is; ``session`` as for ``own_page``.
    """
    if refusal := refusal_of(request):
        context: dict[str, object] = {"title": _("This was refused"), "text": refusal}
        return own_page(request, "notice.html", context, status=403)
    if request.method == "POST" and not _is_own(session, form_of(request).get("token", "")):
        return own_page(request, "stale.html", {"address": address}, status=403)
    return None


def _is_own(session: Session | None, text: str) -> bool:
    token = read_form_token(session, text)
    return token is not None and token.step == _STEP
