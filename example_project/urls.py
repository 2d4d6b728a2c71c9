"""The example's URLs: the shop at the root, Redpin's webhooks, and the admin."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("redpin/", include("django_redpin.urls")),
    path("", include("example_project.properties.urls")),
]
