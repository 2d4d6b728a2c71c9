"""A person at a browser: opens, presses, types, sees. Pages may take their time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from playwright.sync_api import Error, expect

from .reading import Action

if TYPE_CHECKING:
    from playwright.sync_api import FrameLocator, Locator, Page, Response

# Seconds.
PATIENCE: Final = 30.0
_PAUSE: Final = 0.3


class Person:
    """Does what a page tells in one window."""

    def __init__(self, page: Page) -> None:
        self._page = page
        page.set_default_timeout(PATIENCE * 1000)

    def do(self, action: Action) -> None:
        """Do it, or fail with what was to be done."""
        try:
            getattr(self, f"_{action.verb}")(action)
        except (Error, AssertionError) as problem:
            text = self._page.locator("body").inner_text()
            raise AssertionError(f"{action}\n{problem}\n\nThe page says:\n{text}") from problem

    def _open(self, action: Action) -> None:
        self._load(lambda: self._page.goto(action.what))

    def _reload(self, action: Action) -> None:
        until = time.monotonic() + PATIENCE
        while not self._at(action).get_by_text(action.what).first.is_visible():
            assert time.monotonic() < until
            time.sleep(_PAUSE)
            self._load(self._page.reload)

    def _load(self, load: Callable[[], Response | None]) -> None:
        """A server that has just seen its files change is away for a moment: try again."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                answer = load()
            except Error:
                assert time.monotonic() < until
                time.sleep(_PAUSE)
            else:
                assert answer is None or answer.ok, f"{answer.status} {answer.url}"
                return

    def _press(self, action: Action) -> None:
        at = self._at(action)
        name = re.compile(rf"^\s*{re.escape(action.what)}\s*$")
        # A button where there is one, and else a link.
        button = at.get_by_role("button", name=name)
        button.or_(at.get_by_role("link", name=name)).first.click()

    def _type(self, action: Action) -> None:
        self._at(action).get_by_label(action.where).first.fill(action.what)

    def _choose(self, action: Action) -> None:
        self._at(action).get_by_label(action.where).first.select_option(label=action.what)

    def _see(self, action: Action) -> None:
        shown = self._at(action).get_by_text(action.what).first
        expect(shown).to_be_visible(timeout=PATIENCE * 1000)

    def _at(self, action: Action) -> Page | FrameLocator | Locator:
        return self._page.frame_locator("iframe") if action.is_in_frame else self._page
