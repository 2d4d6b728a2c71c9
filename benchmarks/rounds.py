"""Race several ways of doing the same, so that a busy machine is busy for all of them.

The ways take turns call by call, each turn in another order: what runs before a way leaves it warm
or cold caches, and so has to be now this one, now that. What is said of a way is the median of its
rounds' medians. What is said of two of them is the median of their ratios in each round, as what
slows a round down slows both, with the interval that a bootstrap over the rounds gives it.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from .options import Plan

# Two races of the same work have to come out the same to within this, or the race says nothing.
NOISE: Final = 0.03
AGAIN: Final = " again"
_RESAMPLES: Final = 2000
_TAIL: Final = 0.99
# What one round has of either way.
_Pair = TypeVar("_Pair")


def nothing() -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class Way:
    """One way of doing the work; `prepare` is called before each call, outside of what is timed."""

    name: str
    work: Callable[[], object]
    prepare: Callable[[], object] = nothing


@dataclass
class Samples:
    """What a way took: seconds of each call, and of this thread's processor, a list a round."""

    rounds: list[list[float]] = field(default_factory=list)
    cpu_rounds: list[list[float]] = field(default_factory=list)

    @property
    def medians(self) -> list[float]:
        """The median of each round, in seconds."""
        return [statistics.median(each) for each in self.rounds]

    @property
    def median(self) -> float:
        """The median of the rounds' medians, in seconds."""
        return statistics.median(self.medians)

    @property
    def p99(self) -> float:
        """What 99 of 100 calls stay below, in seconds."""
        return percentile([each for calls in self.rounds for each in calls], _TAIL)

    @property
    def cpu(self) -> float:
        """The median of the rounds' medians, in seconds of this thread's processor."""
        return statistics.median(statistics.median(each) for each in self.cpu_rounds)

    def described(self) -> dict[str, float]:
        """Return the figures in microseconds, for a report."""
        figures = {"p50_us": self.median, "p99_us": self.p99}
        if self.cpu_rounds:
            figures["cpu_us"] = self.cpu
        return {name: round(seconds * 1e6, 2) for name, seconds in figures.items()}


@dataclass(frozen=True)
class Ratio:
    """How many times the one is the other; between `low` and `high` in 95 of 100 such runs."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Race:
    """What came of a race in which the first way ran twice, under two names."""

    samples: dict[str, Samples]
    same: Ratio

    @property
    def is_void(self) -> bool:
        """Whether the same work came out different: then nothing can be said of the others."""
        return abs(self.same.value - 1) >= NOISE

    @property
    def note(self) -> str:
        """What a row of this race has to say of it."""
        return f"void: the same work differs by {abs(self.same.value - 1):.1%}" * self.is_void

    def described(self) -> dict[str, object]:
        """Return the figures of each way, for a report."""
        ways = {name: each.described() for name, each in self.samples.items()}
        return {"ways": ways, "same_work_twice": round(self.same.value, 4)}


def race(ways: Sequence[Way], plan: Plan) -> dict[str, Samples]:
    """Return what each way took, by its name. The rounds that warm up are left out."""
    found = {way.name: Samples() for way in ways}
    chance = random.Random(0)  # The same orders in each run.
    for number in range(plan.warm_up + plan.rounds):
        taken = _round(ways, plan.calls, chance)
        if number >= plan.warm_up:
            for name, (seconds, cpu) in taken.items():
                found[name].rounds.append(seconds)
                found[name].cpu_rounds.append(cpu)
    return found


def fair_race(ways: Sequence[Way], plan: Plan) -> Race:
    """Race the ways, and the first of them a second time; a race that is void is run once more."""
    twice = replace(ways[0], name=ways[0].name + AGAIN)
    found = _judged(race([*ways, twice], plan), ways[0].name)
    return _judged(race([*ways, twice], plan), ways[0].name) if found.is_void else found


def ratio(above: Samples, below: Samples) -> Ratio:
    """Return the ratio of two ways of one race, with its interval by bootstrap over the rounds."""
    return _ratio(list(zip(above.medians, below.medians, strict=True)), _of_medians)


def tail_ratio(above: Samples, below: Samples) -> Ratio:
    """Return the ratio of what 99 of 100 calls stay below, with its interval."""
    return _ratio(list(zip(above.rounds, below.rounds, strict=True)), _of_tails)


def _ratio(pairs: Sequence[_Pair], ratio_of: Callable[[Sequence[_Pair]], float]) -> Ratio:
    chance = random.Random(0)  # One set of samples always has one interval.
    drawn = sorted(ratio_of(chance.choices(pairs, k=len(pairs))) for _ in range(_RESAMPLES))
    return Ratio(ratio_of(pairs), percentile(drawn, 0.025), percentile(drawn, 0.975))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest of the values that at least this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def _of_medians(pairs: Sequence[tuple[float, float]]) -> float:
    return statistics.median(above / below for above, below in pairs)


def _of_tails(pairs: Sequence[tuple[list[float], list[float]]]) -> float:
    above = percentile([each for pair in pairs for each in pair[0]], _TAIL)
    return above / percentile([each for pair in pairs for each in pair[1]], _TAIL)


def _judged(samples: dict[str, Samples], name: str) -> Race:
    return Race(samples, ratio(samples[name + AGAIN], samples[name]))


def _round(
    ways: Sequence[Way], calls: int, chance: random.Random
) -> dict[str, tuple[list[float], list[float]]]:
    taken: dict[str, tuple[list[float], list[float]]] = {way.name: ([], []) for way in ways}
    for _ in range(calls):
        for way in chance.sample(ways, k=len(ways)):
            way.prepare()
            cpu = time.thread_time()
            began = time.perf_counter()
            way.work()
            ended = time.perf_counter()
            seconds, cpus = taken[way.name]
            seconds.append(ended - began)
            cpus.append(time.thread_time() - cpu)
    return taken
