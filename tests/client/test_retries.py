"""When a call is made once more: the budget, the pause, and the one retry of a look-up."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from pytest_django import Settings

from django_redpin.client import RedpinClient, breaker, retries
from django_redpin.client.breaker import CircuitBreaker
from django_redpin.client.retries import RetryBudget, budget_for, full_jitter
from django_redpin.conf import get_account
from django_redpin.exceptions import (
    APIError,
    AuthenticationError,
    CircuitOpen,
    NoAnswer,
    RedpinError,
)
from tests.client.test_client import answering, request
from tests.redpin_server import FakeRedpin, Handler

Script = Callable[[Handler], None]


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(retries, "time", SimpleNamespace(sleep=clock.sleep))
    return clock


def client() -> RedpinClient:
    return RedpinClient(get_account())


class NeverOpen(CircuitBreaker):
    def _open(self) -> None:
        """Stay closed."""


@pytest.mark.heavy
@pytest.mark.parametrize("kind", [CircuitBreaker, NeverOpen])
def test_b19_a_redpin_that_is_down_gets_at_most_a_tenth_more_than_is_asked_of_it(
    redpin: FakeRedpin,
    clock: Clock,
    kind: type[CircuitBreaker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client()._tokens.get()
    name = breaker.host(redpin.url)
    key = next(key for key in breaker._breakers if name in key[1])
    monkeypatch.setitem(breaker._breakers, (key[0], name, key[2]), kind(name, clock=clock))
    redpin.list_script.extend([answering(503, b"")] * 1000)

    def offer(calls: int) -> int:
        """Make a call every tenth of a second, and return how many came out at the other end."""
        before = redpin.count("GET", "/sessions")
        for _ in range(calls):
            clock.now += 0.1
            at = clock.now
            with pytest.raises(RedpinError):
                client().find_session("ORDER-1")
            clock.now = at  # Callers don't wait for one another.
        return redpin.count("GET", "/sessions") - before

    in_ten_seconds = offer(100)
    after_ten_seconds = offer(100)

    assert in_ten_seconds <= 110 + 3  # What was in reserve.
    assert after_ten_seconds <= 110
    if kind is NeverOpen:
        assert after_ten_seconds >= 109  # A tenth is allowed, indeed.
    else:
        assert after_ten_seconds <= 5  # Probes alone.


def test_b19_a_budget_begins_with_three_retries_and_earns_one_in_ten_calls() -> None:
    budget = RetryBudget()

    assert [budget.withdraw() for _ in range(4)] == [True, True, True, False]
    for _ in range(9):
        budget.deposit()
    assert not budget.withdraw()
    budget.deposit()
    assert budget.withdraw()
    assert not budget.withdraw()


def test_b19_a_budget_saves_no_more_than_ten_retries() -> None:
    budget = RetryBudget()
    for _ in range(10_000):
        budget.deposit()

    assert sum(budget.withdraw() for _ in range(100)) == 10


def test_b19_each_host_has_its_own_budget() -> None:
    budget = budget_for("https://api.redpin.test")

    assert budget_for("https://api.redpin.test/v1/customers/1/sessions?x=1") is budget
    assert budget_for("https://other.redpin.test") is not budget


@pytest.mark.parametrize(
    ("attempt", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 5.0), (10**6, 5.0)]
)
def test_b19_a_pause_is_any_time_up_to_a_doubling_bound(attempt: int, longest: float) -> None:
    pauses = [full_jitter(attempt) for _ in range(500)]

    assert min(pauses) >= 0
    assert max(pauses) <= longest
    assert min(pauses) < longest * 0.1
    assert max(pauses) > longest * 0.9


def test_b19_a_pauses_bounds_can_be_chosen() -> None:
    assert max(full_jitter(9, base=0.001, longest=0.01) for _ in range(100)) <= 0.01


PASSING: list[Script] = [
    *(answering(status, b"") for status in (408, 500, 502, 503, 504)),
    answering(503, b"", ("Retry-After", "1")),
    answering(429, b"", ("Retry-After", "0")),
    answering(429, b"", ("Retry-After", "1")),
    answering(200, b"<html>"),
    answering(302, b""),
    Handler.hang_up,
]
LASTING: list[Script] = [
    *(answering(status, b"") for status in (400, 403, 404, 409, 422, 429)),
    answering(429, b"", ("Retry-After", "2")),
    answering(429, b"", ("Retry-After", "soon")),
    answering(503, b"", ("Retry-After", "2")),
    answering(500, b"", ("Retry-After", "1000000000")),
]


@pytest.mark.parametrize("script", PASSING)
def test_b19_a_look_up_is_tried_once_more_after_what_may_pass(
    redpin: FakeRedpin, clock: Clock, script: Script
) -> None:
    client().create_session(request())
    redpin.list_script.append(script)

    assert client().find_session("ORDER-1")
    assert redpin.count("GET", "/sessions") == 2
    assert len(clock.pauses) == 1


@pytest.mark.parametrize("script", LASTING)
def test_b19_a_look_up_is_not_tried_again_where_that_would_not_help(
    redpin: FakeRedpin, clock: Clock, script: Script
) -> None:
    redpin.list_script.append(script)

    with pytest.raises(APIError):
        client().find_session("ORDER-1")

    assert redpin.count("GET", "/sessions") == 1
    assert clock.pauses == []


def test_b19_a_look_up_is_tried_twice_and_never_three_times(
    redpin: FakeRedpin, clock: Clock
) -> None:
    redpin.list_script.extend([answering(500, b""), answering(502, b""), answering(504, b"")])

    with pytest.raises(APIError) as caught:
        client().find_session("ORDER-1")

    assert caught.value.status_code == 502
    assert redpin.count("GET", "/sessions") == 2


@pytest.mark.parametrize("asked", [None, "0", "1"])
def test_b19_the_pause_is_what_redpin_asks_and_some_chance(
    redpin: FakeRedpin, clock: Clock, asked: str | None
) -> None:
    headers = (("Retry-After", asked),) if asked else ()
    least = float(asked or 0)
    for _ in range(3):
        redpin.list_script.append(answering(503, b"", *headers))
        client().find_session("ORDER-1")

    assert all(least <= pause <= least + 0.5 for pause in clock.pauses)
    assert len(set(clock.pauses)) == 3


@pytest.mark.parametrize("script", [*PASSING, *LASTING])
def test_b19_a_create_call_is_never_repeated_by_the_client(
    redpin: FakeRedpin, clock: Clock, script: Script
) -> None:
    redpin.create_script.append(script)

    with pytest.raises((NoAnswer, APIError)):
        client().create_session(request())

    assert len(redpin.creates) == 1
    assert clock.pauses == []


def test_b19_without_budget_a_look_up_is_not_tried_again(redpin: FakeRedpin, clock: Clock) -> None:
    while budget_for(redpin.url).withdraw():
        pass
    redpin.list_script.append(answering(503, b""))

    with pytest.raises(APIError):
        client().find_session("ORDER-1")

    assert redpin.count("GET", "/sessions") == 1


def test_b19_a_look_up_that_the_circuit_stops_does_not_wait_to_be_stopped_again(
    redpin: FakeRedpin, clock: Clock
) -> None:
    redpin.create_script.extend([answering(500, b"")] * 5)
    for _ in range(5):
        with pytest.raises(APIError):
            client().create_session(request())

    with pytest.raises(CircuitOpen):
        client().find_session("ORDER-1")

    assert clock.pauses == []
    assert [budget_for(redpin.url).withdraw() for _ in range(3)] == [True] * 3


def test_b19_refused_credentials_are_not_tried_again(
    redpin: FakeRedpin, clock: Clock, settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN, "CLIENT_SECRET": "wrong-but-long-enough"}

    with pytest.raises(AuthenticationError):
        client().find_session("ORDER-1")

    assert redpin.count("POST", "/token") == 1
    assert clock.pauses == []


def test_b19_a_token_endpoint_that_fails_is_not_asked_again_by_the_look_up(
    redpin: FakeRedpin, clock: Clock
) -> None:
    redpin.token_script.extend([answering(503, b"")] * 2)

    with pytest.raises(NoAnswer):
        client().find_session("ORDER-1")

    assert redpin.count("GET", "/sessions") == 0
    assert clock.pauses == []


def test_b19_a_refused_token_and_a_retry_are_each_met_once(
    redpin: FakeRedpin, clock: Clock
) -> None:
    redpin.list_script.extend([answering(503, b""), answering(401, b"")])

    assert client().find_session("ORDER-1") is None
    assert redpin.count("GET", "/sessions") == 3
    redpin.list_script.extend([answering(401, b""), answering(503, b""), answering(401, b"")])

    with pytest.raises(AuthenticationError):
        client().find_session("ORDER-1")

    assert redpin.count("GET", "/sessions") == 6


def test_b19_the_pause_is_real(redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "full_jitter", lambda attempt: 0.3)
    redpin.list_script.append(answering(503, b""))
    started = time.monotonic()

    client().find_session("ORDER-1")

    assert time.monotonic() - started >= 0.3
