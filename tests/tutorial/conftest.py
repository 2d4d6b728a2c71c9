"""Fixtures: what is released, built once; a browser; an empty folder, and who reads a page there.

The tests here need minutes and a package index, so they run where this folder is named alone.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import django_redpin
from tests.real.parts import unavailable

from .building import Released, build
from .terminals import Terminals

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HERE: Final = Path(__file__).resolve().parent
# Of this process's environment, what a fresh terminal of anybody has.
_KEPT: Final = ("HOME", "LANG", "LC_ALL", "LOGNAME", "TMPDIR", "USER", "XDG_CACHE_HOME")
_NETWORK: Final = ("PIP_", "SSL_CERT", "REQUESTS_CA", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect these tests for whoever names their folder, or a file in it."""
    named = [Path(each.split("::")[0]).resolve() for each in config.args]
    return None if any(HERE in (each, *each.parents) for each in named) else True


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Released:
    """The wheel and the source distribution, built from the tree."""
    return build(tmp_path_factory.mktemp("released"))


@pytest.fixture(scope="session")
def environment(
    released: Released, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], dict[str, str]]:
    """What a new terminal's environment holds. pip finds our wheel, and no other version.

    Of files and an index that have the same version, pip takes the file.
    """
    constraint = tmp_path_factory.mktemp("pip") / "constraint.txt"
    constraint.write_text(f"django-redpin == {django_redpin.__version__}\n")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.upper().startswith(_NETWORK)
    }
    system = ["/usr/local/bin", "/usr/bin", "/bin"]
    path = [str(Path(sys.base_prefix) / "bin"), *system]
    return lambda: {
        **kept,
        "PATH": os.pathsep.join(path),
        "PIP_CONSTRAINT": str(constraint),
        "PIP_FIND_LINKS": f"{released.wheel.parent} {kept.get('PIP_FIND_LINKS', '')}".strip(),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONUNBUFFERED": "1",
        "TERM": "dumb",
    }


@pytest.fixture
def terminals(tmp_path: Path, environment: Callable[[], dict[str, str]]) -> Iterator[Terminals]:
    """Terminals in an empty folder. What is left running ends with the test."""
    for name in ("project", "logs"):
        (tmp_path / name).mkdir()
    opened = Terminals(tmp_path / "project", environment(), tmp_path / "logs")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or the one that CHROMIUM names. Nothing is downloaded."""
    from playwright.sync_api import sync_playwright

    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        unavailable("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()
