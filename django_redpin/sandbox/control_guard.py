"""Who may control the sandbox: whoever sits at this machine, but no web page from elsewhere.

There are no credentials, so a browser must not be talked into doing it for a stranger's page.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host
from django.utils.translation import gettext as _

from .addresses import is_fixed_host


def refusal_of(request: HttpRequest) -> str:
    """Return why the request is refused, with the cure; "" if it may go on."""
    host, _port = split_domain_port(request.get_host())
    named = [name for name in settings.ALLOWED_HOSTS if name != "*"]
    if not is_fixed_host(host.strip("[]")) and not validate_host(host, named):
        return _("The sandbox is not known by this name. Ask for 127.0.0.1, or its IP address.")
    origin = request.headers.get("Origin")
    if origin is not None and not _is_own(request, origin):
        return _("A web page of another origin asks. Use the sandbox's own pages, or no browser.")
    # Browsers that send no Origin with a form say so here.
    if request.method != "GET" and request.headers.get("Sec-Fetch-Site") == "cross-site":
        return _("A web page of another site asks. Use the sandbox's own pages, or no browser.")
    return ""


def _is_own(request: HttpRequest, origin: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return (parts.scheme, parts.netloc) == (request.scheme, request.get_host())
