"""Whoever changes a rule sees the tests fail that speak of it, and no others.

Each line changes one rule in a copy of the tree. Among the tests that could speak of a rule, the
files that fail are those named: of the rule itself, and of the pages that state it. A file that
fails besides repeats a rule which it is not about; one that does not fail says nothing of it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from .mutants import COPIED, ROOT

# What is run for each change, without Django, which takes longer to start than all of it: with few
# examples of each property, as a change is noticed by one of them.
SPEAK: Final = ("tests/rules", "tests/test_docs_rules.py")
ALONE: Final = (
    *("--rootdir", ".", "--confcutdir", "tests/rules", "-c", os.devnull),
    *("-p", "no:django", "-p", "no:schemathesis", "-p", "no:xdist"),
)
# What stands nearest to the rules, and speaks of none: forms that show faults, the other pages.
SILENT: Final = ("tests/test_forms.py", "tests/test_docs.py", "tests/webhooks/test_docs.py")
PAGE: Final = "tests/test_docs_rules.py"


@dataclass(frozen=True, slots=True)
class Change:
    """`before` stands once in the file of `rules/`; `after` takes its place."""

    rule: str
    path: str
    before: str
    after: str
    fails: frozenset[str]


def change(rule: str, path: str, before: str, after: str, *fails: str) -> Change:
    return Change(rule, f"django_redpin/rules/{path}", before, after, frozenset(fails))


REQUESTS: Final = "tests/rules/test_requests.py"
REFERENCES: Final = "tests/rules/test_references.py"
MONEY: Final = "tests/rules/test_money.py"
STATUSES: Final = "tests/rules/test_statuses.py"
CHANGES: Final = (
    change(
        "the due date",
        "requests.py",
        "MIN_DAYS_AHEAD: Final = 5",
        "MIN_DAYS_AHEAD: Final = 6",
        *(REQUESTS, PAGE),
    ),
    change(
        "a reference's length",
        "references.py",
        "REFERENCE_MAX_LENGTH: Final = 100",
        "REFERENCE_MAX_LENGTH: Final = 99",
        *(REFERENCES, PAGE),
    ),
    change(
        "a reference's characters",
        "references.py",
        'r"[A-Za-z0-9_-]+"',
        'r"[A-Za-z0-9_.-]+"',
        REFERENCES,
    ),
    change(
        "a purpose's length",
        "references.py",
        "PURPOSE_MAX_LENGTH: Final = 100",
        "PURPOSE_MAX_LENGTH: Final = 101",
        *(REQUESTS, PAGE),
    ),
    change(
        "an amount's digits",
        "money.py",
        "MAX_DIGITS: Final = 15",
        "MAX_DIGITS: Final = 14",
        *(MONEY, PAGE),
    ),
    change(
        "an amount above zero",
        "money.py",
        "amount <= 0",
        "amount < 0",
        *(MONEY, REQUESTS, "tests/rules/test_hostile_types.py"),
    ),
    change(
        "an origin without a path",
        "addresses.py",
        "if parts.path or parts.query or",
        "if parts.query or",
        *("tests/rules/test_origins.py", REQUESTS),
    ),
    change(
        "a callback by HTTPS",
        "addresses.py",
        'if parts.scheme == "https" or (',
        'if parts.scheme in {"https", "http"} or (',
        *("tests/rules/test_callbacks.py", REQUESTS),
    ),
    change(
        "which status wins",
        "statuses.py",
        "    PAYOUT_CREDITED: 50,\n    PAYMENT_COMPLETED: 60,",
        "    PAYOUT_CREDITED: 60,\n    PAYMENT_COMPLETED: 50,",
        *(STATUSES, PAGE),
    ),
    change(
        "what may follow a status",
        "statuses.py",
        "    PAYMENT_COMPLETED: frozenset(),\n    CANCELLED: frozenset(),",
        "    PAYMENT_COMPLETED: frozenset({REFUNDED}),\n    CANCELLED: frozenset(),",
        *(STATUSES, PAGE),
    ),
    change(
        "which status is final",
        "statuses.py",
        "frozenset({PAYMENT_COMPLETED, CANCELLED, REFUNDED})",
        "frozenset({PAYMENT_COMPLETED, CANCELLED})",
        *(STATUSES, PAGE),
    ),
    change(
        "a secret's length",
        "callback_tokens.py",
        "SECRET_MIN_BYTES: Final = 24",
        "SECRET_MIN_BYTES: Final = 25",
        *("tests/rules/test_callback_tokens.py", PAGE),
    ),
)


def failing(changes: Iterable[Change], copy: Path, *arguments: str) -> frozenset[str]:
    """Return the test files that fail once the rules are changed in a copy."""
    copy.mkdir()
    for name in (*COPIED, "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"):
        source = ROOT / name
        take = shutil.copytree if source.is_dir() else shutil.copy
        take(source, copy / name)
    for change in changes:
        path = copy / change.path
        text = path.read_text()
        assert text.count(change.before) == 1, f"{change.path} has not what it names, once"
        path.write_text(text.replace(change.before, change.after))
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-rfE", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "REDPIN_RULE_EXAMPLES": "5"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return frozenset(re.findall(r"^(?:FAILED|ERROR) ([^:\s]+)", done.stdout, re.MULTILINE))


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.rule)
def test_a_changed_rule_fails_the_tests_that_speak_of_it_and_no_others(
    change: Change, tmp_path: Path
) -> None:
    assert failing([change], tmp_path / "copy", *ALONE, *SPEAK) == change.fails


@pytest.mark.slow
def test_all_of_them_together_fail_nothing_that_is_about_something_else(tmp_path: Path) -> None:
    assert failing(CHANGES, tmp_path / "copy", "-m", "not slow", *SILENT) == frozenset()
