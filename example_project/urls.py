"""The example's URLs: the shop at the root, Redpin's webhooks, and the admin."""

from __future__ import annotations

from django.apps import apps
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("redpin/", include("django_redpin.urls")),
    path("", include("example_project.properties.urls")),
]

if apps.is_installed("health_check"):
    from health_check.views import HealthCheckView

    from django_redpin import health

    checks = [health.AccessToken, *health.CHECKS]
    urlpatterns.insert(0, path("health/", HealthCheckView.as_view(checks=checks)))
