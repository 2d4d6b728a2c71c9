"""Have a row worked on soon: by Celery, by Django's tasks, or in this process.

The queue only makes things faster. The row says itself that it waits (`next_attempt_at`); where a
message is lost, or none was taken, the sweep finds it. A primary key is all that travels.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Final

from celery import current_app
from django.db import connection, transaction
from django.utils.module_loading import import_string

from ..conf import project_settings
from ..exceptions import ConfigurationError
from ..exceptions.interrupts import is_interrupt
from ..models import StatusTransition
from ..telemetry import LogEvent, tell
from .inline import do_later
from .publisher import publish

logger: logging.Logger = logging.getLogger("django_redpin")

COMPLETE_SESSION: Final = "django_redpin.complete_session"
REGISTER_RECIPIENT: Final = "django_redpin.register_recipient"
PROCESS_EVENT: Final = "django_redpin.process_event"
DISPATCH_TRANSITION: Final = "django_redpin.dispatch_transition"


class Kept(deque[int]):
    """The primary keys of the transitions that a worker tells itself, and the `rows` it has."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[int, StatusTransition] = {}


_kept: ContextVar[Kept | None] = ContextVar("redpin_kept", default=None)


def enqueue(task_name: str, pk: int) -> bool:
    """Try to have the task done soon. Whether it will be is the row's affair, not this one's.

    Returns whether a queue surely took it, which nobody needs to look at; False may mean: not yet.
    Never retries, and with Celery never takes longer than `publisher.PATIENCE`. Raises nothing but
    the time limit of the task that it is called in.
    """
    kept = _kept.get()
    if kept is not None and task_name == DISPATCH_TRANSITION:
        # Whatever the queue: who wrote it has claimed it for this worker.
        kept.append(pk)
        return True
    try:
        return _WAYS[project_settings().webhook_processing](task_name, pk)
    except Exception as error:
        if is_interrupt(error):
            raise
        reason = error if isinstance(error, ConfigurationError) else type(error).__name__
        tell(
            logger,
            LogEvent.TASK_LEFT,
            "%s is left to the sweep: %s",
            task_name,
            reason,
            task=task_name,
            row=pk,
            failure=type(error).__name__,
        )
        return False


def enqueue_on_commit(task_name: str, pk: int) -> None:
    """Enqueue the task once the open transaction is committed.

    With autocommit off, and outside a block of Django's, nobody tells when that is: the sweep does
    it then.
    """
    if not connection.in_atomic_block and not connection.get_autocommit():
        return
    transaction.on_commit(partial(enqueue, task_name, pk), robust=True)


@contextmanager
def keeping_transitions(transitions: Kept) -> Iterator[None]:
    """Give Celery no transition meanwhile: collect them for this worker to tell.

    Whoever writes one claims it by that (`is_keeping`).
    """
    token = _kept.set(transitions)
    try:
        yield
    finally:
        _kept.reset(token)


def is_keeping() -> bool:
    """Tell whether a transition that is written now is told by this worker, once committed."""
    return _kept.get() is not None


def keep_row(transition: StatusTransition) -> None:
    """Spare the worker that tells of it a look at it."""
    kept = _kept.get()
    if kept is not None:
        kept.rows[transition.pk] = transition


def _by_celery(task_name: str, pk: int) -> bool:
    # The app is that of this thread; the publisher's knows none.
    signature = current_app.signature(task_name, args=(pk,))
    send = partial(signature.apply_async, retry=False)
    if current_app.conf.task_always_eager:
        send()
        return True
    return publish(task_name, send)


def _by_django_task(task_name: str, pk: int) -> bool:
    import_string(task_name.replace(".", ".django_tasks.")).enqueue(pk)
    return True


_WAYS: Final[dict[str, Callable[[str, int], bool]]] = {
    "task": _by_celery,
    "django_task": _by_django_task,
    "inline": do_later,
}
