"""What gunicorn serves: the project, and the points at which a test has its process killed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from . import kill_points
from .app import app as celery_app  # noqa: F401  Makes it Celery's current app.

_project = get_wsgi_application()
# Else views are imported by the first request, which would be in each process that is killed.
_patterns = get_resolver().url_patterns


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer as the project does, if the process lives so long."""
    kill_points.begin("web")
    try:
        response: Iterable[bytes] = _project(environ, start_response)
    finally:
        kill_points.end()
    return _Answered(response) if kill_points.take("answered") else response


class _Answered:
    """An answer after whose last byte the process is killed."""

    def __init__(self, response: Iterable[bytes]) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._response)

    def close(self) -> None:
        kill_points.die(os.getpid())
