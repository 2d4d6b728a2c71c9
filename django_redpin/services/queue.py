"""Hand a row's primary key to Celery, by the task's name. The queue only makes things faster.

The row says itself that it waits (`next_attempt_at`); where the broker is away, the sweep finds it.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Final

from celery import current_app
from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction

logger = logging.getLogger("django_redpin")

COMPLETE_SESSION: Final = "django_redpin.complete_session"
REGISTER_RECIPIENT: Final = "django_redpin.register_recipient"
PROCESS_EVENT: Final = "django_redpin.process_event"
DISPATCH_TRANSITION: Final = "django_redpin.dispatch_transition"


def enqueue(task_name: str, pk: int) -> bool:
    """Send one message and return whether the broker took it. Never retries.

    Raises nothing but the time limit of the task that it is called in.
    """
    try:
        current_app.signature(task_name, args=(pk,)).apply_async(retry=False)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:  # noqa: BLE001  Whatever a broker's library raises, the row is safe.
        logger.warning("The broker took no %s message (%s).", task_name, type(error).__name__)
        return False
    return True


def enqueue_on_commit(task_name: str, pk: int) -> None:
    """Send the message once the open transaction is committed."""
    transaction.on_commit(partial(enqueue, task_name, pk), robust=True)
