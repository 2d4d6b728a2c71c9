"""The app that knows of both: of Oscar's orders and of Redpin's sessions."""

from __future__ import annotations

from django.apps import AppConfig


class PayingConfig(AppConfig):
    name = f"{__package__}"
    label = "paying"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import receivers  # noqa: F401
