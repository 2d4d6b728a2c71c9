"""The soak's verdict: what is left, and what has grown, is told."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.soak.__main__ import CONNECTIONS, failures
from benchmarks.soak.watching import Series

MIB = 1024 * 1024


def report(**changes: Any) -> dict[str, Any]:
    return {
        "payments_unfinished": 0,
        "events_unapplied": 0,
        "transitions_undispatched": 0,
        "webhooks": {"events": 6},
        "events_stored": 6,
        "processes": {},
        "database_connections": {"last": CONNECTIONS},
        **changes,
    }


def sampled(rss: list[int]) -> dict[str, Any]:
    seconds = [float(number) for number in range(len(rss))]
    return Series(seconds, rss, connections=[1] * len(rss)).report()


def test_a_run_in_which_all_is_done_has_no_failures() -> None:
    assert failures(report(), 8, []) == []


@pytest.mark.parametrize(
    "name", ["payments_unfinished", "events_unapplied", "transitions_undispatched"]
)
def test_what_is_left_is_a_failure(name: str) -> None:
    assert failures(report(**{name: 1}), 8, []) == [f"{name}: 1"]


def test_an_event_that_is_not_stored_is_a_failure() -> None:
    assert len(failures(report(events_stored=5), 8, [])) == 1


def test_a_process_that_has_ended_is_a_failure() -> None:
    assert failures(report(), 8, ["beat"]) == ["beat ended by itself."]


def test_memory_that_grows_once_it_is_warm_is_a_failure() -> None:
    leak = sampled([100 * MIB + number * MIB // 10 for number in range(300)])

    assert leak["slope_kib_per_minute"] == pytest.approx(6 * 1024, rel=0.01)
    (told,) = failures(report(processes={"web": leak}), 8, [])
    assert told.startswith("web grew by")


def test_memory_that_grows_only_while_it_warms_up_is_none() -> None:
    warm = sampled([number * MIB for number in range(100)] + [100 * MIB] * 200)

    assert failures(report(processes={"web": warm}), 8, []) == []


def test_a_connection_to_the_database_that_nobody_uses_is_a_failure() -> None:
    (told,) = failures(report(database_connections={"last": CONNECTIONS + 1}), 8, [])

    assert told.startswith(f"{CONNECTIONS + 1} connections")
