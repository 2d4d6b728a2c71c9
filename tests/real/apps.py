"""The merchant of the real processes, as a Django app."""

from __future__ import annotations

import importlib
import pkgutil

from django.apps import AppConfig


class RealConfig(AppConfig):
    name = "tests.real"
    label = "real"

    def ready(self) -> None:
        from django_redpin import services

        from . import merchant  # noqa: F401  Connects its receivers.

        # Tasks import them when they first run, which would be in each process that is killed.
        for module in pkgutil.iter_modules(services.__path__, f"{services.__name__}."):
            importlib.import_module(module.name)
