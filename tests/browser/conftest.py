"""Fixtures: Chromium, contexts that are watched, and the example as processes.

Without Playwright (it is in the dependency group `browser`) nothing here is collected; without
Chromium the tests are skipped, loudly, and with CI set they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.real.parts import unavailable

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from .shop import Shop
    from .site import Site
    from .watching import Watch

    NewContext = Callable[..., BrowserContext]

# Milliseconds. A page of processes on a busy machine takes its time.
WAIT: Final = 15_000

collect_ignore_glob = [] if find_spec("playwright") else ["*.py"]


@pytest.hookimpl(tryfirst=True)  # Before what `-m` leaves out.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or the one that CHROMIUM names. Nothing is downloaded."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=WAIT)
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        unavailable("chromium is not installed")
    with sync_playwright() as playwright:
        # What Playwright turns off, and a payer's browser has.
        kept = ["--disable-back-forward-cache"]
        browser = playwright.chromium.launch(executable_path=program, ignore_default_args=kept)
        yield browser
        browser.close()


@pytest.fixture
def watches() -> Iterator[list[Watch]]:
    """The watches of the test's contexts; each has to have nothing to complain about in the end."""
    found: list[Watch] = []
    yield found
    complaints = [said for watch in found for said in watch.complaints]
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def new_context(browser: Browser, watches: list[Watch]) -> Iterator[NewContext]:
    """Return what opens a context, by Playwright's options; it is watched, and closed."""
    from .watching import Watch

    contexts: list[BrowserContext] = []

    def open_context(**options: Any) -> BrowserContext:
        context = browser.new_context(**options)
        context.set_default_timeout(WAIT)
        contexts.append(context)
        watches.append(Watch(context))
        return context

    yield open_context
    for context in contexts:
        context.close()


@pytest.fixture
def context(new_context: NewContext) -> BrowserContext:
    return new_context()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def watch(context: BrowserContext, watches: list[Watch]) -> Watch:
    """The watch of `context`."""
    return watches[0]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def site(context: BrowserContext) -> Site:
    """A merchant's site that the test answers for, with a clock that the test moves."""
    from .site import Site

    return Site(context)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The example and the sandbox as processes, on two sites."""
    from .shop import running_shop

    with running_shop(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


@pytest.fixture(scope="session")
def unfold_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The same with django-unfold's look of the admin."""
    from .shop import running_shop

    pytest.importorskip("unfold")
    folder = tmp_path_factory.mktemp("unfold-shop")
    with running_shop(folder, settings="tests.browser.settings_unfold") as shop:
        yield shop


@pytest.fixture(scope="session")
def slow_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The same with a Redpin that takes a minute for each step of a payment."""
    from .shop import running_shop

    with running_shop(tmp_path_factory.mktemp("slow-shop"), step_seconds=60) as shop:
        yield shop
