"""Where a process is killed: a test leaves an order in a folder, and one process takes it.

`kill -9` at a line of `django_redpin` by its number, in the order in which lines are first reached.
A process that gets to the end tells how many there are, so that a test forgets none.
"""

from __future__ import annotations

import inspect
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

import django_redpin

_PACKAGE: Final = Path(django_redpin.__file__).parent
# Whatever writes a row, sends a message or tells a receiver, and what decides about it.
_ROOMS: Final = tuple(str(_PACKAGE / room) for room in ("services", "webhooks", "tasks.py"))
_DIED: Final = "died"

_seen: set[tuple[CodeType, int]] = set()


def folder() -> Path:
    return Path(os.environ["REAL_FOLDER"])


def order(place: str, line: int) -> None:
    """Have the next process that comes to this place die at this line, or, with 0, at none.

    A place is "web", or a task's name and the key that it gets.
    """
    _write(f"kill {place}", str(line))


def outcome(seconds: float = 20) -> int | None:
    """Wait for what became of it: None if the process died, or how many lines it saw."""
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
    """Count lines from here, if there is an order for this place."""
    said = take(place)
    if said:
        _seen.clear()
        sys.settrace(_tracer(int(said)))


def end() -> None:
    """Count no more, and tell how many lines there were."""
    if sys.gettrace() is not None:
        sys.settrace(None)
        _write("outcome", str(len(_seen)))


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


def noted(name: str) -> list[str]:
    """Return the lines of such a file."""
    path = folder() / name
    return path.read_text().splitlines() if path.exists() else []


def _tracer(last: int) -> Callable[[FrameType, str, Any], Any]:
    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        # A module's own lines are an import's, which another process has done before.
        if not code.co_flags & inspect.CO_OPTIMIZED or not code.co_filename.startswith(_ROOMS):
            return None
        if event == "line":
            _seen.add((code, frame.f_lineno))
            if len(_seen) == last:
                die(os.getpid())
        return trace

    return trace


def _write(name: str, text: str) -> None:
    """Write a file that is there whole or not at all."""
    draft = folder() / f"draft {os.getpid()}"
    draft.write_text(text)
    draft.rename(folder() / name)
