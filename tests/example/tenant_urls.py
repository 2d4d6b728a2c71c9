"""A platform's URLs: its admin is a site of its own, since the tests' has the package's classes."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.urls import include, path

from example_project.tenants.scoped_admin import register

site = AdminSite()
register(site)

urlpatterns = [
    path("admin/", site.urls),
    path("", include("example_project.tenants.urls")),
    path("homes/", include("example_project.properties.urls")),  # Where its page for 404 leads.
]
