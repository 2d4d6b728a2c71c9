"""Whoever begins a long run may watch it: is told of each row that is done, and may end it early.

A run that nobody watches goes on to its bounds. What watches is of the context, not of the process:
a thread beside it is not watched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final


class Watch:
    """Is told of nothing worth telling, and lets a run go on."""

    def note(self, rows: int = 1) -> None:
        """Take down that so many more rows are done."""

    def goes_on(self) -> bool:
        """Tell whether another row may be begun."""
        return True


_watch: Final[ContextVar[Watch]] = ContextVar("redpin_watch", default=Watch())  # noqa: B039


def watch() -> Watch:
    """Return what watches this run."""
    return _watch.get()


@contextmanager
def watched_by(watcher: Watch) -> Iterator[None]:
    """Have the runs inside watched."""
    token = _watch.set(watcher)
    try:
        yield
    finally:
        _watch.reset(token)
