"""The Celery app of the real workers: `celery -A tests.real.app worker`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from celery import Celery
from celery.signals import task_postrun, task_prerun

from . import kill_points

app = Celery("real")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_prerun.connect
def _begin(sender: Any, args: Sequence[Any], **kwargs: object) -> None:
    kill_points.begin(_place(sender, args))


@task_postrun.connect
def _end(sender: Any, args: Sequence[Any], **kwargs: object) -> None:
    kill_points.end()
    kill_points.note("ended", _place(sender, args))


def _place(task: Any, args: Sequence[Any]) -> str:
    return " ".join(map(str, (task.name, *args)))
