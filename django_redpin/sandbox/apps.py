"""The sandbox's Django app. It stands beside the merchant's app, never inside its tables."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RedpinSandboxConfig(AppConfig):
    name = "django_redpin.sandbox"
    label = "redpin_sandbox"
    verbose_name = _("Redpin sandbox")
    default_auto_field = "django.db.models.BigAutoField"
