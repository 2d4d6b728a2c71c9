"""The app of the workers: `celery -A benchmarks.worker worker`."""

from __future__ import annotations

import django

from .app import app as app

django.setup()

from . import merchant  # noqa: E402, F401  Its receiver needs the models.
