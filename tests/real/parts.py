"""The parts: how each process is started, waited for and ended, by its own id."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import urlsplit

import pytest
from celery import Celery
from django.conf import settings
from kombu import Exchange, Queue

from example_project.demo.processes import PATIENCE, Child

ROOT: Final = Path(__file__).resolve().parents[2]
Found = TypeVar("Found")


def wait_for(condition: Callable[[], Found], seconds: float = 30, *watched: Child) -> Found:
    """Return what the condition returns once that is true; fail if it never is, or a child ends."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        for child in watched:
            assert child.runs, f"{child.name} ended by itself:\n{child.tail()}"
        told = "\n".join(f"{child.name}:\n{child.tail()}" for child in watched)
        assert time.monotonic() < deadline, f"It did not happen in time.\n{told}"
        time.sleep(0.02)
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return int(closed.getsockname()[1])


def answers(port: int, host: str = "127.0.0.1") -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def unavailable(what: str) -> NoReturn:
    """Skip the test, loudly; where CI is set, fail it."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}, and CI has to have it.")
    pytest.skip(f"NOT TESTED: {what}.")


def program(name: str) -> str:
    """Return the path of a server's program; without it the test is skipped, or fails in CI."""
    places = [os.environ.get("PATH", ""), "/usr/sbin"]
    places += [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"))[::-1]]
    found = shutil.which(name, path=os.pathsep.join(places))
    return found or unavailable(f"{name} is not installed")


def database_url() -> str:
    """Return the URL of the test's own database, for other processes."""
    name = settings.DATABASES["default"]["NAME"]
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


class Parts:
    """Processes of one project, which share an environment; as a context, none outlives it."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.real.settings",
            "REAL_FOLDER": str(folder),
            **environment,
        }
        self._children: list[Child] = []

    def __enter__(self) -> Parts:
        return self

    def __exit__(self, *error: object) -> None:
        """Ask all to stop, which gives the broker its messages back; then end what is left."""
        for child in self._children:
            child.ask_to_stop()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and any(child.runs for child in self._children):
            time.sleep(0.02)
        for child in self._children:
            child.end()

    def start(self, name: str, *command: str) -> Child:
        """Start a process, whose log stands in the folder."""
        child = Child(name, command, self.environment, self.folder / f"{name}.log", ROOT)
        self._children.append(child)
        return child

    def web(
        self, *options: str, application: str = "tests.real.wsgi", port: int | None = None
    ) -> Web:
        """Start gunicorn; `wait` for it before the first request."""
        port = port or free_port()
        command = ("gunicorn", application, "--config", "tests/real/gunicorn_conf.py")
        bound = ("--bind", f"127.0.0.1:{port}", *options)
        return Web(self.start("web", sys.executable, "-m", *command, *bound), port)

    def worker(self, name: str = "worker", application: str = "tests.real.app") -> Child:
        """Start a Celery worker of two processes; `wait_for_worker` before the first message."""
        command = ("celery", "-A", application, "worker", "--concurrency", "2")
        quiet = ("--without-gossip", "--without-mingle", "--loglevel", "INFO")
        node = ("-n", self.node(name))
        return self.start(name, sys.executable, "-m", *command, *quiet, *node)

    def node(self, name: str = "worker") -> str:
        """Return what Celery calls this worker; no worker of other parts is called so."""
        return f"{name}@{self.environment['REAL_QUEUE']}"

    def manage(self, *command: str) -> None:
        """Run a command of Django's to its end."""
        subprocess.run(
            [sys.executable, "-m", "django", *command],
            env=self.environment,
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )


class Web:
    """A gunicorn, and where it is."""

    def __init__(self, child: Child, port: int) -> None:
        self.child = child
        self.url = f"http://127.0.0.1:{port}"
        self._port = port

    def wait(self) -> None:
        """Wait until a worker serves."""
        wait_for(lambda: "Booting worker" in self.child.log.read_text(), 30, self.child)
        wait_for(lambda: answers(self._port), 30, self.child)


def wait_for_worker(child: Child) -> None:
    wait_for(lambda: any(" ready." in line for line in child.lines()), 40, child)


@contextmanager
def sender(broker: str, queue: str) -> Iterator[Celery]:
    """Return an app that sends to the workers of this queue, which is deleted in the end."""
    app = Celery("sender", broker=broker, set_as_current=False)
    app.conf.task_default_queue = queue
    app.conf.task_ignore_result = True
    try:
        yield app
    finally:
        with channel(app) as to_broker:
            exchange = Exchange(queue)(to_broker)
            bound = Queue(queue, exchange, queue)(to_broker)
            bound.declare()  # Redis' transport forgets a binding only if it knows of it.
            bound.delete()
            exchange.delete()
        app.close()


@contextmanager
def channel(app: Celery) -> Iterator[Any]:
    """Return a channel to the app's broker."""
    with app.connection_for_write() as connection, connection.channel() as opened:
        yield opened
