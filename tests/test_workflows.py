"""The workflows: each action pinned by its commit, no right too many, no secret."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest

yaml: Any = pytest.importorskip("yaml")

FOLDER: Final = Path(__file__).resolve().parent.parent / ".github"
WORKFLOWS: Final = sorted((FOLDER / "workflows").glob("*.yml"))
PINNED: Final = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def test_there_is_one_for_the_tests_the_docs_and_the_release() -> None:
    assert [path.stem for path in WORKFLOWS] == ["docs", "publish", "tests"]


@each_workflow
def test_each_action_is_pinned_by_its_commit_and_tells_its_version(path: Path) -> None:
    used = re.findall(r"uses:\s*(.+)", path.read_text())

    assert used
    assert all(PINNED.fullmatch(action) for action in used), used


def test_an_action_has_one_version_in_all_of_them() -> None:
    used = {
        action for path in WORKFLOWS for action in re.findall(r"uses:\s*(.+)", path.read_text())
    }

    assert len({action.split("@")[0] for action in used}) == len(used)


@each_workflow
def test_a_workflow_may_do_nothing_and_each_job_says_what_it_needs(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())

    assert workflow["permissions"] == {}
    assert all(
        "permissions" in job and "timeout-minutes" in job for job in workflow["jobs"].values()
    )


@each_workflow
def test_no_workflow_has_a_secret(path: Path) -> None:
    assert "secrets." not in path.read_text()


def test_only_the_job_that_publishes_can_say_who_we_are() -> None:
    jobs = yaml.safe_load((FOLDER / "workflows/publish.yml").read_text())["jobs"]

    assert jobs["build"]["permissions"] == {"contents": "read"}
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["environment"] == "release"
    assert not any("run" in step for step in jobs["publish"]["steps"])


def test_the_actions_are_kept_up_to_date() -> None:
    (update,) = yaml.safe_load((FOLDER / "dependabot.yml").read_text())["updates"]

    assert update["package-ecosystem"] == "github-actions"
