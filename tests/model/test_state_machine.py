"""Whatever Redpin, the network, the workers, the broker, the clock and the database do, in any order.

`REDPIN_MODEL_EXAMPLES=50000` is for the nights: as many examples, of 50 steps each, with new seeds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from django_redpin.models import Recipient

from .machine import Machine
from .world import World, living

NIGHTLY = int(os.environ.get("REDPIN_MODEL_EXAMPLES", "0"))
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with living(monkeypatch) as world:
        yield world


def run(world: World, number: int, *, examples: int, steps: int) -> None:
    """Run the machine under a seed of its own."""

    class Bound(Machine):
        pass

    Bound.world = world
    Bound.payees = [
        Recipient.objects.create(
            name=f"Payee {each}", country_code="ARE", currency="AED", recipient_id=each
        )
        for each in ("501", "502", "503")
    ]
    run_state_machine_as_test(
        seed(number)(Bound) if not NIGHTLY else Bound,
        settings=settings(
            max_examples=NIGHTLY or examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            print_blob=True,
            phases=[Phase.generate] if os.environ.get("QUICK") else list(Phase),
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_every_invariant_holds_in_a_few_worlds(world: World) -> None:
    run(world, 1, examples=15, steps=25)


@pytest.mark.slow
@pytest.mark.parametrize("half", [2, 3])
def test_every_invariant_holds_in_hundreds_of_worlds(world: World, half: int) -> None:
    run(world, half, examples=250, steps=50)
