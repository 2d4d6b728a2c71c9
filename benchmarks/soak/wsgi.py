"""What gunicorn serves."""

from __future__ import annotations

from django.core.wsgi import get_wsgi_application

from .app import app as celery_app  # noqa: F401  Makes it Celery's current app.

application = get_wsgi_application()
