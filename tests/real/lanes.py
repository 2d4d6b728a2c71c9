"""A lane: the processes of one project at work, and the queue between them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from celery import Celery

import django_redpin.tasks  # noqa: F401  The app knows its tasks.

from .parts import Parts, Web, database_url, sender


@dataclass(frozen=True)
class Lane:
    """One project at work."""

    parts: Parts
    app: Celery
    broker: str
    web_url: str = ""

    @property
    def folder(self) -> Path:
        return self.parts.folder

    def at(self, web: Web) -> Lane:
        """Return the lane with this web server."""
        return replace(self, web_url=web.url)

    def send(self, task: str, *args: Any) -> None:
        """Send one message, as the services do, of a task that exists."""
        assert task in self.app.tasks, f"There is no task {task}."
        self.app.send_task(task, args=args)


@contextmanager
def lane_on(broker: str, folder: Path, redpin_url: str, through: str = "") -> Iterator[Lane]:
    """Return a lane on the test's own database, in which no process runs yet.

    `through` is the broker's URL for its processes, where that is another.
    """
    queue = f"redpin-real-{uuid.uuid4().hex[:12]}"
    with (
        sender(broker, queue) as app,
        Parts(
            folder,
            DATABASE_URL=database_url(),
            CELERY_BROKER_URL=through or broker,
            REAL_QUEUE=queue,
            REAL_REDPIN_URL=redpin_url,
        ) as parts,
    ):
        yield Lane(parts, app, broker)
