"""`python -m example_project.demo`: the example as four processes, for a person or by itself."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

import requests

from .driver import Driver, DriverProblem
from .ports import HOST, PortProblem, require_free
from .prepare import ADMIN, REPOSITORY, Addresses, NotPrepared, Ready, environment, prepare
from .processes import ChildDied, Children

_STEP: Final = 0.1
# How long the sandbox lets each status stand: to be watched, or just long enough to be one.
_WATCHED: Final = "2"
_ONCE: Final = "0.4"
# Celery says so in its log once the worker takes messages.
_WORKER_READY: Final = " ready."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return 0, or with the reason on stderr 1 where it broke on its way, and 2 where
    it can't start with what it was given: options, environment, and the services they lead to.
    """
    options = _parser().parse_args(arguments)
    try:
        require_free({"--port": options.port, "--sandbox-port": options.sandbox_port})
    except PortProblem as problem:
        return _fail(str(problem), 2)
    at = Addresses(f"http://{HOST}:{options.port}", f"http://{HOST}:{options.sandbox_port}")
    data_dir, is_temporary = _data_dir(once=options.once)
    # A shell that starts a program in the background has it ignore Ctrl-C; a stop is a stop.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _as_interrupt)
    try:
        _run(options, at, data_dir)
    except KeyboardInterrupt:
        if is_temporary:
            shutil.rmtree(data_dir, ignore_errors=True)
        _say("Stopped; no process is left.")
        return 130 if options.once else 0
    except (NotPrepared, ChildDied, DriverProblem, TimeoutError) as problem:
        status = 2 if isinstance(problem, NotPrepared) else 1
        return _fail(f"{problem}\nThe logs and the data are in {data_dir}", status)
    if is_temporary:
        shutil.rmtree(data_dir, ignore_errors=True)
    return 0


def _run(options: argparse.Namespace, at: Addresses, data_dir: Path) -> None:
    started = time.monotonic()
    env = environment(data_dir, at)
    _say("Preparing database, homes and user ...")
    ready = prepare(env, data_dir / "prepare.log", samples=options.samples)
    with Children(env, data_dir, REPOSITORY) as children:
        _start(children, env, at, data_dir, step=_ONCE if options.once else _WATCHED)
        _wait_until_ready(at, children, _waiter(children, started, options.timeout))
        if not options.once:
            _say(_welcome(at, ready, data_dir))
            while True:
                children.watch(1.0)
        _say(f"Merchant, sandbox, worker and beat are running ({ready.database}, {ready.broker})")
        outcome = Driver(at, _say, _waiter(children, started, options.timeout)).buy()
    seconds = round(time.monotonic() - started, 1)
    result = {**outcome._asdict(), "seconds": seconds}
    print(json.dumps({**result, "database": ready.database, "broker": ready.broker}), flush=True)


def _start(
    children: Children, env: dict[str, str], at: Addresses, data_dir: Path, *, step: str
) -> None:
    """Start the four processes. Secrets go by the environment, where `ps` can't show them."""
    python = sys.executable
    celery = [python, "-m", "celery", "-A", "example_project"]
    port, sandbox_port = at.merchant.rpartition(":")[2], at.sandbox.rpartition(":")[2]
    manage = str(REPOSITORY / "example_project" / "manage.py")
    children.start("merchant", [python, manage, "runserver", "--noreload", f"{HOST}:{port}"])
    children.start(
        "sandbox",
        [
            *[python, "-m", "django_redpin.sandbox", "--port", sandbox_port],
            *["--database", str(data_dir / "sandbox.sqlite3"), "--step-seconds", step],
            *["--client-id", env["REDPIN_CLIENT_ID"], "--customer-id", env["REDPIN_CUSTOMER_ID"]],
        ],
    )
    children.start(
        "worker",
        [
            *[*celery, "worker", "--loglevel", "INFO", "--concurrency", "2"],
            *["--without-gossip", "--without-mingle", "--without-heartbeat"],
        ],
    )
    clock = str(data_dir / "beat-schedule")
    children.start("beat", [*celery, "beat", "--loglevel", "INFO", "-s", clock, "--pidfile="])


def _waiter(children: Children, started: float, timeout: float) -> Callable[[float], None]:
    """Return a wait that notices a dead child, and the end of the time."""

    def wait(seconds: float) -> None:
        children.watch(seconds)
        if time.monotonic() - started > timeout:
            complaints = "".join(f"\n  {line}" for line in children.complaints())
            raise TimeoutError(f"Not done after {timeout:g} seconds (--timeout).{complaints}")

    return wait


def _wait_until_ready(at: Addresses, children: Children, wait: Callable[[float], None]) -> None:
    for url in (f"{at.sandbox}/healthz", f"{at.merchant}/"):
        while not _answers(url):
            wait(_STEP)
    while not children.has_said("worker", _WORKER_READY):
        wait(_STEP)


def _answers(url: str) -> bool:
    with requests.Session() as http:
        http.trust_env = False  # On this machine there is no proxy in between.
        try:
            return http.get(url, timeout=5).ok
        except requests.RequestException:
            return False


def _data_dir(*, once: bool) -> tuple[Path, bool]:
    """Return the data directory, and whether it is a temporary one that success removes."""
    given = os.environ.get("DEMO_DATA_DIR", "")
    if given:
        return Path(given).resolve(), False
    if once:
        return Path(tempfile.mkdtemp(prefix="redpin-demo-")), True
    return REPOSITORY / ".demo", False


def _welcome(at: Addresses, ready: Ready, data_dir: Path) -> str:
    return f"""
  Meridian Quay    {at.merchant}/
  Its admin        {at.merchant}/admin/    user {ADMIN}, password {ready.password}
  Redpin sandbox   {at.sandbox}/
  One-time codes   {at.sandbox}/outbox/

  Database: {ready.database}. Broker: {ready.broker}. Logs: {data_dir}
  The receipt of a paid order is in {data_dir / "worker.log"}
  Ctrl-C stops everything.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m example_project.demo",
        description="A merchant, a local Redpin, a Celery worker and its clock, on this machine.",
        allow_abbrev=False,
    )
    parser.add_argument("--port", type=int, default=8000, help="the merchant's (%(default)s)")
    parser.add_argument("--sandbox-port", type=int, default=8001, help="Redpin's (%(default)s)")
    parser.add_argument(
        "--once",
        action="store_true",
        help="pay by itself, print each step and one line of JSON, and end",
    )
    parser.add_argument(
        "--samples",
        action="store_true",
        help="store payments of the last month too, for the admin to show",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=120.0,
        help="seconds that the start, or all of --once, may take (%(default)g)",
    )
    return parser


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, flush=True)


def _fail(reason: str, status: int) -> int:
    print(reason, file=sys.stderr, flush=True)
    return status


if __name__ == "__main__":
    raise SystemExit(main())
