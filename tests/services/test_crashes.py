"""A process that dies at any line whatever: the next worker ends with one session, and no doubt.

The lines are counted by a first run, so that none is forgotten; the process dies as by `kill -9`.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import requests
from django.db import connection

import django_redpin
from django_redpin.exceptions import OutcomeUnknown, RedpinError
from django_redpin.models import PaymentSession, StatusTransition
from django_redpin.services import create_payment_session
from django_redpin.services.opening import UNFINISHED
from django_redpin.services.sweeps import complete_due_sessions
from tests.redpin_server import FakeRedpin, Handler

State = PaymentSession.State
pytestmark = [
    pytest.mark.usefixtures("no_retries"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="Needs fork."),
]

KILLED = 137
PACKAGE = Path(django_redpin.__file__).parent
ROOMS = tuple(str(PACKAGE / room) for room in ("services", "client"))


def run_until(line: int, work: Callable[[], object]) -> int | None:
    """Run the work in a process of its own, which dies at its line of this number.

    Returns None if it died there, or else how many lines it has.
    """
    reading, writing = os.pipe()
    connection.close()  # A connection belongs to one process.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # The server's threads do no harm.
        child = os.fork()
    if child == 0:
        seen: set[tuple[object, ...]] = set()

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            if not frame.f_code.co_filename.startswith(ROOMS):
                return None
            if event == "line":
                # A line counts anew for each place that its function is called from.
                caller = frame.f_back.f_lineno if frame.f_back else 0
                seen.add((frame.f_code, frame.f_lineno, caller))
                if len(seen) == line:
                    os._exit(KILLED)
            return trace

        try:
            sys.settrace(trace)
            with contextlib.suppress(RedpinError):  # An outcome; the parent looks at the row.
                work()
            sys.settrace(None)
            os.write(writing, str(len(seen)).encode())
        finally:  # Whatever happens, this process goes no further.
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) == KILLED:
        return None
    return int(said)


def lose_the_answer(handler: Handler) -> None:
    handler.redpin.store(handler.call.json, "0201001008132685")
    handler.hang_up()


def never_arrive(handler: Handler) -> None:
    handler.hang_up()


def hear_out(redpin: FakeRedpin, ours: int) -> None:
    """Wait until the server has read all that a process sent before it died."""
    # Connections are taken in their order: once this one is, the dead one's were.
    requests.get(f"{redpin.url}/ping", timeout=10)
    deadline = time.monotonic() + 10
    while redpin.connections > ours and time.monotonic() < deadline:
        time.sleep(0.001)


@pytest.fixture
def crash_everywhere(
    redpin: FakeRedpin, arguments: dict[str, Any], let_time_pass: Callable[[timedelta], None]
) -> Callable[[Callable[[], object], Callable[[], object]], int]:
    """Let `work` die at each of its lines in turn, each time after `prepare`, and be completed."""

    def start_over(prepare: Callable[[], object]) -> None:
        StatusTransition.objects.all().delete()
        PaymentSession.objects.update(renews=None)
        PaymentSession.objects.all().delete()
        redpin.sessions.clear()
        redpin.calls.clear()
        prepare()

    def check(line: int) -> None:
        for _ in range(6):
            if not PaymentSession.objects.filter(state__in=UNFINISHED).exists():
                break
            let_time_pass(timedelta(hours=2))
            complete_due_sessions()
        rows = list(PaymentSession.objects.all())
        if not rows:
            assert not redpin.sessions, f"line {line}: a session nobody knows of"
            return
        (live,) = (row for row in rows if row.state != State.SUPERSEDED)
        assert (live.state, live.review_reason) == (State.OPEN, ""), f"line {line}"
        assert live.session_url, f"line {line}"
        linked = {row.client_reference_id: row.session_id for row in rows}
        listed = {ref: record["session_id"] for ref, record in redpin.sessions.items()}
        assert linked == listed, f"line {line}"
        opened = StatusTransition.objects.filter(session=live, to_value=State.OPEN)
        assert opened.count() == 1, f"line {line}"
        if redpin.list_shows_url:
            assert len(rows) == len(redpin.sessions) == 1, f"line {line}"

    def run(work: Callable[[], object], prepare: Callable[[], object] = lambda: None) -> int:
        start_over(prepare)
        lines = run_until(0, work)
        assert lines is not None
        for line in range(1, lines + 1):
            start_over(prepare)
            ours = redpin.connections
            run_until(line, work)
            hear_out(redpin, ours)
            check(line)
        return lines

    return run


@pytest.mark.parametrize("list_shows_url", [True, False])
def test_b15_a_create_call_that_dies_at_any_line_ends_with_one_session(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    crash_everywhere: Callable[..., int],
    list_shows_url: bool,
) -> None:
    redpin.list_shows_url = list_shows_url

    lines = crash_everywhere(lambda: create_payment_session(**arguments, idempotency_key="order-1"))

    assert lines > 200


@pytest.mark.parametrize("fate", [lose_the_answer, never_arrive])
@pytest.mark.parametrize("list_shows_url", [True, False])
def test_b15_a_completer_that_dies_at_any_line_ends_with_one_session(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    crash_everywhere: Callable[..., int],
    let_time_pass: Callable[[timedelta], None],
    list_shows_url: bool,
    fate: Callable[[Handler], None],
) -> None:
    redpin.list_shows_url = list_shows_url

    def die_unanswered() -> None:
        redpin.create_script.append(fate)
        redpin.list_script.extend([never_arrive] * 2)
        with pytest.raises(OutcomeUnknown):
            create_payment_session(**arguments, idempotency_key="order-1")
        redpin.list_script.clear()
        let_time_pass(timedelta(hours=2))

    lines = crash_everywhere(complete_due_sessions, die_unanswered)

    assert lines > 100


def test_b14_a_deferred_session_whose_worker_dies_at_any_line_is_created_once(
    redpin: FakeRedpin, arguments: dict[str, Any], crash_everywhere: Callable[..., int]
) -> None:
    redpin.list_shows_url = True

    lines = crash_everywhere(
        complete_due_sessions,
        lambda: create_payment_session(**arguments, idempotency_key="order-1", defer=True),
    )

    assert lines > 100
