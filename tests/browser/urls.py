"""The example's URLs, and those by which a test sets the stage."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("stage/", include("tests.browser.stage.urls")),
    path("", include("example_project.urls")),
]
