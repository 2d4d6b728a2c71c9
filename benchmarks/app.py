"""The Celery app of what is measured."""

from __future__ import annotations

from celery import Celery

app = Celery("bench")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
