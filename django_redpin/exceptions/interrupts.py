"""What must pass through whoever catches any exception of a stranger's code."""

from __future__ import annotations

from typing import Final

# Told by its name, as neither the accounts nor the client know Celery. That of other runners
# (gevent, eventlet, dramatiq) is no `Exception`, so that nobody catches it by mistake.
_TIME_LIMIT: Final = "SoftTimeLimitExceeded"


def is_interrupt(error: BaseException) -> bool:
    """Tell whether the error is Celery's soft time limit, which strikes in any line of a task.

    It asks the task to end. Taken for a failure of that line, the task goes on until it is killed.
    """
    return any(kind.__name__ == _TIME_LIMIT for kind in type(error).__mro__)
