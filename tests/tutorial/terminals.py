"""The terminals of somebody who follows a page, in one folder."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

# To install everything takes longest; after that nothing takes a minute.
_LONGEST = 240.0
_START: Final = 60.0
_STEP: Final = 0.05
# How long what was left running has to end after each signal.
_PATIENCE = 10.0


class Terminals:
    """The first terminal, whose environment lasts, and those with something left running."""

    def __init__(self, folder: Path, environment: Mapping[str, str], logs: Path) -> None:
        self.folder = folder
        self._fresh = dict(environment)
        self._first = dict(environment)
        self._logs = logs
        self._running: dict[str, tuple[subprocess.Popen[bytes], IO[bytes]]] = {}

    def type(self, lines: str, prints: Sequence[str]) -> None:
        """Run the lines where the last ones ended; fail unless they succeed and print that.

        Lines that are to print "ERRORS:" have to fail instead.
        """
        kept = self._logs / "environment"
        kept.unlink(missing_ok=True)
        script = f"set -e\n{lines}\nset +e\nenv -0 > {kept}\n"
        code, said = self._run(script)
        is_wrong = any(line.startswith("ERRORS:") for line in prints)
        assert code is not None, f"{lines}\n\n{said}\n\nstill runs after {_LONGEST:.0f} seconds"
        assert bool(code) is is_wrong, f"{lines}\n\n{said}"
        assert has_printed(said, prints), f"{lines}\n\n{said}\n\nnot: {prints}"
        if not is_wrong:
            pairs = kept.read_text().rstrip("\0").split("\0")
            self._first = dict(pair.split("=", 1) for pair in pairs)

    def _run(self, script: str) -> tuple[int | None, str]:
        """Return how the script ended, or None where it did not, and what it said.

        Whatever it started has ended then, too.
        """
        log = self._logs / "said"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [_bash(), "-c", script],
                cwd=self.folder,
                env=self._first,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            code: int | None = None
            try:
                with suppress(subprocess.TimeoutExpired):
                    code = process.wait(_LONGEST)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return code, log.read_text(errors="replace")

    def leave_running(self, name: str, lines: str, prints: Sequence[str]) -> None:
        """Run the lines in a terminal of that name, and return once they have printed that.

        What ran there before is stopped first, as by Ctrl-C.
        """
        if name in self._running:
            self._stop(name)
        log = self._logs / f"{name}.log"
        output = log.open("wb")
        process = subprocess.Popen(
            [_bash(), "-ec", lines],
            cwd=self.folder,
            env=self._fresh,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._running[name] = (process, output)
        self.read(name, prints)

    def read(self, name: str, lines: Sequence[str]) -> None:
        """Return once what was left running in that terminal has printed these lines."""
        assert name in self._running, f"nothing was left running in: {name}"
        process, _ = self._running[name]
        log = self._logs / f"{name}.log"
        until = time.monotonic() + _START
        while not has_printed(said := log.read_text(errors="replace"), lines):
            assert process.poll() is None, f"{name} has ended:\n{said}"
            assert time.monotonic() < until, f"{name} does not say {lines}:\n{said}"
            time.sleep(_STEP)

    def said(self) -> str:
        """Return what is on all terminals where something was left running."""
        told = sorted(self._logs.glob("*.log"))
        return "\n".join(f"== {log.stem}\n{log.read_text(errors='replace')}" for log in told)

    def close(self) -> None:
        """End everything that was left running, at once: there is nothing more to be said."""
        for name in list(self._running):
            self._end(*self._running.pop(name))

    def _stop(self, name: str) -> None:
        process, output = self._running.pop(name)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
                process.wait(_PATIENCE)
                break
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        self._end(process, output)

    def _end(self, process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
        # A server's own children are in its group, and may outlive it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        output.close()


def has_printed(output: str, lines: Sequence[str]) -> bool:
    """Tell whether these lines are in the output, in their order; `…` stands for anything."""
    left = iter(output.splitlines())
    wanted = [re.escape(line.strip()).replace("…", ".*") for line in lines if line.strip()]
    return all(any(re.search(each, line) for line in left) for each in wanted)


def _bash() -> str:
    found = shutil.which("bash")
    assert found, "The pages' commands are for bash."
    return found
