"""The app's configuration. Its admin classes are registered by whoever wants them."""

from __future__ import annotations

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """Merchants that share one site's code."""

    name = "example_project.tenants"
    label = "tenants"
    verbose_name = "Tenants"
    default_auto_field = "django.db.models.BigAutoField"
