"""The app's configuration. Its receivers are connected in `tasks`, which `ready` imports."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PropertiesConfig(AppConfig):
    """Meridian Quay's shop."""

    name = "example_project.properties"
    label = "properties"
    verbose_name = _("Meridian Quay")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers: without this import the web process would not know them."""
        import_module("example_project.properties.tasks")
