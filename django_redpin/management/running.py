"""How a command runs: what it is asked for, when it is stopped, what it shows, how it fails.

Exit codes: 0 is done, 1 needs somebody to look, 2 is a wrong argument; 130 (Ctrl-C) and 143
(SIGTERM) were stopped, and go on when they are run again.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError

from ..accounts import ACCOUNT_RESOLVER, account_aliases, redpin_settings
from ..conf import get_account
from ..exceptions import ConfigurationError, RedpinError, UnknownAccount
from ..services.watching import Watch, watched_by

NEEDS_SOMEBODY: Final = 1
USAGE: Final = 2
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class RedpinCommand(BaseCommand):
    """A command whose failures are one line each, and which takes an account."""

    def add_account(self, parser: argparse.ArgumentParser) -> None:
        """Take the alias of an account; without it, all of them are meant."""
        parser.add_argument(
            "--account",
            type=str,
            metavar="ALIAS",
            help="an alias of REDPIN['ACCOUNTS'], or one that ACCOUNT_RESOLVER knows; default: all",
        )

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run it; raise `CommandError`, never anything else that can be foreseen."""
        try:
            if options.get("account") is not None:
                require_account(options["account"])
            return super().execute(*args, **options)
        except RedpinError as error:
            raise CommandError(str(error)) from None
        except DatabaseError as error:
            # Its own text may quote a row.
            raise CommandError(
                f"The database can't be used ({type(error).__name__}). Is it up, does DATABASES"
                " lead to it, and has `manage.py migrate` been run? `manage.py redpin_check` tells."
            ) from None

    def tell(self, line: str, options: dict[str, Any]) -> None:
        """Print a line, unless it is to be quiet."""
        if options.get("verbosity", 1) > 0:
            self.stdout.write(line)


def require_account(alias: str) -> None:
    """Raise `CommandError`, with the aliases that there are, for one that there is not."""
    try:
        get_account(alias)
    except UnknownAccount as error:
        known = f"Known are: {', '.join(account_aliases())}"
        others = "" if redpin_settings().get(ACCOUNT_RESOLVER) is None else ", and the resolver's"
        raise CommandError(f"{error} {known}{others}.", returncode=USAGE) from None
    except ConfigurationError as error:
        raise CommandError(str(error)) from None


class Watcher(Watch):
    """Ends a run where it is asked to stop, and shows how far it is where somebody looks."""

    def __init__(self, bar: Any = None) -> None:
        self.stopped_by: int | None = None
        self._bar = bar

    def note(self, rows: int = 1) -> None:
        if self._bar is not None:
            self._bar.update(rows)

    def goes_on(self) -> bool:
        return self.stopped_by is None

    def stop(self, number: int, frame: FrameType | None) -> None:
        """End after the row at hand; at once where it is asked for twice."""
        if self.stopped_by is not None:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.stopped_by = number

    def raise_if_stopped(self) -> None:
        """Raise `CommandError` with a shell's exit code for the signal that stopped the run."""
        if self.stopped_by is not None:
            name = signal.Signals(self.stopped_by).name
            raise CommandError(
                f"Stopped by {name} after the row at hand. What is left stays due: run it again.",
                returncode=128 + self.stopped_by,
            )


@contextmanager
def watched(total: int | None = None) -> Iterator[Watcher]:
    """Watch the runs inside: Ctrl-C and SIGTERM end them after the row at hand.

    With a `total` of rows, a bar shows them, if tqdm is installed.
    """
    with nullcontext() if total is None else _bar(total) as bar:
        watcher = Watcher(bar)
        with _handling(watcher), watched_by(watcher):
            yield watcher


@contextmanager
def _handling(watcher: Watcher) -> Iterator[None]:
    if (
        threading.current_thread() is not threading.main_thread()
    ):  # Python hands signals to it alone.
        yield
        return
    before = {number: signal.signal(number, watcher.stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _bar(total: int) -> Any:
    try:
        from tqdm import tqdm
    except ImportError:  # It is an extra.
        return nullcontext()
    return tqdm(total=total, unit=" rows", file=sys.stderr, leave=False)


def shows_progress(command: BaseCommand, options: dict[str, Any]) -> bool:
    """Tell whether somebody looks: at a terminal, and not at a log."""
    return options.get("verbosity", 1) > 0 and command.stderr.isatty()


def add_bounds(parser: CommandParser, *, limit: int, seconds: float) -> None:
    """Take the bounds of a run: rows, and seconds."""
    parser.add_argument(
        "--limit", type=count, default=limit, help="how many rows at most; default: %(default)s"
    )
    parser.add_argument(
        "--seconds",
        type=duration,
        default=seconds,
        help="after which no other row is begun; default: %(default)s",
    )


def count(text: str) -> int:
    """Return a whole number above 0. Raises as argparse wants it."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0.")
    return value


def duration(text: str) -> float:
    """Return a number of seconds above 0. Raises as argparse wants it."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0.")
    return value
