"""Whose site a request is for."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from .models import Tenant


class TenantMiddleware:
    """Sets `request.tenant` by the host, or None. `ALLOWED_HOSTS` has checked the host."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Look the tenant up, once."""
        host = request.get_host().rpartition(":")[0] or request.get_host()
        vars(request)["tenant"] = Tenant.objects.filter(host=host).first()
        return self.get_response(request)
