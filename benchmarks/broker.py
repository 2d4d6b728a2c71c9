"""RabbitMQ, and a queue of a run's own, which is gone in the end."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

RABBITMQ: Final = os.environ.get("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")


@contextmanager
def own_queue() -> Iterator[str]:
    """Make this process's current app of Celery send to a new queue; return its name."""
    from tests.real.parts import sender

    from .app import app

    name = f"bench-{uuid.uuid4().hex[:12]}"
    app.conf.task_default_queue = name
    app.set_current()
    with sender(RABBITMQ, name):
        try:
            yield name
        finally:
            app.close()
