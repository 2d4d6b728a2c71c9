"""The arithmetic of the benchmarks, on numbers of ours: no time is looked at."""

from __future__ import annotations

import random
import statistics
from collections import Counter
from functools import partial
from itertools import pairwise

import pytest

from benchmarks.options import Plan
from benchmarks.rounds import (
    Race,
    Ratio,
    Samples,
    Way,
    fair_race,
    percentile,
    race,
    ratio,
    tail_ratio,
)


def made_of(*medians: float) -> Samples:
    return Samples(rounds=[[median, median / 2, median * 9] for median in medians])


def test_the_median_is_that_of_the_rounds_medians() -> None:
    samples = Samples(rounds=[[1, 2, 900], [3, 4, 5], [7, 8, 9]])

    assert samples.medians == [2, 4, 8]
    assert samples.median == 4


def test_the_p99_is_that_of_all_calls_together() -> None:
    samples = Samples(rounds=[list(map(float, range(1, 51))), list(map(float, range(51, 101)))])

    assert samples.p99 == 99


@pytest.mark.parametrize(("share", "expected"), [(0, 1), (0.5, 2), (0.51, 3), (0.99, 4), (1, 4)])
def test_a_percentile_is_one_of_the_values(share: float, expected: float) -> None:
    assert percentile([4, 2, 1, 3], share) == expected


def test_a_ratio_is_the_median_of_the_rounds_ratios_with_an_interval_around_it() -> None:
    chance = random.Random(1)
    below = made_of(*(chance.gauss(100, 5) for _ in range(15)))
    above = made_of(*(chance.gauss(200, 10) for _ in range(15)))

    found = ratio(above, below)

    pairs = zip(above.medians, below.medians, strict=True)
    assert found.value == statistics.median(one / other for one, other in pairs)
    assert 1.8 < found.low < found.value < found.high < 2.2
    assert ratio(above, below) == found


def test_the_interval_leaves_out_what_few_such_runs_would_come_to() -> None:
    # That four of seven draws are the least of seven happens in one run of a hundred.
    found = ratio(made_of(1, 2, 3, 4, 5, 6, 7), made_of(*[1.0] * 7))

    assert found == Ratio(4, 2, 6)


def test_the_interval_of_rounds_that_are_all_alike_has_no_width() -> None:
    assert ratio(made_of(*[6.0] * 7), made_of(*[3.0] * 7)) == Ratio(2, 2, 2)


def test_a_ratio_of_tails_is_that_of_all_calls_p99() -> None:
    below = Samples(rounds=[list(map(float, range(1, 101)))] * 7)
    above = Samples(rounds=[[3 * each for each in calls] for calls in below.rounds])

    assert tail_ratio(above, below) == Ratio(3, 3, 3)
    assert tail_ratio(made_of(10, 20), made_of(10, 10)).value == 2


def test_noise_that_both_ways_have_in_common_does_not_widen_the_interval() -> None:
    below = made_of(1, 5, 2, 9, 3, 7, 4)
    above = made_of(*(2 * each for each in below.medians))

    assert ratio(above, below) == Ratio(2, 2, 2)


def test_ways_take_turns_call_by_call_and_each_comes_after_each_other() -> None:
    called: list[str] = []
    ways = [Way(name, partial(called.append, name)) for name in "ABC"]

    race(ways, Plan(rounds=2, calls=30, warm_up=0))

    turns = ["".join(called[start : start + 3]) for start in range(0, len(called), 3)]
    assert len(turns) == 60
    assert {"".join(sorted(turn)) for turn in turns} == {"ABC"}
    # None is always warmed up by the same other one.
    pairs = Counter(pair for pair in pairwise(called) if len(set(pair)) > 1)
    assert len(pairs) == 6
    assert max(pairs.values()) < 2 * min(pairs.values())


def test_what_is_prepared_is_prepared_before_each_call_and_not_timed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: seconds[0])
    monkeypatch.setattr("time.thread_time", lambda: seconds[0])

    called: list[float] = []

    def spend(time: float) -> None:
        called.append(time)
        seconds[0] += time

    way = Way("A", lambda: spend(1), prepare=lambda: spend(1000))
    found = race([way], Plan(rounds=2, calls=3, warm_up=0))["A"]

    assert called == [1000, 1] * 6
    assert found.rounds == found.cpu_rounds == [[1, 1, 1], [1, 1, 1]]


def test_rounds_that_warm_up_are_run_and_left_out() -> None:
    called: list[int] = []

    found = race([Way("A", lambda: called.append(1))], Plan(rounds=2, calls=3, warm_up=2))["A"]

    assert len(called) == 12
    assert [len(each) for each in found.rounds] == [3, 3]


@pytest.mark.parametrize(("value", "is_void"), [(1.029, False), (1.03, True), (0.969, True)])
def test_a_race_in_which_the_same_work_differs_is_void_and_says_so(
    value: float, is_void: bool
) -> None:
    found = Race({}, Ratio(value, value, value))

    assert found.is_void is is_void
    assert ("void" in found.note) is is_void


def fake_clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: seconds[0])
    return seconds


@pytest.mark.parametrize(("drifts", "runs"), [(False, 1), (True, 2)])
def test_a_void_race_is_run_once_more(
    monkeypatch: pytest.MonkeyPatch, drifts: bool, runs: int
) -> None:
    seconds, calls = fake_clock(monkeypatch), [0]

    def work() -> None:
        calls[0] += 1
        seconds[0] += 2 if drifts and calls[0] % 2 else 1

    found = fair_race([Way("A", work)], Plan(rounds=1, calls=1, warm_up=0))

    assert calls[0] == 2 * runs
    assert found.is_void is drifts
    assert set(found.samples) == {"A", "A again"}
