"""What each release held of migrations, in `releases.json`, and what may not happen to them since.

`python -m tests.releases` adds the release that the tree's version names; it is run for a release,
right before the tag, and changes nothing that is recorded already.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import django_redpin

ROOT: Final = Path(__file__).resolve().parent.parent
RECORD: Final = Path(__file__).with_name("releases.json")
# The sandbox keeps its sessions from one version to the next, too, in a file of its own.
_ROOMS: Final = ("django_redpin/migrations", "django_redpin/sandbox/migrations")
_MERCHANTS: Final = f"{_ROOMS[0]}/"


@dataclass(frozen=True)
class Release:
    """A version, and the digest of each migration in it by its path."""

    version: str
    migrations: Mapping[str, str]

    @property
    def numbers(self) -> tuple[int, ...]:
        """Major, minor and patch."""
        return tuple(int(part) for part in self.version.split("."))

    @property
    def merchants(self) -> set[str]:
        """The migrations that a merchant's database gets."""
        return {path for path in self.migrations if path.startswith(_MERCHANTS)}


def recorded(path: Path = RECORD) -> list[Release]:
    """Return the releases, the oldest first."""
    return [Release(**each) for each in json.loads(path.read_text(encoding="utf-8"))]


def tree() -> Release:
    """Return what would be released of the tree as it is."""
    found = {
        path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for room in _ROOMS
        for path in sorted((ROOT / room).glob("0*.py"))
    }
    return Release(django_redpin.__version__, found)


def altered(releases: Sequence[Release], now: Release) -> Iterator[str]:
    """Yield each migration that was released and is another one now, or gone.

    Databases that have run it will not run it again, so that they stay behind for good.
    """
    for release in releases:
        for path, digest in release.migrations.items():
            if now.migrations.get(path) != digest:
                yield f"{path}, released in {release.version}"


def too_small(releases: Sequence[Release]) -> Iterator[str]:
    """Yield each version that brings a migration and is no minor or major one."""
    for before, after in pairwise(releases):
        is_patch = before.numbers[:2] == after.numbers[:2]
        if after.merchants - before.merchants and is_patch:
            yield after.version


def with_tree(releases: Sequence[Release], now: Release) -> list[Release]:
    """Return the releases with that of the tree, unless its version has been released."""
    is_new = now.version not in {each.version for each in releases}
    return [*releases, now] if is_new else [*releases]


def record(path: Path = RECORD) -> None:
    """Write the tree's release down."""
    releases = [asdict(each) for each in with_tree(recorded(path), tree())]
    path.write_text(json.dumps(releases, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record()
