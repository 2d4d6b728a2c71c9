"""The page Testing your project says what there is, and nothing that there isn't."""

from __future__ import annotations

import re
from pathlib import Path

from django_redpin import testing
from django_redpin.testing import FAULTS, FakeRedpin, plugin
from django_redpin.testing.spoiling import WEBHOOK_FAULTS

PAGE = (Path(__file__).resolve().parents[2] / "docs/testing.md").read_text()


def rows(first: str) -> list[list[str]]:
    """Return the rows of the one table that has a row of that name."""
    tables = re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE)
    (found,) = (table for table in tables if f"\n| `{first}`" in table)
    lines = [line for line in found.splitlines() if line.startswith("| `")]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]


def test_every_fault_of_a_call_is_listed_with_its_outcome() -> None:
    told = {
        name: [fault.text, fault.outcome.name.lower().replace("_", " ") if fault.outcome else ""]
        for name, fault in FAULTS.items()
    }
    assert rows("error") == [[name, *rest] for name, rest in told.items()]


def test_every_fault_of_a_webhook_is_listed() -> None:
    assert rows("reorder") == [[name, fault.text] for name, fault in WEBHOOK_FAULTS.items()]


def test_every_fixture_is_listed() -> None:
    known = {name for name, made in vars(plugin).items() if hasattr(made, "_fixture_function")}

    assert {name for name, _ in rows("redpin_webhook")} == known


def test_every_public_name_is_told_of() -> None:
    untold = {"FAULTS", "Call", "Fault", "Payload", "PostedWebhook", "SignedWebhook"}  # Types.
    assert {name for name in testing.__all__ if f"`{name}" not in PAGE} == untold


def test_every_verb_is_told_of() -> None:
    verbs = {name for name in dir(FakeRedpin) if not name.startswith("_")}
    assert {name for name in verbs if f"`{name}" not in PAGE} <= {
        *("knows", "start", "status_of", "stop"),
    }
