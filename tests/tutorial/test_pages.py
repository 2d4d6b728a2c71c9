"""The pages for newcomers, followed word by word: each ends with an order that is paid."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.real.parts import answers, free_port

from .browsing import Person
from .building import ROOT
from .reading import Action, Commands, File, Said, Step, Visit, steps_of
from .terminals import Terminals

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# The ports that Django and the sandbox take by themselves.
SITE: Final = 8000
SANDBOX: Final = 8001


def as_written_or_elsewhere(text: str) -> str:
    """Return the page's text, with other ports only where another program has the usual ones."""
    if not answers(SITE) and not answers(SANDBOX):
        return text
    site, sandbox = free_port(), free_port()
    at = f"--port {sandbox} --site http://127.0.0.1:{site}"
    return (
        text.replace(f":{SITE}", f":{site}")
        .replace(f":{SANDBOX}", f":{sandbox}")
        .replace("manage.py runserver", f"manage.py runserver {site}")
        .replace("manage.py redpin_sandbox", f"manage.py redpin_sandbox {at}")
    )


class Reader:
    """Follows a page: writes its files, types its commands, and opens its pages."""

    def __init__(self, terminals: Terminals, window: Page, name: str) -> None:
        self._terminals = terminals
        self._window = window
        self._person = Person(window)
        self._name = name
        self._visits = 0

    def follow(self, steps: Sequence[Step]) -> None:
        for step in steps:
            match step:
                case File():
                    self._write(step)
                case Commands(text, "", prints):
                    self._terminals.type(text, prints)
                case Commands(text, terminal, prints):
                    self._terminals.leave_running(terminal, text, prints)
                case Said(terminal, lines):
                    self._terminals.read(terminal, lines)
                case Visit(actions):
                    self._visit(actions)

    def _write(self, file: File) -> None:
        path = self._terminals.folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text() if file.is_added else ""
        path.write_text(before + file.text)

    def _visit(self, actions: Sequence[Action]) -> None:
        for action in actions:
            self._person.do(action)
        self._visits += 1
        if pictures := os.environ.get("SCREENSHOTS"):
            path = Path(pictures) / f"{self._name}-{self._visits}.png"
            self._window.screenshot(path=path, full_page=True)


@pytest.mark.parametrize("name", ["quickstart", "tutorial"])
def test_who_follows_the_page_word_by_word_has_an_order_that_is_paid(
    name: str, terminals: Terminals, browser: Browser
) -> None:
    steps = steps_of(as_written_or_elsewhere((ROOT / f"docs/{name}.md").read_text()))
    done = [action for step in steps if isinstance(step, Visit) for action in step.actions]
    pay = next(n for n, action in enumerate(done) if action.what == "Pay" and action.is_in_frame)
    assert any(a.verb == "reload" and a.what.endswith("is paid") for a in done[pay:])

    try:
        Reader(terminals, browser.new_page(), name).follow(steps)
    except AssertionError as problem:
        raise AssertionError(f"{problem}\n\n{terminals.said()}") from problem
