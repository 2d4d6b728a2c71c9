"""Where a process is killed: a test leaves an order in a folder, and one process takes it.

`kill -9` at a step by its number: a step is the first line of `django_redpin` after anything that
leaves a trace outside, such as a statement, a commit, a call, a message or a signal. Between two of
them it is all the same where a process dies. One that gets to the end tells how many steps there
are, so that a test forgets none.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any, Final

import celery
import django.db
import django.dispatch
import kombu

import django_redpin

_PACKAGE: Final = Path(django_redpin.__file__).parent
# Whatever writes a row, sends a message or tells a receiver, and what decides about it.
_ROOMS: Final = tuple(str(_PACKAGE / room) for room in ("services", "webhooks", "tasks.py"))
# Whoever calls these leaves a trace.
_TRACES: Final = (
    str(Path(django.db.__file__).parent / "transaction.py"),
    str(Path(django.dispatch.__file__).parent),
    str(Path(celery.__file__).parent / "app"),
    str(Path(kombu.__file__).parent),
    str(_PACKAGE / "client"),
)
# Of a database's backend these alone: to word a statement, which a process does once, leaves none.
_BACKENDS: Final = str(Path(django.db.__file__).parent / "backends")
_EFFECTS: Final = frozenset({"commit", "execute", "executemany", "rollback", "set_autocommit"})
_DIED: Final = "died"


class _Steps:
    """Counts the steps of one process, and kills it at the last one."""

    def __init__(self, last: int) -> None:
        self.count = 0
        self._last = last
        self._is_next = True

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        if name.startswith(_BACKENDS):
            self._is_next |= frame.f_code.co_name in _EFFECTS
            return None
        if name.startswith(_TRACES):
            self._is_next = True
            return None
        if not name.startswith(_ROOMS):
            return None
        if event == "line" and self._is_next:
            self._is_next = False
            self.count += 1
            if self.count == self._last:
                die(os.getpid())
        return self


def folder() -> Path:
    return Path(os.environ["REAL_FOLDER"])


def order(place: str, step: int) -> None:
    """Have the next process that comes to this place die at this step, or, with 0, at none.

    A place is "web", or a task's name and the key that it gets.
    """
    _write(f"kill {place}", str(step))


def outcome(seconds: float = 20) -> int | None:
    """Wait for what became of it: None if the process died, or how many steps it did."""
    told = folder() / "outcome"
    deadline = time.monotonic() + seconds
    while not told.exists():
        assert time.monotonic() < deadline, "Nobody came to the place."
        time.sleep(0.005)
    said = told.read_text()
    told.unlink()
    return None if said == _DIED else int(said)


def take(place: str) -> str:
    """Return the order for this place, if there is one; no other process gets it, too."""
    mine = folder() / f"taken by {os.getpid()}"
    try:
        (folder() / f"kill {place}").rename(mine)
    except FileNotFoundError:
        return ""
    return mine.read_text()


def begin(place: str) -> None:
    """Count steps from here, if there is an order for this place."""
    said = take(place)
    if said:
        sys.settrace(_Steps(int(said)))


def end() -> None:
    """Count no more, and tell how many steps there were."""
    steps = sys.gettrace()
    if isinstance(steps, _Steps):
        sys.settrace(None)
        _write("outcome", str(steps.count))


def die(pid: int) -> None:
    """Tell that this process is no more, and make it so."""
    _write("outcome", _DIED)
    os.kill(pid, signal.SIGKILL)


def note(name: str, text: str) -> None:
    """Append a line to a file; a short one is there whole, whoever else does so."""
    file = os.open(folder() / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, f"{text}\n".encode())
    finally:
        os.close(file)


def heard() -> Counter[tuple[str, int]]:
    """Return how often each signal, and "task", came with which transition."""
    return Counter((name, int(pk)) for name, pk in (line.split() for line in noted("heard")))


def noted(name: str) -> list[str]:
    """Return the lines of such a file."""
    path = folder() / name
    return path.read_text().splitlines() if path.exists() else []


def _write(name: str, text: str) -> None:
    """Write a file that is there whole or not at all."""
    draft = folder() / f"draft {os.getpid()}"
    draft.write_text(text)
    draft.rename(folder() / name)
