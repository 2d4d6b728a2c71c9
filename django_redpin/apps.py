"""The app's entry in INSTALLED_APPS."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _


class RedpinConfig(AppConfig):
    name = "django_redpin"
    label = "redpin"
    verbose_name = _("Redpin payments")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401  Registers the system checks.

        if apps.is_installed("drf_spectacular"):
            from .webhooks import schema  # noqa: F401  Registers what it says of the webhook.
