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


def test_what_the_gate_runs_the_workflows_run_too() -> None:
    gate = (FOLDER.parent / ".ci/run").read_text()
    named = re.findall(r"(?<= -e )[\w,]+", gate)
    wanted = {name for names in named for name in names.split(",")} | {"lint", "types"}
    jobs = yaml.safe_load((FOLDER / "workflows/tests.yml").read_text())["jobs"]
    matrices = [job["strategy"]["matrix"] for job in jobs.values()]
    ran = {name for matrix in matrices for name in matrix.get("environment", [])}
    ran |= set(re.findall(r"tox run -e (\w+)", (FOLDER / "workflows/docs.yml").read_text()))

    assert len(wanted) > 5
    assert ran == wanted | {"coverage"}  # It takes longer than the gate may.


def test_each_python_that_is_supported_runs_the_tests() -> None:
    jobs = yaml.safe_load((FOLDER / "workflows/tests.yml").read_text())["jobs"]
    pairs = re.findall(r"py3(\d+)-", (FOLDER.parent / "tox.ini").read_text())

    assert {f"3.{minor}" for minor in pairs} == set(jobs["tests"]["strategy"]["matrix"]["python"])


def test_what_is_published_was_built_once_and_checked_as_it_is() -> None:
    text = (FOLDER / "workflows/publish.yml").read_text()
    jobs = yaml.safe_load(text)["jobs"]
    (package,) = (
        step for step in jobs["check"]["steps"] if "tox" in step.get("run", "") and "env" in step
    )

    assert text.count("python -m build") == 1
    assert text.count("upload-artifact") == 1
    assert jobs["publish"]["needs"] == ["build", "check"]
    assert package["run"] == "python -m tox run -e package"
    assert package["env"]["DIST"].endswith("/dist")
    tox = (FOLDER.parent / "tox.ini").read_text()
    assert "\n    DIST\n" in tox.partition("[testenv:package]")[2].partition("\n[testenv")[0]


def test_what_is_published_is_compared_with_the_releases_before_it() -> None:
    jobs = yaml.safe_load((FOLDER / "workflows/publish.yml").read_text())["jobs"]

    assert jobs["build"]["steps"][0]["with"]["fetch-depth"] == 0


def test_only_the_job_that_publishes_can_say_who_we_are() -> None:
    jobs = yaml.safe_load((FOLDER / "workflows/publish.yml").read_text())["jobs"]

    assert jobs["build"]["permissions"] == jobs["check"]["permissions"] == {"contents": "read"}
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["environment"] == "release"
    assert not any("run" in step for step in jobs["publish"]["steps"])


def test_the_actions_are_kept_up_to_date() -> None:
    (update,) = yaml.safe_load((FOLDER / "dependabot.yml").read_text())["updates"]

    assert update["package-ecosystem"] == "github-actions"
