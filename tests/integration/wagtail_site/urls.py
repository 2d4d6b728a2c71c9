"""The site's URLs. Wagtail's come last, as they take whatever is left."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtailadmin_urls

urlpatterns = [
    path("django-admin/", admin.site.urls),
    path("admin/", include(wagtailadmin_urls)),
    path("redpin/", include("django_redpin.urls")),
    path("", include(wagtail_urls)),
]
