"""``python -m django_redpin.sandbox``: a local Redpin as a process of its own.

Reads the command line, hands it to the settings module through the environment, and serves.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import django

from .addresses import SITE_RULE, is_loopback, is_site
from .versions import VERSIONS

SETTINGS: Final = "django_redpin.sandbox.settings"
SECRET_VARIABLE: Final = "REDPIN_SANDBOX_CLIENT_SECRET"  # noqa: S105 - the name of one
# A URL that the newer API's events are posted to from the start. It may hold a secret.
SUBSCRIPTION_VARIABLE: Final = "REDPIN_SANDBOX_SUBSCRIPTION"
_LONGEST: Final = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sandbox until it is stopped; return the exit status (0, or 2 if it cannot start)."""
    parser = _parser()
    given = parser.parse_args(arguments)
    secret = given.client_secret or os.environ.get(SECRET_VARIABLE, "")
    if not secret:
        parser.error(f"give --client-secret, or set {SECRET_VARIABLE}")
    if not is_loopback(given.bind):
        sys.stderr.write(
            f"Warning: {given.bind} can be reached from other machines, and the sandbox shows "
            "every session and every code to whoever opens it.\n"
        )
    os.environ.update(
        DJANGO_SETTINGS_MODULE=SETTINGS,
        REDPIN_SANDBOX_BIND=given.bind,
        REDPIN_SANDBOX_DATABASE=given.database,
        REDPIN_SANDBOX_CLIENT_ID=given.client_id,
        REDPIN_SANDBOX_CLIENT_SECRET=secret,
        REDPIN_SANDBOX_CUSTOMER_ID=given.customer_id,
        REDPIN_SANDBOX_STEP_SECONDS=repr(given.step_seconds),
        REDPIN_SANDBOX_SESSION_MINUTES=repr(given.session_minutes),
        REDPIN_SANDBOX_MANUAL="1" if given.manual else "",
        REDPIN_SANDBOX_LIST_SHOWS_URL="1" if given.list_shows_url else "",
        REDPIN_SANDBOX_PURPOSES=given.purposes,
        REDPIN_SANDBOX_API=given.api,
        REDPIN_SANDBOX_SITE=given.site,
    )
    django.setup()
    # Only now: these modules need the settings.
    from .server import CannotServe, serve

    try:
        serve(given.bind, given.port, os.environ.get(SUBSCRIPTION_VARIABLE, ""))
    except CannotServe as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m django_redpin.sandbox",
        description="A local Redpin: API, hosted page and callbacks. No real money.",
        allow_abbrev=False,
    )
    parser.add_argument("--bind", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=_port, default=8001, help="0 takes a free one (%(default)s)")
    parser.add_argument("--database", required=True, type=_file, help="path of the SQLite file")
    parser.add_argument("--client-id", required=True, type=_name)
    parser.add_argument("--client-secret", help=f"or by {SECRET_VARIABLE}, which `ps` cannot show")
    parser.add_argument("--customer-id", required=True, type=_name)
    parser.add_argument(
        "--step-seconds", type=_number, default=1.5, help="between two facts (%(default)s)"
    )
    parser.add_argument(
        "--session-minutes", type=_positive, default=30.0, help="a session's life (%(default)s)"
    )
    parser.add_argument(
        "--manual",
        action="store_true",
        help="start every payment paused: you decide what happens next, at /sessions/…/control/",
    )
    parser.add_argument(
        "--purposes", default="", help="allowed purposes, separated by commas (any)"
    )
    parser.add_argument(
        "--list-shows-url",
        action="store_true",
        help="show session_url in the list call, which Redpin does not document",
    )
    parser.add_argument(
        "--api", choices=tuple(VERSIONS), default="seed", help="version of the API (%(default)s)"
    )
    parser.add_argument(
        "--site",
        default="",
        type=_site,
        help="where the merchant's site runs here, such as http://127.0.0.1:8000: callbacks go "
        "there whatever their public host is, and it may frame every hosted page",
    )
    return parser


def _site(text: str) -> str:
    if text and not is_site(text):
        raise argparse.ArgumentTypeError(SITE_RULE)
    return text


def _name(text: str) -> str:
    if not text or "/" in text:
        raise argparse.ArgumentTypeError("must not be empty or contain a slash")
    return text


def _file(text: str) -> str:
    path = Path(text)
    if not text or path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a file in a directory that exists")
    return text


def _port(text: str) -> int:
    if not text.isdecimal() or len(text) > 5 or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    # Also refuses nan, which no comparison holds for.
    if not 0 <= number <= _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to {_LONGEST}")
    return number


def _positive(text: str) -> float:
    number = _number(text)
    if number < 0.01:
        raise argparse.ArgumentTypeError("must be at least 0.01")
    return number


if __name__ == "__main__":
    raise SystemExit(main())
