"""A run as a whole: processes, databases, what is written, and what happens when a suite fails."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from benchmarks import __main__ as command
from benchmarks import broker, databases, running
from benchmarks.options import QUICK, Options, Plan
from benchmarks.results import result
from benchmarks.suite import Row, Suite
from benchmarks.suites import webhook
from tests.real.parts import answers, unavailable


def suite(*keys: str) -> Suite:
    return Suite("webhook", keys, lambda options: [])


def answer(monkeypatch: pytest.MonkeyPatch, *rows: Row) -> None:
    told = {"rows": [row.to_dict() for row in rows], "ran": {"database": "none"}}
    monkeypatch.setattr(running, "_answer", lambda suite, options: told)


def test_a_key_that_its_suite_did_not_find_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, Row("webhook_statements", 1))

    found = running.run([suite("webhook_statements", "djstripe_vs_ours")], Options())

    assert found["failures"] == ["webhook has not found djstripe_vs_ours."]
    assert list(found["keys"]) == ["webhook_statements"]


def test_a_suite_that_fails_is_told_and_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_once(suite: Suite, options: Options) -> dict[str, Any]:
        answer(monkeypatch, Row("djstripe_vs_ours", 9))
        raise running.SuiteFailed("webhook ended with 1.")

    monkeypatch.setattr(running, "_answer", fail_once)
    found = running.run([suite("webhook_statements"), suite("djstripe_vs_ours")], Options())

    assert found["failures"] == ["webhook ended with 1."]
    assert list(found["keys"]) == ["djstripe_vs_ours"]


def test_a_process_that_fails_is_a_failed_suite_and_its_database_is_gone(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    made: list[str] = []

    @contextmanager
    def noted() -> Iterator[str]:
        with databases._sqlite() as url:
            made.append(url)
            yield url

    monkeypatch.setitem(databases._FRESH, "sqlite", noted)
    with pytest.raises(running.SuiteFailed, match="no-such-suite ended with 1"):
        running._answer(Suite("no-such-suite", (), lambda options: []), Options("sqlite"))
    assert "no-such-suite" in capfd.readouterr().err
    assert not Path(made[0].removeprefix("sqlite:///")).parent.exists()


def test_a_run_that_is_ended_ends_its_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    really = process.wait

    def ended(timeout: float | None = None) -> int:
        monkeypatch.setattr(process, "wait", really)
        raise SystemExit(143)

    monkeypatch.setattr(process, "wait", ended)
    with pytest.raises(SystemExit):
        running._ended(process)

    assert process.returncode == -signal.SIGTERM


def test_a_new_database_is_gone_afterwards() -> None:
    with databases.fresh("sqlite") as url:
        file = Path(url.removeprefix("sqlite:///"))
        file.touch()

        assert file.parent.name.startswith("bench_")
    assert not file.parent.exists()


def test_statements_are_counted_with_begin_and_commit(transactional_db: None) -> None:
    from django.contrib.auth.models import Group
    from django.db import transaction

    from benchmarks.statements import counted

    def work() -> None:
        with transaction.atomic():
            Group.objects.create(name="one")

    begin, insert, commit = counted(work)

    assert (begin.partition(" ")[0], commit) == ("BEGIN", "COMMIT")
    assert insert.startswith("INSERT")


@pytest.mark.parametrize(("failures", "code"), [([], 0), (["webhook ended with 1."], 1)])
def test_the_command_writes_what_was_found_and_ends_with_1_where_something_failed(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    failures: list[str],
    code: int,
) -> None:
    asked: list[tuple[list[str], Options]] = []

    def run(suites: list[Suite], options: Options) -> dict[str, Any]:
        asked.append(([each.name for each in suites], options))
        return result(options, [Row("webhook_statements", 1)], {}, failures)

    monkeypatch.setattr(command, "run", run)
    file = tmp_path / "found.json"
    arguments = ["--quick", "--database", "sqlite", "--only", "webhook", "--json", str(file)]

    assert command.main(arguments) == code
    assert asked == [(["webhook"], Options("sqlite", quick=True, plan=QUICK))]
    assert json.loads(file.read_text())["keys"]["webhook_statements"]["value"] == 1
    told = capsys.readouterr()
    assert "webhook_statements  1" in told.out
    assert told.err.splitlines() == failures


@pytest.mark.slow
def test_a_suite_runs_and_finds_each_of_its_keys() -> None:
    if not answers(urlsplit(broker.RABBITMQ).port or 5672):
        unavailable("nothing answers at RABBITMQ_URL")
    options = Options("sqlite", quick=True, plan=Plan(rounds=1, calls=2))

    found = running.run([webhook.SUITE], options)

    assert found["suites"]["webhook"]["durability"]["synchronous"] == "2"
    # dj-stripe comes with the environment of the benchmarks alone.
    is_there = find_spec("djstripe") is not None
    missing = [] if is_there else ["webhook has not found djstripe_vs_ours."]
    assert found["failures"] == missing
    assert {*found["keys"], "djstripe_vs_ours"} == set(webhook.SUITE.keys)
    assert found["keys"]["webhook_statements"]["holds"]
