"""Where the time goes: `python -m benchmarks.flames` draws flame graphs into `docs/images`.

py-spy looks a thousand times a second at a process that does one thing again and again, and writes
down which functions it is in. In an SVG that is opened by itself, a click zooms, and Ctrl-F finds.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from . import databases

ROOT: Final = Path(__file__).resolve().parent.parent
IMAGES: Final = ROOT / "docs/images"
RATE: Final = 1_000  # Looks a second.
_WARM_UP: Final = 200
# "name (/where/it/is/installed/package/module.py)": the folders of this machine say nothing.
_FOLDERS: Final = re.compile(r"\((?:[^()<>&]*/)?(?:site-packages|python3\.\d+)/")

_TITLE: Final = re.compile(r'(<text id="title"[^>]*>)[^<]*<')
TITLES: Final = {
    "intake": "Taking an event in: where the time goes",
    "create": "Creating a session: where the time goes",
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flames", description=__doc__)
    parser.add_argument("--seconds", type=int, default=20, help="of each, after it is warm")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", default=IMAGES)
    parser.add_argument("--work", choices=TITLES, help=argparse.SUPPRESS)  # In the process itself.
    asked = parser.parse_args(arguments)
    if asked.work:
        repeat(asked.work, asked.seconds)
        return 0
    for name in TITLES:
        print(record(name, asked.seconds, asked.pictures))
    return 0


def record(name: str, seconds: int, folder: Path) -> Path:
    """Draw the flame graph of this work into the folder, and return its path."""
    picture = folder / f"flames-{name}.svg"
    work = [sys.executable, "-m", "benchmarks.flames", "--work", name, "--seconds", str(seconds)]
    with databases.fresh("postgresql") as url:
        environment = {**os.environ, "DATABASE_URL": url}
        with subprocess.Popen(work, env=environment, cwd=ROOT, stdout=subprocess.PIPE) as process:  # noqa: S603
            try:
                if process.stdout is None or process.stdout.readline() != b"warm\n":
                    raise RuntimeError(f"{name} did not begin.")
                subprocess.run(  # noqa: S603
                    [
                        str(Path(sysconfig.get_path("scripts")) / "py-spy"),
                        *("record", "--pid", str(process.pid), "--output", str(picture)),
                        *("--format", "flamegraph", "--duration", str(seconds)),
                        *("--rate", str(RATE), "--function"),
                    ],
                    check=True,
                    capture_output=True,
                )
            finally:
                process.kill()
    drawn = named(without_folders(picture.read_text(encoding="utf-8")), TITLES[name])
    picture.write_text(drawn, encoding="utf-8")
    return picture


def without_folders(svg: str) -> str:
    """Return the SVG without the folders in which this machine has Python and its packages."""
    return _FOLDERS.sub("(", svg.replace(f"{ROOT}/", ""))


def named(svg: str, title: str) -> str:
    """Return the SVG under this title, where py-spy puts how it was called."""
    return _TITLE.sub(rf"\g<1>{title}<", svg)


def repeat(name: str, seconds: int) -> None:
    """Do the work until the time is over, and a while longer: whoever looks on ends it."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    with WORKS[name]() as work:
        for _ in range(_WARM_UP):
            work()
        print("warm", flush=True)
        give_up_at = time.monotonic() + 3 * seconds + 10
        while time.monotonic() < give_up_at:
            work()


@contextmanager
def _intake() -> Iterator[Callable[[], object]]:
    import itertools

    from .growing import SETTINGS, posts_of
    from .peers.events import REFERENCE
    from .shop import open_shop
    from .wsgi_calls import Caller

    with open_shop(**SETTINGS):
        posts = posts_of(Caller(), itertools.repeat(REFERENCE), "flames")
        yield lambda: next(posts)


@contextmanager
def _create() -> Iterator[Callable[[], object]]:
    from .shop import open_shop
    from .stub import running
    from .suites.create import service_of

    with running() as url, open_shop(url) as payee:
        yield service_of(payee)


WORKS: Final = {"intake": _intake, "create": _create}


if __name__ == "__main__":
    raise SystemExit(main())
