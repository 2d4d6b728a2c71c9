"""A process that dies right after any of its effects, as by `kill -9`.

Between two effects nothing changes but its own memory, which dies with it: whichever line it dies
at, the world is left as right after the last effect. They are counted by a first run.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import time
import warnings
from collections.abc import Callable
from typing import Any, Final

import pytest
import requests
from django.db import connection

from django_redpin.exceptions import RedpinError

from .redpin_server import FakeRedpin

KILLED: Final = 137
NEEDS_FORK: Final = pytest.mark.skipif(not hasattr(os, "fork"), reason="Needs fork.")


def run_until(effect: int, work: Callable[[], object]) -> int | None:
    """Run the work in a process of its own, which dies right after its effect of this number.

    An effect is a statement that writes, a commit, or bytes sent to Redpin. Returns None if it died
    there, or else how many effects it has.
    """
    reading, writing = os.pipe()
    connection.close()  # A connection belongs to one process.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # The server's threads do no harm.
        child = os.fork()
    if child == 0:
        try:
            effects = _die_after(effect)
            with contextlib.suppress(RedpinError):  # An outcome; the parent looks at the row.
                work()
            os.write(writing, str(len(effects)).encode())
        finally:  # Whatever happens, this process goes no further.
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) == KILLED:
        return None
    return int(said)


def _die_after(last: int) -> list[str]:
    """Have this process die after so many effects; return the list that is made of them."""
    effects: list[str] = []

    def note(effect: str) -> None:
        effects.append(effect)
        if len(effects) == last:
            os._exit(KILLED)

    def then_note(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def wrapped(*arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            note(name)
            return result

        setattr(owner, name, wrapped)

    def noting_writes(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        result = execute(sql, params, many, context)
        if not sql.lstrip().upper().startswith("SELECT"):
            note(sql)
        return result

    connection.execute_wrappers.append(noting_writes)
    then_note(connection, "_commit")
    then_note(http.client.HTTPConnection, "send")
    return effects


def hear_out(redpin: FakeRedpin, ours: int) -> None:
    """Wait until the server has read all that a process sent before it died."""
    # Connections are taken in their order: once this one is, the dead one's were.
    requests.get(f"{redpin.url}/ping", timeout=10)
    deadline = time.monotonic() + 10
    while redpin.connections > ours and time.monotonic() < deadline:
        time.sleep(0.001)
