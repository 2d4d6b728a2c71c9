"""Every line that is logged has a name and facts that are listed, and no others."""

from __future__ import annotations

import ast
import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

import django_redpin
from django_redpin.telemetry import LogEvent, tell
from django_redpin.telemetry.fields import LENGTH, Fields
from tests.test_docs import table

ROOT: Final = Path(django_redpin.__file__).parent
_LEVELS: Final = {"debug", "info", "warning", "error", "exception", "critical", "log"}
logger: Final = logging.getLogger("django_redpin.test")


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Give what is ours: not the sandbox, which imports nothing of it."""
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        if not place.startswith(("sandbox/", "migrations/", "telemetry/")):
            yield place, ast.parse(path.read_text())


def events_in(node: ast.AST) -> set[str]:
    return {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute)
        and isinstance(each.value, ast.Name)
        and each.value.id == "LogEvent"
    }


def calls() -> Iterator[tuple[str, str, set[str]]]:
    """Give each event that is told, by its name in the table, with the facts that it is given."""
    for place, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "tell":
                # From a table of the module, where the call itself names none.
                named = events_in(node.args[1]) or events_in(tree)
                facts = {str(keyword.arg) for keyword in node.keywords} - {"exc_info"}
                assert named, f"{place}: {ast.unparse(node)}"
                for event in named:
                    yield place, event, facts


@pytest.mark.heavy
def test_no_line_is_logged_but_through_the_table() -> None:
    past_it = [
        f"{place}:{node.lineno}"
        for place, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _LEVELS
        and "logger" in ast.unparse(node.func.value)
    ]

    assert past_it == []


def test_every_event_is_told_somewhere_with_just_the_facts_that_are_listed() -> None:
    told: dict[str, set[str]] = defaultdict(set)
    for _, event, facts in calls():
        told[event] |= facts

    assert told == {event.name: set(event.value.facts.split()) for event in LogEvent}


def test_the_names_are_different_and_the_facts_are_of_the_allow_list() -> None:
    names = [event.value.name for event in LogEvent]

    assert len(set(names)) == len(names)
    assert {fact for event in LogEvent for fact in event.value.facts.split()} <= set(
        Fields.__annotations__
    )


def test_the_page_lists_every_event_with_its_level_its_facts_and_its_meaning() -> None:
    shown = {name: cells for name, *cells in table("observability.md", "Log events")}

    assert shown == {
        line.name: [
            logging.getLevelName(line.level),
            ", ".join(f"`{fact}`" for fact in line.facts.split()).strip("`"),
            line.meaning,
        ]
        for line in (event.value for event in LogEvent)
    }


def test_a_record_has_its_name_and_its_facts_and_says_where_it_comes_from(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tell(logger, LogEvent.TASK_LEFT, "%s is left.", "a.task", task="a.task", row=7, failure="Error")

    (record,) = caplog.records
    facts = {name: value for name, value in vars(record).items() if name.startswith("redpin_")}
    assert facts == {
        "redpin_event": "queue.refused",
        "redpin_task": "a.task",
        "redpin_row": 7,
        "redpin_failure": "Error",
    }
    assert record.getMessage() == "a.task is left."
    assert (record.levelname, record.filename) == ("WARNING", "test_logs.py")


def test_a_fact_that_the_event_does_not_list_is_left_out_and_a_long_one_is_cut(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fields: Any = {"reference": "canary", "account": "x" * 5000, "reason": "two\nlines"}
    tell(logger, LogEvent.WEBHOOK_REFUSED, "Refused.", **fields)

    (record,) = caplog.records
    assert not hasattr(record, "redpin_reference")
    assert len(vars(record)["redpin_account"]) == LENGTH
    assert vars(record)["redpin_reason"] == "two lines"


def test_a_filter_of_the_project_that_fails_loses_the_line_and_nothing_else() -> None:
    def fail(record: logging.LogRecord) -> bool:
        raise KeyError("name")

    logger.addFilter(fail)
    try:
        tell(logger, LogEvent.BROKER_REFUSES, "It is away.", task="a.task")
    finally:
        logger.removeFilter(fail)


def test_the_formatter_of_the_page_writes_json(caplog: pytest.LogCaptureFixture) -> None:
    page = (ROOT.parent / "docs/observability.md").read_text()
    code = page.partition("```python\nimport json\n")[2].partition("```")[0]
    made: dict[str, Any] = {}
    exec("import json\n" + code, made)  # noqa: S102  It is our own page.
    tell(logger, LogEvent.TASK_LEFT, "%s is left.", "a.task", task="a.task", row=7)

    (record,) = caplog.records
    written = json.loads(made["JSONFormatter"]().format(record))
    assert written["redpin_event"] == "queue.refused"
    assert written["redpin_row"] == 7
    assert written["message"] == "a.task is left."
