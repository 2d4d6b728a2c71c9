"""The app's entry in INSTALLED_APPS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


class RedpinConfig(AppConfig):
    name = "django_redpin"
    label = "redpin"
    verbose_name: _StrOrPromise = _("Redpin payments")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, encryption_checks  # noqa: F401  Registers the system checks.

        if apps.is_installed("drf_spectacular"):
            # What it says of the sessions' views, and of the webhook's.
            from .rest import schema  # noqa: F401
            from .webhooks import schema as webhook_schema  # noqa: F401
