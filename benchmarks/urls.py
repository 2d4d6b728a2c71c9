"""The URLs of what is measured, and of what it is measured against."""

from __future__ import annotations

from django.apps import apps
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from .peers import plain_admin, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("plain/", plain_admin.site.urls),
    path("redpin/", include("django_redpin.urls")),
    path("bare/<slug:reference>/", views.bare),
    path("task/<slug:reference>/", views.task),
    path("raw/<slug:reference>/", views.raw),
    path("rest/<slug:reference>/", views.Rest.as_view()),
]
if apps.is_installed("djstripe"):
    urlpatterns.append(path("stripe/", include("djstripe.urls", namespace="djstripe")))
