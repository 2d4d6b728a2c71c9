"""Tuition that is paid on a page of Wagtail's."""

from __future__ import annotations

from django.apps import AppConfig


class TuitionConfig(AppConfig):
    name = f"{__package__}"
    label = "tuition"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import receivers  # noqa: F401
