"""What guards the sandbox's controls: JSON calls for programs, and forms for people.

They take no credentials, being a tool on the developer's own machine. So the danger is a web page
that is open in the same machine's browser: it is kept out by what a browser lets no other site do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from .addresses import is_fixed_host
from .wire import BadBody, answer, body_of, json_object

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, dict[str, Any], P], HttpResponse]

_BAD_BODY: Final = {"invalid": 400, "too_big": 413}


class ControlError(Exception):
    """A control call that can't be done; ``status`` is what it is answered with.

    The text names the cause and the cure; ``field`` is the part of the body that is wrong, if one
    is.
    """

    def __init__(self, description: str, *, status: int = 400, field: str | None = None) -> None:
        super().__init__(description)
        self.description = description
        self.status = status
        self.field = field


def control_call(*methods: str) -> Callable[[View[P]], Callable[..., HttpResponse]]:
    """Make a view a control call: it answers ``methods``, and is given the parsed JSON body.

    The view gets the request, the body as a dict (empty where a GET or DELETE has none) and what
    the address holds; it returns a response (``wire.answer``) or raises ControlError. Whatever is
    refused is answered ``{"error": "...", "field": "..."}``, the latter where a field is to blame.
    """

    def decorate(view: View[P]) -> Callable[..., HttpResponse]:
        # Nothing of a cookie stands behind it; what stands in for Django's token is below.
        @csrf_exempt
        @wraps(view)
        def call(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            try:
                if refusal := refusal_of(request):
                    raise ControlError(refusal, status=403)
                if request.method not in methods:
                    return _wrong_method(", ".join(methods))
                return view(request, _document(request), *args, **kwargs)
            except ControlError as problem:
                return refused(problem)
            except BadBody as problem:
                status = _BAD_BODY[problem.error]
                return refused(ControlError(problem.description, status=status))

        return call

    return decorate


def refusal_of(request: HttpRequest) -> str:
    """Return why a web page of another site may have sent this, with the cure; "" if none has."""
    if not _is_own_host(request):
        return _("The sandbox is not known by this name. Ask for 127.0.0.1, or its IP address.")
    own = f"{request.scheme}://{request.get_host()}"
    if request.headers.get("Origin", own) != own:
        return _("A web page of another origin asks. Use the sandbox's own pages, or no browser.")
    # Browsers that send no Origin with a form say so here. A link may lead here from anywhere.
    site = request.headers.get("Sec-Fetch-Site", "none")
    if request.method != "GET" and site not in ("none", "same-origin"):
        return _("A web page of another site asks. Use the sandbox's own pages, or no browser.")
    return ""


def _is_own_host(request: HttpRequest) -> bool:
    """Whether the request names a host that no stranger can point at this machine, or a listed one.

    A page elsewhere could let its own name lead here, and would then pass as the sandbox's.
    """
    try:
        host, _port = split_domain_port(request.get_host())
    except DisallowedHost:
        return False
    named = [name for name in settings.ALLOWED_HOSTS if name != "*"]
    return is_fixed_host(host.strip("[]")) or validate_host(host, named)


def _document(request: HttpRequest) -> dict[str, Any]:
    body = body_of(request)
    if not body and request.method in ("GET", "DELETE"):
        return {}
    # A page of another site can't send this type without asking first, and is not answered then.
    if request.content_type != "application/json":
        raise ControlError(_("Send JSON, with Content-Type: application/json."), status=415)
    return json_object(body)


def _wrong_method(allowed: str) -> HttpResponse:
    text = _("This address answers %(methods)s only.") % {"methods": allowed}
    response = refused(ControlError(text, status=405))
    response["Allow"] = allowed
    return response


def refused(problem: ControlError) -> HttpResponse:
    """Return what a control call that can't be done is answered."""
    body = {"error": problem.description}
    if problem.field is not None:
        body["field"] = problem.field
    return answer(body, problem.status)
