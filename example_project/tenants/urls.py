"""The package's URLs, for a platform whose tenants' staff may view sessions in the admin."""

from __future__ import annotations

from typing import Any, NoReturn

from django.http import Http404, HttpRequest
from django.urls import include, path


def not_here(request: HttpRequest, **kwargs: Any) -> NoReturn:
    """Answer 404. The permission to view sessions would open every tenant's here, by reference."""
    raise Http404


urlpatterns = [
    path("redpin/sessions/<slug:account>/<slug:client_reference_id>/", not_here),
    path("redpin/", include("django_redpin.urls")),
]
