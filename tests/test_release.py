"""The release check-list: what it finds in a repository that is not ready, and in one that is."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
TODAY: Final = datetime.now(timezone.utc).date()
FAST: Final = "version,changelog,clean,tag,record,migrations,translations"
GERMAN: Final = "django_redpin/locale/de/LC_MESSAGES/django"
RIGHT: Final = "# Changelog\n\n## Unreleased\n\n## {version} - {day}\n\n### Fixed\n\n- One.\n"


class Repository:
    """A repository with one release, 0.1.0, that has a version, a changelog and a migration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / ".ci").mkdir(parents=True)
        shutil.copy(ROOT / ".ci/release.py", folder / ".ci")
        self.write("django_redpin/migrations/0001_initial.py", "first = 1\n")
        self.write("django_redpin/locale/de/LC_MESSAGES/django.mo", "")
        self.write(
            "django_redpin/locale/de/LC_MESSAGES/django.po", 'head\n\nmsgid "a"\nmsgstr "b"\n'
        )
        self.git("init", "-q")
        self.ready("0.1.0")
        self.git("tag", "0.1.0")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def git(self, *arguments: str) -> None:
        named = ("-c", "user.name=T", "-c", "user.email=t@example.com")
        subprocess.run(["git", *named, *arguments], cwd=self.folder, check=True)

    def ready(self, version: str, day: date = TODAY) -> None:
        self.write("django_redpin/__init__.py", f'__version__ = "{version}"\n')
        self.write("CHANGELOG.md", RIGHT.format(version=version, day=day))
        self.write("tests/releases.json", json.dumps([{"version": version, "migrations": {}}]))
        self.commit()

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "All", "--allow-empty")

    def check(self, version: str, only: str = FAST) -> tuple[int, str]:
        command = [sys.executable, ".ci/release.py", version, "--only", only]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def test_what_is_ready_is_told_how_to_be_tagged(repository: Repository) -> None:
    repository.ready("0.1.1")

    code, told = repository.check("0.1.1")

    assert (code, told.count("[x]"), told.count("[ ]")) == (0, 7, 0)
    assert "git tag -a 0.1.1" in told


def test_what_is_not_ready_is_told_what_to_do(repository: Repository) -> None:
    repository.write("new.py", "")

    code, told = repository.check("0.1.1")

    assert code == 1
    assert 'Write __version__ = "0.1.1"' in told
    assert f"'## 0.1.1 - {TODAY}'" in told
    assert "Commit or remove: new.py." in told
    assert "git tag" not in told


def test_a_release_is_written_down_before_its_tag(repository: Repository) -> None:
    assert "python -m tests.releases" in repository.check("0.2.0", "record")[1]
    assert repository.check("0.1.0", "record")[0] == 0


@pytest.mark.parametrize(
    ("version", "gate", "told"),
    [
        ("0.1.1", "exit 0", "[x] the gate is green"),
        ("0.1.1", "exit 1", "`bash .ci/run` failed; its output is above."),
        ("0.3.0", "exit 0", "Not run: mend the others first."),
    ],
)
def test_the_gate_runs_once_the_rest_holds(
    repository: Repository, version: str, gate: str, told: str
) -> None:
    repository.write(".ci/run", f"echo The gate.\n{gate}\n")
    repository.ready("0.1.1")

    code, said = repository.check(version, f"gate,{FAST}")

    assert told in said
    assert ("The gate." in said) is (version == "0.1.1")
    assert code == (0 if "[x]" in told else 1)


def test_a_migration_makes_it_a_minor_release(repository: Repository) -> None:
    repository.write("django_redpin/migrations/0002_more.py", "second = 2\n")
    repository.ready("0.1.1")
    assert "make it a minor release" in repository.check("0.1.1", "migrations")[1]

    repository.ready("0.2.0")
    assert repository.check("0.2.0", "migrations")[0] == 0


def test_a_released_migration_is_not_changed(repository: Repository) -> None:
    repository.write("django_redpin/migrations/0001_initial.py", "first = 2\n")
    repository.ready("0.2.0")

    assert "0001_initial.py was released with 0.1.0" in repository.check("0.2.0")[1]


@pytest.mark.parametrize("text", ['msgid "a"\nmsgstr ""\n', '#, fuzzy\nmsgid "a"\nmsgstr "b"\n'])
def test_a_text_without_a_translation_holds_it_up(repository: Repository, text: str) -> None:
    repository.write(f"{GERMAN}.po", f"head\n\n{text}")
    repository.ready("0.1.1")

    assert "de/LC_MESSAGES/django.po" in repository.check("0.1.1")[1]


def test_a_changelog_of_the_future_or_with_more_to_release_holds_it_up(
    repository: Repository,
) -> None:
    repository.ready("0.1.1", date(9999, 1, 1))
    assert "no day" in repository.check("0.1.1", "changelog")[1]

    right = RIGHT.format(version="0.1.1", day=TODAY)
    repository.write(
        "CHANGELOG.md", right.replace("Unreleased\n", "Unreleased\n\n### Fixed\n\n- X\n")
    )
    assert "belongs to this release" in repository.check("0.1.1", "changelog")[1]


def test_the_tag_must_be_free_and_the_version_one(repository: Repository) -> None:
    assert "The tag 0.1.0 is there." in repository.check("0.1.0", "tag")[1]
    assert repository.check("1.0", "tag")[0] == 2
    assert repository.check("0.2.0", "everything")[0] == 2
