"""How any command runs, in this process: how it fails, when it is stopped, and what it shows."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from pytest_django import Settings

from django_redpin.management.commands import redpin_process
from django_redpin.management.running import Watcher, watched
from django_redpin.models import WebhookEvent

pytestmark = pytest.mark.django_db


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def event(key: str, **columns: Any) -> WebhookEvent:
    values = {"next_attempt_at": datetime.now(timezone.utc), **columns}
    return WebhookEvent.objects.create(key=key, body=b"{}", **values)


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, list[int]]]:
    """Take the place of tqdm; note how long each bar is, and how it grew."""
    made: list[tuple[int, list[int]]] = []

    class Bar:
        def __init__(self, grown: list[int]) -> None:
            self.update = grown.append

    @contextmanager
    def tqdm(*, total: int, **options: object) -> Iterator[Bar]:
        assert options["file"] is sys.stderr  # What stdout has may be read by a program.
        grown: list[int] = []
        made.append((total, grown))
        yield Bar(grown)

    monkeypatch.setattr("tqdm.tqdm", tqdm)
    return made


def test_who_looks_at_a_terminal_sees_each_row_of_a_sweep(
    bars: list[tuple[int, list[int]]],
) -> None:
    for key in range(3):
        event(str(key))

    call_command("redpin_process", "--limit", "2", stdout=StringIO(), stderr=Terminal())

    assert bars == [(2, [1, 1])]


def test_who_looks_at_a_terminal_sees_each_row_of_a_redrive(
    bars: list[tuple[int, list[int]]],
) -> None:
    for key in range(2):
        event(str(key), outcome="dead", next_attempt_at=None)
    rate = ("--per-second", "1000")

    for more in (["--dry-run"], ["--verbosity", "0"], []):
        call_command(
            "redpin_redrive", "--outcome=dead", *rate, *more, stdout=StringIO(), stderr=Terminal()
        )
        WebhookEvent.objects.update(outcome="dead", next_attempt_at=None)

    assert bars == [(2, [1, 1])]


@pytest.mark.parametrize("rate", ["0", "-1", "1001", "nan", "often"])
def test_a_rate_that_no_redrive_can_have_is_refused(rate: str) -> None:
    with pytest.raises(CommandError, match="--per-second"):
        call_command("redpin_redrive", "--outcome=dead", f"--per-second={rate}")


def test_without_tqdm_a_terminal_shows_no_bar_and_all_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    event("1")

    call_command("redpin_process", stderr=Terminal())

    assert capsys.readouterr() == ("Done: events 1.\n", "")


def test_a_database_that_fails_is_told_of_in_one_line_that_quotes_no_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: object, **options: object) -> Any:
        raise OperationalError("canary")

    monkeypatch.setattr(redpin_process.Command, "sweep", fail)

    with pytest.raises(CommandError, match=r"can't be used \(OperationalError\)") as raised:
        call_command("redpin_process")
    assert raised.value.returncode == 1
    assert "canary" not in str(raised.value)
    assert raised.value.__suppress_context__  # Nor does a traceback.


def test_settings_that_name_no_account_at_all_are_told_of_in_one_line(settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": ["gulf"]}

    with pytest.raises(CommandError, match="has to be a dict of dicts") as raised:
        call_command("redpin_process", "--account", "gulf")
    assert raised.value.returncode == 1


def test_a_second_signal_is_handed_to_the_system_which_ends_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[tuple[str, object, int]] = []
    monkeypatch.setattr(signal, "signal", lambda number, to: done.append(("to", to, number)))
    monkeypatch.setattr(os, "kill", lambda pid, number: done.append(("kill", pid, number)))
    watcher = Watcher()

    watcher.stop(signal.SIGTERM, None)
    assert (done, watcher.goes_on()) == ([], False)
    watcher.stop(signal.SIGTERM, None)

    assert done == [
        ("to", signal.SIG_DFL, signal.SIGTERM),
        ("kill", os.getpid(), signal.SIGTERM),
    ]


def test_in_a_thread_which_gets_no_signals_a_run_is_watched_all_the_same() -> None:
    goes_on: list[bool] = []

    def run() -> None:
        with watched() as watcher:
            goes_on.append(watcher.goes_on())

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

    assert goes_on == [True]
    assert signal.getsignal(signal.SIGTERM) is before
