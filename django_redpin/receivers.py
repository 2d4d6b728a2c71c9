"""Turn a task, Celery's or Django's, into a signal receiver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from celery.local import Proxy
from django.dispatch import Signal

from .models import StatusTransition, WebhookEvent
from .signals import webhook_rejected

Task = TypeVar("Task", bound=Callable[..., Any])


def on(signal: Signal) -> Callable[[Task], Task]:
    """Return a decorator that has the task, Celery's or Django's, enqueued when `signal` is sent.

    ```python
    @on(payment_completed)
    @shared_task
    def release_keys(transition_id): ...
    ```

    The task gets one argument: the primary key of the `StatusTransition`, from which it finds the
    session; or of the `WebhookEvent`, for the two signals that have an event alone. The signal
    comes at least once, so the task may run again with the same key; make its work repeatable.
    Where the broker takes no message, the signal is sent again later.

    Args:
        signal: Any of `django_redpin.signals` but `webhook_rejected`.

    Returns:
        The decorator, which returns the task as it was.

    Raises:
        TypeError: For `webhook_rejected`, which has no transition, and for what is no task: the
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
            _enqueue(task, (transition or event).pk)  # type: ignore[union-attr]

        # Signals hold their receivers weakly; nobody else holds this one.
        signal.connect(enqueue, weak=False)
        return task

    return decorate


def _enqueue(task: Any, pk: int) -> None:
    """Enqueue the task once. Raises where nobody takes it: the signal is then sent again."""
    if hasattr(task, "apply_async"):
        task.apply_async(args=(pk,), retry=False)
    else:
        task.enqueue(pk)


def _require_task(task: object) -> None:
    """Raise `TypeError` for a plain function, which would fail each time the signal is sent."""
    # What @shared_task gives is no task before there is an app; to look at it would make one.
    if issubclass(type(task), Proxy) or hasattr(task, "apply_async") or hasattr(task, "enqueue"):
        return
    name = getattr(task, "__name__", "task")
    raise TypeError(
        f"{name} is no task yet. Write the decorators in this order:\n\n"
        f"    @on(signal)\n    @shared_task\n    def {name}(transition_id): ..."
    )
