"""The merchant's side of a worker: a task that tells when it starts, and who sends it.

Imported by the worker alone, as it listens to the signals of whoever imports it.
"""

from __future__ import annotations

import os
import socket
import time
from typing import Any

from celery import shared_task

from django_redpin.models import WebhookEvent
from django_redpin.signals import payment_status_changed


@shared_task(name="bench.started")
def started(event_id: str) -> None:
    """Tell the run that the merchant's work on this event starts now."""
    now = time.monotonic()  # The machine's clock, the same in each process.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.sendto(f"{event_id} {now!r}".encode(), os.environ["BENCH_HEARD_AT"])


def send_task(sender: object, event: WebhookEvent | None = None, **kwargs: Any) -> None:
    """Do as merchants do when they hear of a payment: leave the work to a task."""
    if event is not None:
        started.delay(event.event_id)


payment_status_changed.connect(send_task)
