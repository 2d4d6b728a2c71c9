"""A small project in a folder, whose commands run as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]

_SETTINGS: Final = """
from tests.settings import *
DEBUG = True
INSTALLED_APPS = [name for name in INSTALLED_APPS if name != "django_redpin.sandbox"]
DATABASES = {{"default": {database!r}}}
REDPIN = {redpin!r}
"""


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it said."""

    code: int
    out: str
    err: str


class Project:
    """Settings in a folder; each command is a process with them."""

    def __init__(self, folder: Path, database: dict[str, Any], redpin: dict[str, Any]) -> None:
        self.folder = folder
        self.database = database
        self.redpin = redpin

    def write(self, **changes: Any) -> None:
        """Write the settings, with these of `REDPIN` changed."""
        text = _SETTINGS.format(database=self.database, redpin={**self.redpin, **changes})
        (self.folder / "shop_settings.py").write_text(text)

    def start(self, *arguments: str, code: str = "") -> subprocess.Popen[str]:
        """Start a command; `code` runs in its process before it."""
        run = (
            "import sys, django.core.management as m; import django; django.setup()\n"
            f"{code}\nm.execute_from_command_line(['manage.py', *sys.argv[1:]])"
        )
        return subprocess.Popen(
            [sys.executable, "-c", run, *arguments],
            cwd=self.folder,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "shop_settings",
                "PYTHONPATH": os.pathsep.join([str(self.folder), str(ROOT)]),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, code: str = "") -> Ended:
        """Run a command to its end. No traceback and no secret is in what it says."""
        return ended(self.start(*arguments, code=code))


def ended(process: subprocess.Popen[str]) -> Ended:
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err, err
    assert "canary" not in out + err
    return Ended(process.returncode, out, err)


def stop(process: subprocess.Popen[str], number: signal.Signals, once: Callable[[], bool]) -> None:
    """Send the signal once something is so; the process must not have ended by itself."""
    deadline = time.monotonic() + 40
    while not once():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(number)
