"""The demo's child processes: started together, watched together, and stopped without a rest."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final

# Seconds that a child may take to stop by itself.
PATIENCE: Final = 8.0
_TAIL_LINES: Final = 15
_STEP: Final = 0.05
_COMPLAINT: Final = re.compile(r"\b(ERROR|CRITICAL|WARNING|Traceback)\b|Error\b")


class ChildDied(Exception):
    """A child ended by itself; the text says which one, how, and the end of its log."""


class Child:
    """One process in a session of its own, with its output in a file."""

    def __init__(
        self, name: str, command: Sequence[str], env: Mapping[str, str], log: Path, cwd: Path
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A Ctrl-C reaches the demo alone, which then stops its children in order.
                start_new_session=True,
            )

    @property
    def runs(self) -> bool:
        """Tell whether the process is alive."""
        return self.process.poll() is None

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the process itself; it stops its own children."""
        if self.runs:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        """Kill whatever is left of the process and of those it has started."""
        with suppress(ProcessLookupError, PermissionError):
            # The session's id stays the group's id as long as any member lives.
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def lines(self) -> list[str]:
        """Return the lines of the log."""
        try:
            return self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []

    def tail(self) -> str:
        """Return the last lines of the log, indented."""
        return "\n".join(f"    {line}" for line in self.lines()[-_TAIL_LINES:])


class Children:
    """All children of the demo, as a context: whatever happens inside, none outlives it."""

    def __init__(self, env: Mapping[str, str], logs: Path, cwd: Path) -> None:
        self._env = env
        self._logs = logs
        self._cwd = cwd
        self._children: list[Child] = []

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a child, whose log gets its name."""
        log = self._logs / f"{name}.log"
        self._children.append(Child(name, command, self._env, log, self._cwd))

    def require_running(self) -> None:
        """Return if all children are alive; else raise `ChildDied`."""
        for child in self._children:
            if not child.runs:
                said = child.tail()
                raise ChildDied(
                    f"The {child.name} ended by itself ({_how(child.process.returncode)})."
                    + (f" The end of {child.log}:\n{said}" if said else " Its log is empty.")
                )

    def watch(self, seconds: float) -> None:
        """Wait so long, or until a child dies, which raises `ChildDied`."""
        deadline = time.monotonic() + seconds
        while True:
            self.require_running()
            if time.monotonic() >= deadline:
                return
            time.sleep(_STEP)

    def has_said(self, name: str, text: str) -> bool:
        """Tell whether the log of the child with this name contains the text."""
        return any(
            text in line for child in self._children if child.name == name for line in child.lines()
        )

    def complaints(self) -> list[str]:
        """Return the last line of each log that speaks of an error or a warning."""
        found = []
        for child in self._children:
            lines = [line for line in child.lines() if _COMPLAINT.search(line)]
            if lines:
                found.append(f"{child.log.name}: {lines[-1].strip()}")
        return found

    def stop(self) -> None:
        """Stop all children: ask, wait, then kill what is left."""
        for child in self._children:
            child.ask_to_stop()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and any(child.runs for child in self._children):
            time.sleep(_STEP)
        for child in self._children:
            child.end()
        self._children.clear()

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A second Ctrl-C, while the children stop, must not leave one behind.
        previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        for number in previous:
            signal.signal(number, signal.SIG_IGN)
        try:
            self.stop()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def _how(returncode: int) -> str:
    if returncode >= 0:
        return f"exit status {returncode}"
    return f"killed by {signal.Signals(-returncode).name}"
