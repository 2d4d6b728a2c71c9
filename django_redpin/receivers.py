"""Turn a Celery task into a signal receiver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from celery.local import Proxy
from django.dispatch import Signal

from .models import StatusTransition, WebhookEvent
from .signals import webhook_rejected

Task = TypeVar("Task", bound=Callable[..., Any])


def on(signal: Signal) -> Callable[[Task], Task]:
    """Return a decorator that has the Celery task enqueued whenever `signal` is sent.

    ```python
    @on(payment_completed)
    @shared_task
    def release_keys(transition_id): ...
    ```

    The task gets one argument: the primary key of the `StatusTransition`, from which it finds the
    session; or of the `WebhookEvent`, for the two signals that have an event alone. The signal
    comes at least once, so the task may run again with the same key; make its work repeatable.
    Where the broker takes no message, the signal is sent again later.

    Raises `TypeError` for `webhook_rejected`, which has no transition, and for what is no task: the
    function, where `@shared_task` stands above `@on(...)`.
    """
    if signal is webhook_rejected:
        raise TypeError("webhook_rejected has no transition; connect a plain receiver to it.")

    def decorate(task: Task) -> Task:
        _require_task(task)

        def enqueue(
            sender: object,
            *,
            event: WebhookEvent | None,
            transition: StatusTransition | None = None,
            **kwargs: object,
        ) -> None:
            told = transition or event
            task.apply_async(args=(told.pk,))  # type: ignore[attr-defined, union-attr]

        # Signals hold their receivers weakly; nobody else holds this one.
        signal.connect(enqueue, weak=False)
        return task

    return decorate


def _require_task(task: object) -> None:
    """Raise `TypeError` for a plain function, which would fail each time the signal is sent."""
    # What @shared_task gives is no task before there is an app; to look at it would make one.
    if issubclass(type(task), Proxy) or hasattr(task, "apply_async"):
        return
    name = getattr(task, "__name__", "task")
    raise TypeError(
        f"{name} is no Celery task yet. Write the decorators in this order:\n\n"
        f"    @on(signal)\n    @shared_task\n    def {name}(transition_id): ..."
    )
