"""What gunicorn serves. Unless `BENCH_HANDS_ON` is set, no event is handed on to a queue."""

from __future__ import annotations

import os
from contextlib import ExitStack

from django.core.wsgi import get_wsgi_application

from .app import app as celery_app  # noqa: F401  Makes it Celery's current app.
from .handing_on import left_out

application = get_wsgi_application()

_for_good = ExitStack()
if not os.environ.get("BENCH_HANDS_ON"):
    _for_good.enter_context(left_out())
