"""The merchant of the real processes, as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class RealConfig(AppConfig):
    name = "tests.real"
    label = "real"

    def ready(self) -> None:
        from . import merchant  # noqa: F401  Connects its receivers.
