"""Fixtures: a Redpin that all processes of a run share, and lanes of real processes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from django_redpin.models import StatusTransition, WebhookEvent
from tests.redpin_server import FakeRedpin, Server

from .lanes import Lane, lane_on
from .parts import wait_for, wait_for_worker

BROKERS = os.environ.get("REAL_BROKERS", "").split()


@pytest.fixture(scope="session")
def _server() -> Iterator[Server]:
    server = Server(FakeRedpin())
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def redpin(_server: Server, settings: Settings) -> FakeRedpin:
    """A Redpin at an address that stays, so that processes may outlive a test."""
    fake = FakeRedpin(url=_server.redpin.url, tokens=_server.redpin.tokens)
    _server.redpin = fake
    settings.DEBUG = True  # Plain HTTP to this machine.
    settings.REDPIN = {
        **settings.REDPIN,
        "BASE_URL": fake.url,
        "TOKEN_URL": f"{fake.url}/auth/oauth/v2/token",
        "HOSTED_PAGE_ORIGINS": [fake.url],
    }
    return fake


@pytest.fixture(scope="session", params=BROKERS or ["none"], ids=lambda url: url.split(":")[0])
def lane_processes(
    request: pytest.FixtureRequest,
    django_db_setup: None,
    _server: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lane]:
    """gunicorn and a worker, once for all tests with this database and this broker."""
    broker = request.param
    if broker == "none":
        pytest.skip("REAL_BROKERS names no broker; `tox run -e services` does.")
    folder = tmp_path_factory.mktemp("lane")
    with lane_on(broker, folder, _server.redpin.url) as lane:
        worker, web = lane.parts.worker(), lane.parts.web("--workers", "2", "--threads", "20")
        web.wait()
        wait_for_worker(worker)
        yield lane.at(web)


@pytest.fixture
def join(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> Callable[[Lane], None]:
    """Make this process one of a lane's own, with nothing left there of the test before."""

    def run(lane: Lane) -> None:
        monkeypatch.setenv("REAL_FOLDER", str(lane.folder))
        for name in ("ended", "heard", "refuse"):
            (lane.folder / name).unlink(missing_ok=True)

    return run


@pytest.fixture
def lane(lane_processes: Lane, redpin: FakeRedpin, join: Callable[[Lane], None]) -> Lane:
    join(lane_processes)
    return lane_processes


@pytest.fixture
def all_told() -> Callable[[], None]:
    """Wait until each event is processed and the transitions that it made are dispatched."""

    waiting = (
        WebhookEvent.objects.filter(processed_at=None),
        StatusTransition.objects.filter(event__isnull=False, dispatched_at=None),
    )

    def run() -> None:
        wait_for(lambda: not any(rows.all().exists() for rows in waiting))

    return run


@pytest.fixture
def let_leases_end() -> Callable[[], None]:
    """Let what events and transitions wait for come: leases end, attempts are due."""

    def run() -> None:
        past = timezone.now() - timedelta(minutes=1)
        for model in (WebhookEvent, StatusTransition):
            model.objects.filter(leased_until__isnull=False).update(leased_until=past)
            model.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=past)

    return run
