"""What is released: two files that the index takes, and that hold what they have to."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import Final

import pytest

from .building import ROOT, Released, files_of, run

PACKAGE: Final = ROOT / "django_redpin"
# Of what is tracked, this is for those who work on a clone alone.
FOR_A_CLONE: Final = {".gitattributes", ".editorconfig"}


def test_the_index_will_take_both(released: Released) -> None:
    said = run("twine", "check", "--strict", str(released.wheel), str(released.sdist))

    assert said.count("PASSED") == 2


def test_a_checker_of_wheels_has_nothing_to_say(released: Released) -> None:
    run("check_wheel_contents", str(released.wheel), folder=ROOT)


def test_the_wheel_of_the_source_distribution_is_that_of_the_tree(released: Released) -> None:
    ours, straight = files_of(released.wheel), files_of(released.wheel_of_the_tree)

    assert ours.keys() == straight.keys()
    assert [name for name in ours if ours[name] != straight[name]] == []


def test_the_wheel_carries_what_a_project_needs_and_nothing_else(released: Released) -> None:
    held = set(files_of(released.wheel))
    rooms = {name.split("/")[0] for name in held if ".dist-info/" not in name}
    needed = {
        path.relative_to(ROOT).as_posix()
        for pattern in ("py.typed", "**/*.html", "**/*.mo", "**/*.po", "**/migrations/*.py")
        for path in PACKAGE.glob(pattern)
    } | {path.relative_to(ROOT).as_posix() for path in _assets()}

    assert rooms == {"django_redpin"}
    assert needed - held == set()
    assert {Path(name).suffix for name in needed} >= {".css", ".html", ".js", ".mo", ".typed"}


def _assets() -> list[Path]:
    found = [*PACKAGE.glob("static/**/*"), *PACKAGE.glob("sandbox/static/**/*")]
    return [path for path in found if path.is_file()]


def test_each_text_for_payers_is_compiled(released: Released) -> None:
    held = set(files_of(released.wheel))
    texts = {name for name in held if name.endswith(".po")}

    assert texts
    assert {name.removesuffix(".po") + ".mo" for name in texts} <= held


def test_the_metadata_say_what_an_index_shows(released: Released) -> None:
    with zipfile.ZipFile(released.wheel) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(wheel.read(name).decode())

    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.10"
    for field in ("Summary", "Author", "Keywords"):
        assert metadata[field], field
    kinds = metadata.get_all("Classifier", [])
    for kind in ("Framework :: Django :: 6.1", "Typing :: Typed"):
        assert kind in kinds


def test_the_source_distribution_holds_all_that_is_tracked(released: Released) -> None:
    tracked = _tracked()
    held = set(files_of(released.sdist)) - {"PKG-INFO"}

    assert {name for name in tracked - held if name not in FOR_A_CLONE} == set()
    assert {name for name in held - tracked if not (ROOT / name).exists()} == set()


def _tracked() -> set[str]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("NOT TESTED: this is no clone.")
    done = subprocess.run([git, "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines())


def test_tests_that_read_the_tree_run_in_what_was_unpacked(
    released: Released, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(released.sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    monkeypatch.setenv("PYTHONPATH", str(unpacked))
    where = "import django_redpin, tests; print(django_redpin.__file__, tests.__file__)"

    said = subprocess.run(
        [sys.executable, "-c", where], cwd=unpacked, capture_output=True, text=True, check=True
    ).stdout
    assert said.count(str(unpacked)) == 2
    tests = ["tests/test_docs.py", "tests/test_gate.py", "tests/test_upgrades.py"]
    run("pytest", "-q", "-p", "no:cacheprovider", *tests, folder=unpacked)
