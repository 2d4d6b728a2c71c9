"""Builds what is released, by the build system that `pyproject.toml` names."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
# uv makes the environment to build in more quickly than pip, where it is there.
_INSTALLER: Final = ["--installer", "uv"] if importlib.util.find_spec("uv") else []


@dataclass(frozen=True)
class Released:
    """The two files of a release, and the wheel that comes of the tree without the other one."""

    sdist: Path
    wheel: Path
    wheel_of_the_tree: Path


def build(folder: Path) -> Released:
    """Build the source distribution, the wheel out of that, and one straight of the tree.

    The first two are taken as they are from the folder that DIST names: so it is them that are
    checked, and not what comes of building again.
    """
    straight = folder / "straight"
    released = Path(os.environ.get("DIST") or folder / "dist")
    if not os.environ.get("DIST"):
        run("build", *_INSTALLER, "--outdir", str(released), str(ROOT))
    run("build", "--wheel", "--no-isolation", "--outdir", str(straight), str(ROOT))
    (sdist,), (wheel,), (other,) = (
        released.glob("*.tar.gz"),
        released.glob("*.whl"),
        straight.glob("*.whl"),
    )
    return Released(sdist, wheel, other)


def run(module: str, *arguments: str, folder: Path | None = None) -> str:
    """Run a program of this environment; fail with what it said unless it succeeds."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def files_of(archive: Path) -> dict[str, bytes]:
    """Return the files of a wheel, or of a source distribution below its one folder."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist()}
    held: dict[str, bytes] = {}
    with tarfile.open(archive) as sdist:
        for member in sdist.getmembers():
            content = sdist.extractfile(member)
            if content is not None:
                held[member.name.partition("/")[2]] = content.read()
    return held
