"""`manage.py redpin_sandbox`: a local Redpin beside the project, as a process of its own."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ...accounts import ACCOUNTS, DEFAULT_ACCOUNT, overrides, redpin_settings
from ...conf import Account, get_account, raw_settings
from ...exceptions import ConfigurationError
from ...services.callbacks import subscription_url
from ..running import require_account

DATABASE: Final = ".redpin-sandbox.sqlite3"
# What goes to the sandbox under the same name, and is judged there.
_PASSED_ON: Final = ("bind", "port", "site", "api", "step_seconds", "session_minutes", "purposes")
_FLAGS: Final = ("manual", "list_shows_url")
# Who listens on all of a machine's addresses is asked on its own.
_ALL_ADDRESSES: Final = {"//0.0.0.0:": "//127.0.0.1:", "//[::]:": "//[::1]:"}
_LISTENS: Final = "Redpin sandbox: http"


class Command(BaseCommand):
    help = "Run a local Redpin, with the credentials that the settings have for an account."
    # They are right only once they lead here, and this says how.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the sandbox's own options, and whose Redpin it is."""
        parser.add_argument("--account", default=DEFAULT_ACCOUNT, help="alias (%(default)s)")
        parser.add_argument("--port", default="8001", help="0 takes a free one (%(default)s)")
        parser.add_argument("--bind", default="127.0.0.1", help="address (%(default)s)")
        parser.add_argument(
            "--site",
            default="http://127.0.0.1:8000",
            help="where this project runs on this machine: events are posted there, whatever"
            " WEBHOOK_BASE_URL says, and it may frame the hosted page (%(default)s)",
        )
        parser.add_argument("--api", choices=("seed", "new"), default="seed", help="its version")
        parser.add_argument("--step-seconds", default="1.5", help="between two statuses")
        parser.add_argument("--session-minutes", default="30", help="a session's life")
        parser.add_argument(
            "--manual", action="store_true", help="start every payment paused: you decide"
        )
        parser.add_argument("--list-shows-url", action="store_true", help="list session_url, too")
        kept = parser.add_mutually_exclusive_group()
        kept.add_argument(
            "--database", default=DATABASE, help="file of the sandbox's own (%(default)s)"
        )
        kept.add_argument(
            "--temporary", action="store_true", help="forget all sessions when it ends"
        )

    def handle(self, *, account: str, temporary: bool, database: str, **options: Any) -> None:
        """Run it until Ctrl-C or SIGTERM.

        Raises `CommandError` where the settings have no credentials, or it can't be started.
        """
        require_account(account)
        try:
            known = get_account(account)
            environment = self._environment(known, options["api"])
            arguments = self._arguments(known, options)
        except ConfigurationError as error:
            text = f"{error} For the sandbox any credentials will do, as long as they are there."
            raise CommandError(text) from None
        with _database(database, temporary) as path:
            command = [sys.executable, "-m", "django_redpin.sandbox", *arguments]
            process = subprocess.Popen(  # noqa: S603 - a program of ours, and no shell
                [*command, f"--database={path}"],
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            with _stopped_with_us(process):
                self._relay(process, account, options["site"])
            if process.returncode:
                raise CommandError("The sandbox did not start, or failed: see above.")

    def _environment(self, account: Account, api: str) -> dict[str, str]:
        """Return the child's environment, which holds what `ps` must not show."""
        return {
            **os.environ,
            "REDPIN_SANDBOX_CLIENT_SECRET": account.required("client_secret"),
            "REDPIN_SANDBOX_SUBSCRIPTION": subscription_url(account) if api == "new" else "",
        }

    def _arguments(self, account: Account, options: Mapping[str, Any]) -> list[str]:
        given = {**options, "purposes": ",".join(account.purposes_of_transaction or ())}
        return [
            f"--client-id={account.required('client_id')}",
            f"--customer-id={account.required('customer_id')}",
            *(f"--{name.replace('_', '-')}={given[name]}" for name in _PASSED_ON),
            *(f"--{name.replace('_', '-')}" for name in _FLAGS if options[name]),
        ]

    def _relay(self, process: subprocess.Popen[str], account: str, site: str) -> None:
        assert process.stdout is not None  # noqa: S101 - for the type alone
        for line in process.stdout:
            self.stdout.write(line, ending="")
            if line.startswith(_LISTENS):
                url = line.removeprefix("Redpin sandbox: ").partition("/ ")[0]
                self.stdout.write(advice(account, url, site))
            self.stdout.flush()


def advice(account: str, url: str, site: str) -> str:
    """Return what has to change in the settings so that they lead to the sandbox at `url`."""
    for every, own in _ALL_ADDRESSES.items():
        url = url.replace(every, own)
    lines = _changes(account, url, site)
    if not lines:
        return "The settings lead here already.\n"
    shown = "".join(f"    {line}\n" for line in lines)
    return f"\nAt the end of the project's settings, for as long as you use it:\n\n{shown}"


def _changes(account: str, url: str, site: str) -> list[str]:
    raw = raw_settings(account)
    place = "REDPIN" if account == DEFAULT_ACCOUNT else f'REDPIN["{ACCOUNTS}"]["{account}"]'
    wanted: dict[str, object] = {}
    if raw["BASE_URL"].rstrip("/") != url:
        wanted["BASE_URL"] = url
    if url not in raw["HOSTED_PAGE_ORIGINS"]:
        wanted["HOSTED_PAGE_ORIGINS"] = [url]
    tokens = f"{url}/auth/oauth/v2/token"
    # Left out, it follows BASE_URL.
    if {**redpin_settings(), **overrides(account)}.get("TOKEN_URL", tokens) != tokens:
        wanted["TOKEN_URL"] = tokens
    if not raw["WEBHOOK_BASE_URL"]:
        wanted["WEBHOOK_BASE_URL"] = site
    if not raw["WEBHOOK_SECRETS"]:
        wanted["WEBHOOK_SECRETS"] = [secrets.token_urlsafe(32)]
    if raw["PROXIES"]:
        wanted["PROXIES"] = {}
    lines = [f'{place}["{name}"] = {_literal(value)}' for name, value in wanted.items()]
    return lines if settings.DEBUG else ["DEBUG = True  # for plain HTTP to this machine", *lines]


def _literal(value: object) -> str:
    return repr(value).replace("'", '"')


@contextmanager
def _database(path: str, temporary: bool) -> Iterator[Path]:
    folder = tempfile.TemporaryDirectory(prefix="redpin-sandbox-") if temporary else nullcontext()
    with folder as name:
        yield Path(name) / "sandbox.sqlite3" if name else Path(path)


@contextmanager
def _stopped_with_us(process: subprocess.Popen[str]) -> Iterator[None]:
    """Hand Ctrl-C and SIGTERM on to the sandbox, and wait for its end; a second one kills it."""

    def stop(number: int, frame: FrameType | None) -> None:
        if asked:
            process.kill()
        asked.append(number)
        process.terminate()

    asked: list[int] = []
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
        process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        assert process.stdout is not None  # noqa: S101 - for the type alone
        process.stdout.close()
        for number, handler in before.items():
            signal.signal(number, handler)
