from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("redpin/", include("django_redpin.urls"))]
