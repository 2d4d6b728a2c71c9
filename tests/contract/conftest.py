"""The players, one after the other: the sandbox is one process for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.sandbox.conftest import receiver as receiver
from tests.test_sandbox_flow import SECRET, running_sandbox

from .players import OfTheSandbox, Player, the_fake, the_server


@pytest.fixture(scope="session")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sandbox whose payments move when they are told to."""
    with running_sandbox(tmp_path_factory.mktemp("contract"), 3600) as url:
        yield url


def _player(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Player]:
    if request.param == "sandbox":
        url = request.getfixturevalue("sandbox_url")
        player = Player("sandbox", url, SECRET, OfTheSandbox(url))
        _lead_to(player, settings)
        yield player
        player.play.forgive()
        return
    with {"fake": the_fake, "server": the_server}[request.param]() as player:
        _lead_to(player, settings)
        yield player


def _lead_to(player: Player, settings: Settings) -> None:
    settings.DEBUG = True  # Plain HTTP to this machine.
    settings.REDPIN = {
        **settings.REDPIN,
        "BASE_URL": player.url,
        "TOKEN_URL": f"{player.url}/auth/oauth/v2/token",
        "CLIENT_SECRET": player.secret,
        "READ_TIMEOUT": 1,
        "TOTAL_TIMEOUT": 10,
    }


@pytest.fixture(params=["fake", "sandbox", "server"])
def anybody(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Player]:
    """Whoever plays Redpin."""
    yield from _player(request, settings)


@pytest.fixture(params=["fake", "sandbox"])
def player(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Player]:
    """Those who know Redpin's rules, and go wrong by name."""
    yield from _player(request, settings)
