"""What a diagnosis consists of: one line for each thing that is right, or is not, with its cure."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from django.db import connections

_T = TypeVar("_T")

OK: Final = "ok"
SKIPPED: Final = "skipped"
WARNING: Final = "warning"
ERROR: Final = "error"
LEVELS: Final = (OK, SKIPPED, WARNING, ERROR)  # From the best to the worst.


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is (`level`), in words, and what to do. No secret is in it."""

    subject: str
    level: str
    text: str
    cure: str = ""


class TooLate(Exception):
    """The work did not end within its time."""


def within(seconds: float, work: Callable[[], _T]) -> _T:
    """Return what the work returns, or raise what it raises; `TooLate` after so many seconds.

    For what can't be bounded otherwise, such as a look-up of a name. It then goes on in a thread
    that keeps no process alive.
    """
    done: list[_T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001  It is raised by whoever waits.
            failed.append(error)
        finally:
            connections.close_all()  # This thread's alone: a cache may be in the database.

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise TooLate
    return done[0]
