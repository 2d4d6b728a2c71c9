"""The release check-list, done as far as a command can: `python -m tox run -e release -- 0.2.0`.

Each check says whether it holds, and what to do where it does not; then stands what is left for a
person. Those that take long begin once the others hold. Nothing is changed, tagged or published
here. `--only version,changelog` runs some.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
VERSION: Final = re.compile(r"\d+\.\d+\.\d+")
MIGRATIONS: Final = "django_redpin/migrations/0*.py"


def said(*command: str) -> str:
    """Return what a command of git's says. Raises `CalledProcessError` where it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def last_tag(before: str) -> str:
    """Return the newest tag of a release before this one, or nothing."""
    tags = [tag for tag in said("git", "tag").split() if VERSION.fullmatch(tag)]
    return max((tag for tag in tags if parts(tag) < parts(before)), key=parts, default="")


def check_version(version: str) -> str:
    text = (ROOT / "django_redpin/__init__.py").read_text()
    if f'__version__ = "{version}"\n' in text:
        return ""
    return f'Write __version__ = "{version}" into django_redpin/__init__.py.'


def check_changelog(version: str) -> str:
    text = (ROOT / "CHANGELOG.md").read_text()
    found = re.search(rf"^## {re.escape(version)} - (\S+)$", text, re.MULTILINE)
    if found is None:
        return f"Head what is released with '## {version} - {today()}', below '## Unreleased'."
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", found[1]) or date.fromisoformat(found[1]) > today():
        return f"'{found[1]}' is no day, as 2026-12-24, that has come."
    unreleased = text.partition("\n## Unreleased\n")[2].partition("\n## ")[0]
    return "What is below Unreleased belongs to this release." if unreleased.strip() else ""


def today() -> date:
    return datetime.now(timezone.utc).date()


def check_clean(version: str) -> str:
    del version
    changed = said("git", "status", "--porcelain")
    return f"Commit or remove: {', '.join(changed.split()[1::2])}." if changed else ""


def check_tag(version: str) -> str:
    return f"The tag {version} is there." if version in said("git", "tag").split() else ""


def check_migrations(version: str) -> str:
    """A release with a migration is at least a minor one, and a released migration is for ever."""
    last = last_tag(version)
    if not last:
        return ""
    changes = said("git", "diff", "--name-status", last, "--", MIGRATIONS).splitlines()
    old = [line.split()[-1] for line in changes if not line.startswith("A")]
    if old:
        return f"{', '.join(old)} was released with {last}: leave it, and write another."
    if changes and parts(version)[:2] == parts(last)[:2]:
        return f"There are migrations since {last}: make it a minor release."
    return ""


def check_record(version: str) -> str:
    """What the release holds of migrations is kept, so that a later tree is held to it."""
    text = (ROOT / "tests/releases.json").read_text()
    if version in {release["version"] for release in json.loads(text)}:
        return ""
    return "Run `python -m tests.releases` once its migrations are final, and commit the file."


def check_translations(version: str) -> str:
    del version
    found = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "django_redpin").rglob("*.po"))
        if re.search(r'\nmsgstr(?:\[\d\])? ""\n(?!")', path.read_text().partition("\n\n")[2])
        or "\n#, fuzzy" in path.read_text()
        or not path.with_suffix(".mo").exists()
    ]
    return f"Texts are not translated, or not compiled: {', '.join(found)}." if found else ""


def check_run(*command: str) -> Callable[[str], str]:
    def check(version: str) -> str:
        del version
        done = subprocess.run(command, cwd=ROOT, check=False)
        return f"`{' '.join(command)}` failed; its output is above." if done.returncode else ""

    return check


CHECKS: Final[dict[str, tuple[str, Callable[[str], str]]]] = {
    "version": ("__version__ is the one to be released", check_version),
    "changelog": ("the changelog has a dated section for it", check_changelog),
    "clean": ("nothing is uncommitted", check_clean),
    "tag": ("the tag is still free", check_tag),
    "record": ("its migrations are on record", check_record),
    "migrations": ("migrations are only added, and by a minor release", check_migrations),
    "translations": ("every text is translated and compiled", check_translations),
    "gate": (
        "the gate is green; wheel and sdist are right, install, and run",
        check_run("bash", ".ci/run"),
    ),
    "coverage": (
        "each line and branch is tested",
        check_run(sys.executable, "-m", "tox", "run", "-e", "coverage"),
    ),
    "cases": (
        "so is each case in a browser, and on each database",
        check_run(sys.executable, "-m", "tox", "run", "-e", "browser,services"),
    ),
    "thorough": (
        "so are the tests that take minutes",
        check_run(sys.executable, "-m", "tox", "run", "-e", "thorough"),
    ),
    "mutants": (
        "a test holds each guard",
        check_run(sys.executable, "-m", "tox", "run", "-e", "mutants"),
    ),
}
# Half an hour and more: in vain, where there is something to be written first.
LONG: Final = ("gate", "coverage", "cases", "thorough", "mutants")
LEFT: Final = """\
Left for a person:
 1. Run `python -m tox run -e soak` and `-e fuzz -- -max_total_time=3600`, and read what they say.
 2. Read the changelog as somebody who upgrades: is it said what breaks, and what to do?
 3. Push this commit, and wait until its workflows are green.
 4. git tag -a {version} -m "{version}" && git push origin {version}
 5. Approve the job of the environment `release`; look at the page of the release, and install it.
"""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", help="such as 0.2.0")
    parser.add_argument("--only", default=",".join(CHECKS), help="some of: %(default)s")
    given = parser.parse_args(arguments)
    chosen = given.only.split(",")
    if not VERSION.fullmatch(given.version):
        parser.error("A version has three numbers, such as 0.2.0.")
    if unknown := [name for name in chosen if name not in CHECKS]:
        parser.error(f"There is no check {', '.join(unknown)}.")
    failed = 0
    for name in sorted(chosen, key=LONG.__contains__):
        title, check = CHECKS[name]
        is_in_vain = failed and name in LONG
        cure = "Not run: mend the others first." if is_in_vain else check(given.version)
        print(f"[{' ' if cure else 'x'}] {title}{f': {cure}' if cure else ''}", flush=True)
        failed += bool(cure)
    if failed:
        print(f"{failed} of {len(chosen)} checks do not hold: no release yet.")
        return 1
    print(LEFT.format(version=given.version))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
