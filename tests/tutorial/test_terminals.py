"""Terminals keep what was set in them, notice what goes wrong, and leave nothing running."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.real.parts import wait_for

from .terminals import Terminals


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Terminals]:
    for name in ("project", "logs"):
        (tmp_path / name).mkdir()
    terminals = Terminals(tmp_path / "project", {"PATH": os.environ["PATH"]}, tmp_path / "logs")
    yield terminals
    terminals.close()


def test_what_was_set_is_there_in_the_next_block_and_after_one_that_had_to_fail(
    opened: Terminals,
) -> None:
    opened.type("export NAME='one\ntwo=2'", [])
    opened.type("echo ERRORS:; false", ["ERRORS:"])

    opened.type('echo "$NAME"', ["one", "two=2"])


@pytest.mark.parametrize(
    ("lines", "prints"),
    [("false\ntrue", []), ("echo ERRORS:", ["ERRORS:"]), ("echo this", ["that"])],
    ids=["it fails", "it should fail", "it prints something else"],
)
def test_what_is_not_as_the_page_says_is_told(
    opened: Terminals, lines: str, prints: list[str]
) -> None:
    with pytest.raises(AssertionError):
        opened.type(lines, prints)


def test_what_does_not_end_in_time_is_told_and_ended_with_its_children(
    opened: Terminals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.tutorial.terminals._LONGEST", 0.5)

    with pytest.raises(AssertionError, match=r"(?s)begun.*still runs"):
        opened.type("echo begun\nsleep 600 & echo $! > child\nwait", [])

    child = int((tmp_path / "project/child").read_text())
    wait_for(lambda: not runs(child))


def runs(pid: int) -> bool:
    """Tell whether the process runs; one that has ended may still wait to be buried."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_what_is_left_running_ends_with_its_children_and_one_that_ends_is_told(
    opened: Terminals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.tutorial.terminals._PATIENCE", 0.2)
    lines = "trap '' INT TERM\nsleep 600 & echo $! > child\necho up\nwait"
    opened.leave_running("A second terminal", lines, ["up"])
    child = int((tmp_path / "project/child").read_text())
    assert psutil.pid_exists(child)

    with pytest.raises(AssertionError, match="has ended"):
        opened.leave_running("A third terminal", "echo down", ["up"])
    opened.close()

    wait_for(lambda: not runs(child))
