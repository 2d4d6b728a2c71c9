"""What a run prints and writes, and that its goals and keys are those of the suites."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import page
from benchmarks.__main__ import main
from benchmarks.goals import GOALS
from benchmarks.options import QUICK, Options
from benchmarks.results import result
from benchmarks.suite import Row
from benchmarks.suites import SUITES, found
from benchmarks.table import number, printed

ROWS = [
    Row("webhook_statements", 1),
    Row("webhook_new_vs_bare", 1.31, 1.2, 1.4, note="void", details={"ways": {}}),
    Row("djstripe_vs_ours", 9.5, 9, 10),
]


@pytest.mark.parametrize(
    ("key", "value", "holds", "stretched"),
    [
        ("webhook_new_vs_bare", 1.25, True, False),
        ("webhook_new_vs_bare", 1.26, False, False),
        ("webhook_new_vs_bare", 0.8, True, True),
        ("djstripe_vs_ours", 7.9, False, False),
        ("djstripe_vs_ours", 15, True, True),
        ("admin_list_counts", 0, True, True),
        ("admin_list_counts", 1, False, False),
    ],
)
def test_a_goal_holds_in_its_direction(
    key: str, value: float, holds: bool, stretched: bool
) -> None:
    assert GOALS[key].holds(value) is holds
    assert GOALS[key].is_stretched(value) is stretched


@pytest.mark.parametrize("key", GOALS)
def test_what_is_hoped_for_is_at_least_what_must_be(key: str) -> None:
    assert GOALS[key].holds(GOALS[key].stretch)


def test_each_key_has_a_goal_and_is_found_by_one_suite() -> None:
    keys = [key for suite in SUITES for key in suite.keys]

    assert len(keys) == len(set(keys))
    assert set(keys) <= set(GOALS)
    assert [found(suite.name) for suite in SUITES] == list(SUITES)


def test_a_result_is_json_with_each_figure_its_goal_and_what_it_was_measured_on() -> None:
    told = json.loads(json.dumps(result(Options(), ROWS, {}, ["x failed."])))

    assert list(told["keys"]) == [key for key in GOALS if key in {row.key for row in ROWS}]
    assert told["keys"]["webhook_new_vs_bare"] == {
        "value": 1.31,
        "low": 1.2,
        "high": 1.4,
        "note": "void",
        "details": {"ways": {}},
        "what": GOALS["webhook_new_vs_bare"].what,
        "direction": "<=",
        "must": 1.25,
        "stretch": 0.8,
        "holds": False,
        "stretched": False,
    }
    assert told["failures"] == ["x failed."]
    assert told["versions"]["django"]
    assert told["machine"]["cores"]
    assert told["options"]["plan"]["rounds"] >= 7


def test_quick_rounds_are_enough_for_an_interval() -> None:
    assert QUICK.rounds >= 7


def test_options_come_back_from_json_as_they_were() -> None:
    options = Options("sqlite", quick=True, plan=QUICK, rows=5)

    assert Options.from_dict(json.loads(json.dumps(options.to_dict()))) == options


def test_the_table_has_a_line_for_each_figure_and_says_what_does_not_hold() -> None:
    lines = printed(result(Options(), ROWS, {}, [])).splitlines()

    assert len(lines) == 1 + len(ROWS)
    assert [" ".join(line.split()) for line in lines[1:]] == [
        "webhook_new_vs_bare 1.31 1.2 to 1.4 ≤ 1.25 NO ≤ 0.8 void",
        "djstripe_vs_ours 9.5 9 to 10 ≥ 8 yes ≥ 15",
        "webhook_statements 1 ≤ 3 yes ≤ 1 yes",
    ]


def test_the_table_of_nothing_has_its_heads_alone() -> None:
    assert len(printed(result(Options(), [], {}, [])).splitlines()) == 1


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1.0, "1"), (1.2345, "1.23"), (123.4, "123"), (0.01234, "0.0123")]
)
def test_a_number_is_shown_as_short_as_it_says_something(value: float, text: str) -> None:
    assert number(value) == text


def test_the_page_keeps_what_is_written_by_hand(tmp_path: Path) -> None:
    text = f"before\n\n{page.BEGIN}\n\nwhat an earlier run found\n\n{page.END}\n\nafter\n"
    (tmp_path / "benchmarks.md").write_text(text)
    ran = {"webhook": {"database": "PostgreSQL 15"}}

    for _ in range(2):
        page.rewrite(result(Options(), ROWS, ran, []), tmp_path)

    told = (tmp_path / "benchmarks.md").read_text()
    assert told.startswith(f"before\n\n{page.BEGIN}\n\n| what is measured |")
    assert told.endswith(f"{page.END}\n\nafter\n")
    assert "an earlier run" not in told
    assert told.count("(`djstripe_vs_ours`) | 9.5 | 9 to 10 | ≥ 8 | yes |") == 1
    assert "PostgreSQL 15" in told
    assert json.loads((tmp_path / "benchmarks.json").read_text())["keys"]["djstripe_vs_ours"]


def test_the_docs_page_has_a_place_for_what_a_run_finds() -> None:
    text = (page.DOCS / "benchmarks.md").read_text()

    assert text.index(page.BEGIN) < text.index(page.END)


def test_the_suites_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        suite.name for suite in SUITES
    ]
