"""What gunicorn serves. Unless `BENCH_HANDS_ON` is set, no event is handed on to a queue."""

from __future__ import annotations

import os
from typing import Any

from django.core.wsgi import get_wsgi_application

from .app import app as celery_app  # noqa: F401  Makes it Celery's current app.

application = get_wsgi_application()

if not os.environ.get("BENCH_HANDS_ON"):
    from django_redpin.services import record

    names: dict[str, Any] = vars(record)
    names["enqueue"] = lambda *args: False
