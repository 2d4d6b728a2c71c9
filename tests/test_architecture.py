"""The page about the architecture shows the floors and contracts that `lint-imports` holds."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = (ROOT / "docs/architecture.md").read_text()
CONTRACTS: Final = configparser.ConfigParser()
CONTRACTS.read(ROOT / "setup.cfg")


def first_cells(title: str) -> list[str]:
    body = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in body.splitlines() if line.startswith("| ")]
    return [line.split("|")[1].strip() for line in lines[2:]]


def test_the_floors_are_those_of_the_contract_from_the_top() -> None:
    layers = CONTRACTS["importlinter:contract:floors"]["layers"].split("\n")
    floors = [sorted(re.findall(r"\w+", layer)) for layer in layers if layer]

    assert [re.findall(r"`(\w+)`", cell) for cell in first_cells("The floors")] == floors


def test_what_stands_outside_is_named() -> None:
    outside = CONTRACTS["importlinter:contract:floors"]["exhaustive_ignores"].split()

    assert " and ".join(f"`{room}`" for room in outside) + " stand outside." in PAGE


def test_each_other_contract_has_its_reason() -> None:
    names = [
        CONTRACTS[section]["name"]
        for section in CONTRACTS.sections()
        if section.startswith("importlinter:contract:") and not section.endswith(":floors")
    ]

    assert first_cells("The other contracts") == names


def test_the_walls_of_the_sandbox_leave_out_no_room() -> None:
    layers = CONTRACTS["importlinter:contract:floors"]["layers"]
    rooms = {f"django_redpin.{room}" for room in re.findall(r"\w+", layers)}
    own = CONTRACTS["importlinter:contract:sandbox-knows-nobody"]["forbidden_modules"]
    others = CONTRACTS["importlinter:contract:nobody-knows-the-sandbox"]["source_modules"]

    assert set(own.split()) == rooms
    assert set(others.split()) == rooms | {"example_project"}
