"""The tests' Celery app: a real broker transport, in memory."""

from __future__ import annotations

from celery import Celery

app = Celery("tests")
app.config_from_object(
    {
        "broker_url": "memory://",
        "broker_connection_retry_on_startup": True,
        "task_ignore_result": True,
        "worker_hijack_root_logger": False,
    }
)
app.set_default()
app.autodiscover_tasks(["django_redpin", "example_project.properties"])
