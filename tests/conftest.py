"""Fixtures: a Redpin over real HTTP, payees, the arguments of a right call, and a settler."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import pytest
from celery.contrib.testing.worker import start_worker
from django.core.cache import cache
from moneyed import Money
from pytest_django import Settings

from django_redpin.client import api, breaker, retries
from django_redpin.models import PaymentSession, Recipient
from django_redpin.services import Item, Share, publisher
from django_redpin.services.sweeps import dispatch_due_transitions, process_due_events
from django_redpin.webhooks import failures

from .celery import app as celery_app  # Makes it Celery's current app.
from .redpin_server import FakeRedpin, Server

# With --by-pair, and where tox has both ends of the matrix: the newest pair runs every case of each
# test; the oldest one case of each that is not heavy. Of those between, two bring in the Pythons
# and the Django that neither end has, and run one case of what may depend on the pair; the others
# put together what was seen apart, and run one test of each module. Where tox has not both ends,
# each pair runs all.
_OLDEST: Final = "py310-django52"
_NEWEST: Final = "py313-django61"
_BETWEEN: Final = ("py311-django52", "py312-django60")
_HERE: Final = Path(__file__).parent
_THE_SAME_FOR_ALL: Final = (
    *("client", "contract", "docs", "faults", "fuzz", "model", "rules", "sandbox", "testing"),
    *("test_architecture", "test_changelog", "test_contributing", "test_docs", "test_gate"),
    *("test_packaging", "test_reference", "test_release", "test_sandbox_", "test_workflows"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--by-pair", action="store_true", help="run what only this pair can tell")
    parser.addoption(
        "--one-case",
        action="store_true",
        default=bool(os.environ.get("ONE_CASE")),
        help="run one case of each test, as with ONE_CASE=1 in the environment",
    )
    parser.addoption("--with-database", action="store_true", help="run what uses a database")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    name = str(collection_path.relative_to(_HERE)) if collection_path != _HERE else ""
    is_left_out = name.startswith(_THE_SAME_FOR_ALL) and _pair(config) not in (_OLDEST, _NEWEST)
    return True if is_left_out else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what this run is for."""
    pair = _pair(config)
    if pair != _NEWEST:
        _keep(config, items, lambda item: item.get_closest_marker("heavy") is None)
    if pair != _NEWEST or config.getoption("--one-case"):
        _keep_the_first(config, items, lambda item: item.nodeid.partition("[")[0])
    if pair not in (_NEWEST, _OLDEST, *_BETWEEN):
        _keep_the_first(config, items, lambda item: item.nodeid.partition("::")[0])
    if config.getoption("--with-database"):
        _keep(config, items, _uses_database)


def _pair(config: pytest.Config) -> str:
    """Return the pair that is run for what only it can tell; else the newest, which runs all."""
    pythons = f":{os.environ.get('PYENV_VERSION', '')}"
    has_both_ends = ":3.10." in pythons and ":3.13." in pythons
    is_one_of_many = config.getoption("--by-pair") and has_both_ends
    return os.environ.get("TOX_ENV_NAME", _NEWEST) if is_one_of_many else _NEWEST


def _uses_database(item: pytest.Item) -> bool:
    fixtures = {"db", "transactional_db", "live_server"}
    names = getattr(item, "fixturenames", ())
    return bool(item.get_closest_marker("django_db")) or not fixtures.isdisjoint(names)


def _keep_the_first(
    config: pytest.Config, items: list[pytest.Item], name: Callable[[pytest.Item], str]
) -> None:
    """Keep the first of those of one name."""
    first = {name(item): item for item in reversed(items)}
    _keep(config, items, lambda item: first[name(item)] is item)


def _keep(
    config: pytest.Config, items: list[pytest.Item], is_kept: Callable[[pytest.Item], bool]
) -> None:
    left_out = [item for item in items if not is_kept(item)]
    items[:] = [item for item in items if is_kept(item)]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="module")
def worker_thread() -> Iterator[None]:
    """A real Celery worker. It takes seconds to stop, and so serves all tests of a module."""
    level = logging.root.level
    celery_app.control.purge()  # What other tests sent, about rows that are no more.
    with start_worker(celery_app, perform_ping_check=False, pool="solo", shutdown_timeout=30):
        logging.root.setLevel(level)  # The worker lets nothing below ERROR through.
        yield
    logging.root.setLevel(level)


@pytest.fixture(autouse=True)
def _no_call_is_remembered() -> Iterator[None]:
    """Keep tokens, circuits, budgets and refusals of one test out of the next."""
    celery_app.set_current()  # Another app becomes that by being imported.
    cache.clear()
    failures.reset()
    breaker.reset()
    retries.reset()
    api._providers.clear()
    yield
    api._providers.clear()


@pytest.fixture(autouse=True)
def _the_broker_has_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for each message however busy the machine is, and forget the broker of the last test."""
    publisher._publisher.flush(5)  # What it still says would stand in the next test's log.
    monkeypatch.setattr(publisher, "PATIENCE", 10)
    vars(publisher._publisher).update(_open_until=0.0, _is_slow=False, _is_told=False)


@pytest.fixture
def redpin(settings: Settings) -> Iterator[FakeRedpin]:
    """A Redpin on this machine, and settings that lead to it."""
    fake = FakeRedpin()
    server = Server(fake)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    settings.DEBUG = True  # Plain HTTP to this machine.
    settings.REDPIN = {
        **settings.REDPIN,
        "BASE_URL": fake.url,
        "TOKEN_URL": f"{fake.url}/auth/oauth/v2/token",
        "HOSTED_PAGE_ORIGINS": [fake.url],
        "CONNECT_TIMEOUT": 1,
        "READ_TIMEOUT": 1,
        "TOTAL_TIMEOUT": 5,
    }
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def escrow(db: None) -> Recipient:
    return Recipient.objects.create(
        name="Escrow", country_code="ARE", currency="AED", recipient_id="501"
    )


@pytest.fixture
def agent(db: None) -> Recipient:
    return Recipient.objects.create(
        name="Agent",
        country_code="ARE",
        currency="AED",
        bank_details={"iban": "AE070331234567890123456"},
    )


@pytest.fixture
def arguments(escrow: Recipient, agent: Recipient) -> dict[str, Any]:
    """The arguments of a call that breaks no rule."""
    return {
        "client_customer_ref": "CUST_001",
        "amount": Money("250000.00", "AED"),
        "due_date": datetime.now(timezone.utc).date() + timedelta(days=10),
        "purpose_of_transaction": "PROPERTY_PURCHASE",
        "recipients": [
            Share(escrow, Money("245000.00", "AED")),
            Share(agent, Money("5000.00", "AED")),
        ],
        "items": [Item("UNIT-1204", "Deposit, unit 1204", Money("250000.00", "AED"))],
    }


@pytest.fixture
def no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the client neither budget nor circuit, which have their own tests: failures count."""
    monkeypatch.setattr(retries.RetryBudget, "withdraw", lambda self: False)
    monkeypatch.setattr(breaker, "_FAILURES_IN_A_ROW", 10**6)
    monkeypatch.setattr(breaker, "_FEWEST_CALLS", 10**6)


@pytest.fixture
def let_time_pass() -> Callable[[timedelta], None]:
    """Let what rows wait for come: leases end, attempts are due, Redpin's list is sure."""

    def run(time: timedelta) -> None:
        for row in (*PaymentSession.objects.all(), *Recipient.objects.all()):
            names = ("leased_until", "next_attempt_at", "unanswered_at")
            for name in names:
                if getattr(row, name) is not None:
                    setattr(row, name, getattr(row, name) - time)
            row.save(update_fields=names)

    return run


@pytest.fixture
def settle() -> Callable[[], None]:
    """Do what the worker would: process and dispatch until nothing is due."""

    def run() -> None:
        while process_due_events() + dispatch_due_transitions():
            pass

    return run
