"""Whatever Redpin, the network, the workers, the broker, the clock and the database may do.

`REDPIN_MODEL_EXAMPLES=50000` is for the nights: as many worlds, of 50 steps each, with new seeds.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from django_redpin.models import Recipient

from .machine import Machine
from .world import World

NIGHTLY = int(os.environ.get("REDPIN_MODEL_EXAMPLES", "0"))
EXAMPLES = NIGHTLY or 500
pytestmark = pytest.mark.django_db(transaction=True)

# Not every release of hypothesis says what it takes.
run_machine: Callable[..., None] = run_state_machine_as_test


def run(world: World, payees: list[Recipient], number: int, *, examples: int, steps: int) -> None:
    """Run the machine under a seed of its own."""

    class Bound(Machine):
        pass

    Bound.world = world
    Bound.payees = payees
    run_machine(
        seed(number)(Bound) if not NIGHTLY else Bound,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.slow
def test_every_invariant_holds_in_a_few_worlds(world: World, payees: list[Recipient]) -> None:
    run(world, payees, 1, examples=10, steps=25)


@pytest.mark.slow
@pytest.mark.parametrize("half", [2, 3])
def test_every_invariant_holds_in_hundreds_of_worlds(
    world: World, payees: list[Recipient], half: int
) -> None:
    run(world, payees, half, examples=EXAMPLES // 2, steps=50)
