"""No worker at all: what would be enqueued is done in this process, after the answer is sent.

A web server closes a response once its body is sent; what was collected meanwhile is done then.
Elsewhere signals are sent after the commit, and what calls Redpin is left to the sweep: there a
payer waits, or a person in the admin. What fails is left to the sweep, as with a queue.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial, wraps
from typing import Final, ParamSpec, TypeVar

from django.db import transaction
from django.http import HttpResponseBase
from django.utils.module_loading import import_string

from ..exceptions.interrupts import is_interrupt
from ..telemetry import LogEvent, tell

logger: logging.Logger = logging.getLogger("django_redpin")

_P = ParamSpec("_P")
_Response = TypeVar("_Response", bound=HttpResponseBase)

# Where each verb lives. They are imported when they are called: they enqueue, too.
_AFTER_COMMIT: Final = {
    "django_redpin.dispatch_transition": "django_redpin.services.dispatch.dispatch_transition",
}
_AFTER_RESPONSE: Final = {
    "django_redpin.process_event": "django_redpin.services.process.process_event",
    **_AFTER_COMMIT,
}


class _Work(deque[tuple[str, int]]):
    """Task names and primary keys, of the tasks in `verbs` alone."""

    __slots__ = ("verbs",)

    def __init__(self, verbs: Mapping[str, str]) -> None:
        super().__init__()
        self.verbs = verbs


_collected: ContextVar[_Work | None] = ContextVar("redpin_collected", default=None)


def do_later(task_name: str, pk: int) -> bool:
    """Do it after the response, else after the commit; return False for what the sweep has to do.

    Sessions and recipients are always left to the sweep, events are outside `after_response`.
    """
    work = _collected.get()
    is_at_once = work is None
    if work is None:
        work = _Work(_AFTER_COMMIT)
    if task_name not in work.verbs:
        return False
    work.append((task_name, pk))
    if is_at_once:
        # Outside a transaction that is now.
        transaction.on_commit(partial(_do, work), robust=True)
    return True


def after_response(view: Callable[_P, _Response]) -> Callable[_P, _Response]:
    """Decorate a view: what it has to be done later is done once its answer has been sent."""

    @wraps(view)
    def collect(*args: _P.args, **kwargs: _P.kwargs) -> _Response:
        work = _Work(_AFTER_RESPONSE)
        token = _collected.set(work)
        try:
            response = view(*args, **kwargs)
        finally:
            _collected.reset(token)
        if work:
            close = response.close

            def close_after_work() -> None:
                # Before Django is told that the request is over, which closes its connections.
                try:
                    _do(work)
                finally:
                    close()

            response.close = close_after_work  # type: ignore[method-assign]
        return response

    return collect


def _do(work: _Work) -> None:
    """Do the work, and after it what it brings about, one thing after the other."""
    token = _collected.set(work)
    try:
        while work:
            task_name, pk = work.popleft()
            try:
                import_string(work.verbs[task_name])(pk)
            except Exception as error:
                if is_interrupt(error):
                    raise
                tell(
                    logger,
                    LogEvent.TASK_FAILED,
                    "%s(%s) failed; its row waits for the sweep.",
                    task_name,
                    pk,
                    exc_info=True,
                    task=task_name,
                    row=pk,
                    failure=type(error).__name__,
                )
    finally:
        _collected.reset(token)
