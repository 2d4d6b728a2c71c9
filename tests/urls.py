"""URLs of a merchant's project, as small as one can be."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("redpin/", include("django_redpin.urls")),
]
