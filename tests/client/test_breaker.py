"""The circuit breaker: when it opens, whom it lets through, and what can't keep it shut."""

from __future__ import annotations

import logging
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from pytest_django import Settings

from django_redpin.client import RedpinClient
from django_redpin.client.breaker import CircuitBreaker, breaker_for
from django_redpin.conf import get_account
from django_redpin.exceptions import (
    APIError,
    AuthenticationError,
    CircuitOpen,
    ConfigurationError,
    NoAnswer,
    NotSent,
    RedpinError,
    ServerError,
)
from django_redpin.services import circuit_states
from tests.client.test_client import answering, request
from tests.redpin_server import FakeRedpin, Handler

BROKEN = ServerError(503)


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker("api.redpin.test", clock=clock)


def met(breaker: CircuitBreaker, *errors: BaseException | None) -> None:
    """Make a call for each: one that fails with the error, or succeeds."""
    for error in errors:
        try:
            with breaker.guard():
                if error:
                    raise error
        except BaseException as raised:
            if raised is not error:
                raise


def seconds_until_probe(breaker: CircuitBreaker, clock: Clock) -> float:
    """Return how long the open circuit lets nobody through; the probe then fails."""
    opened = clock.now
    while True:
        try:
            met(breaker, BROKEN)
        except CircuitOpen:
            clock.now += 0.1
        else:
            return clock.now - opened


def test_b20_five_failures_in_a_row_open_it(breaker: CircuitBreaker) -> None:
    met(breaker, *[BROKEN] * 4, None, *[BROKEN] * 4)
    assert breaker.state == "closed"

    met(breaker, BROKEN)

    assert breaker.state == "open"
    with pytest.raises(CircuitOpen, match=r"api\.redpin\.test .* try again later"):
        met(breaker, None)


def test_b20_it_opens_when_half_of_the_latest_twenty_fail(breaker: CircuitBreaker) -> None:
    met(breaker, *[None, BROKEN] * 9, None)
    assert breaker.state == "closed"

    met(breaker, BROKEN)

    assert breaker.state == "open"


def test_b20_a_third_that_fails_does_not_open_it(breaker: CircuitBreaker) -> None:
    met(breaker, *[None, None, BROKEN] * 100)

    assert breaker.state == "closed"


def test_b20_failures_of_long_ago_do_not_count(breaker: CircuitBreaker, clock: Clock) -> None:
    met(breaker, *[None, BROKEN] * 9)
    clock.now += 61
    met(breaker, *[None, BROKEN] * 9)

    assert breaker.state == "closed"


@pytest.mark.parametrize(
    "error", [*(APIError(status) for status in (408, 500, 502, 503, 504)), NoAnswer(), NotSent()]
)
def test_b20_what_is_a_failure(breaker: CircuitBreaker, error: RedpinError) -> None:
    met(breaker, *[error] * 5)

    assert breaker.state == "open"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 425, 429])
def test_b20_a_4xx_never_counts_and_is_a_sign_of_life(breaker: CircuitBreaker, status: int) -> None:
    met(breaker, *[APIError(status)] * 100)
    assert breaker.state == "closed"

    met(breaker, *[BROKEN] * 4, APIError(status), *[BROKEN] * 4)

    assert breaker.state == "closed"


@pytest.mark.parametrize(
    "error", [ConfigurationError(), CircuitOpen(), ValueError(), KeyboardInterrupt()]
)
def test_b20_an_error_of_our_own_is_neither_failure_nor_sign_of_life(
    breaker: CircuitBreaker, error: BaseException
) -> None:
    met(breaker, *[BROKEN] * 4, *[error] * 100)
    assert breaker.state == "closed"

    met(breaker, BROKEN)

    assert breaker.state == "open"


def test_b20_while_open_a_call_fails_in_less_than_a_millisecond(breaker: CircuitBreaker) -> None:
    met(breaker, *[BROKEN] * 5)
    took = []
    for _ in range(1000):
        started = time.perf_counter()
        with pytest.raises(CircuitOpen), breaker.guard():
            pytest.fail("It let a call through.")
        took.append(time.perf_counter() - started)

    assert statistics.median(took) < 0.001


def test_b20_its_pauses_double_from_five_seconds_to_a_minute_by_chance(clock: Clock) -> None:
    pauses = []
    for _ in range(20):
        breaker = CircuitBreaker("api.redpin.test", clock=clock)
        met(breaker, *[BROKEN] * 5)
        pauses.append([seconds_until_probe(breaker, clock) for _ in range(5)])

    for nth, (least, most) in enumerate([(5, 10), (10, 20), (20, 40), (30, 60), (30, 60)]):
        found = [row[nth] for row in pauses]
        assert min(found) >= least - 0.001
        assert max(found) <= most + 0.2
        assert len({round(pause, 1) for pause in found}) > 5  # Not all at once.


def test_b20_a_probe_that_succeeds_closes_it_and_all_is_forgotten(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    met(breaker, *[BROKEN] * 5)
    for _ in range(5):
        seconds_until_probe(breaker, clock)
    clock.now += 60
    met(breaker, None)
    assert breaker.state == "closed"

    met(breaker, *[BROKEN] * 4)
    assert breaker.state == "closed"
    met(breaker, BROKEN)

    assert breaker.state == "open"
    assert seconds_until_probe(breaker, clock) < 10.2  # As at the first time.


def test_b20_one_probe_that_fails_opens_it_again_however_old_the_failures_are(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    met(breaker, *[None, BROKEN] * 10)
    assert breaker.state == "open"
    clock.now += 3600

    met(breaker, BROKEN)

    assert breaker.state == "open"


@pytest.mark.parametrize("error", [APIError(404), APIError(429)])
def test_b20_a_probe_that_is_refused_is_a_sign_of_life(
    breaker: CircuitBreaker, clock: Clock, error: APIError
) -> None:
    met(breaker, *[BROKEN] * 5)
    clock.now += 10
    met(breaker, error)

    assert breaker.state == "closed"


class Dawdler(CircuitBreaker):
    """Takes its time over a change, so that other threads could slip in."""

    def _change(self, state: str) -> None:
        time.sleep(0.01)
        super()._change(state)


def test_b20_half_open_exactly_one_of_many_threads_probes(clock: Clock) -> None:
    breaker = Dawdler("api.redpin.test", clock=clock)
    met(breaker, *[BROKEN] * 5)
    clock.now += 10
    together, all_came = threading.Barrier(16), threading.Event()
    refused: list[CircuitOpen] = []
    probes: list[str] = []

    def call() -> None:
        together.wait(10)
        try:
            with breaker.guard():
                probes.append(breaker.state)
                assert all_came.wait(10)
        except CircuitOpen as error:
            refused.append(error)
            if len(refused) == 15:
                all_came.set()

    with ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(call) for _ in range(16)]:
            done.result()

    assert probes == ["half-open"]
    assert len(refused) == 15
    assert breaker.state == "closed"


def test_b20_closed_it_makes_no_thread_wait_for_another(breaker: CircuitBreaker) -> None:
    inside = threading.Barrier(16)

    def call(_: int) -> None:
        with breaker.guard():
            inside.wait(10)  # Breaks unless all sixteen are inside at once.

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(call, range(16))) == [None] * 16


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(), GeneratorExit(), ValueError(), MemoryError()]
)
def test_b20_a_probe_whose_caller_dies_gives_its_place_to_the_next(
    breaker: CircuitBreaker, clock: Clock, error: BaseException
) -> None:
    met(breaker, *[BROKEN] * 5)
    clock.now += 10
    met(breaker, error)
    assert breaker.state == "half-open"

    met(breaker, None)

    assert breaker.state == "closed"


def test_b20_a_probe_that_never_comes_back_is_replaced(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    met(breaker, *[BROKEN] * 5)
    clock.now += 10
    lost = breaker.guard()
    lost.__enter__()
    clock.now += 29
    with pytest.raises(CircuitOpen):
        met(breaker, None)
    clock.now += 2

    with breaker.guard():
        lost.__exit__(None, None, None)  # It does come back, too late to be of weight.
        assert breaker.state == "half-open"
        with pytest.raises(CircuitOpen):
            met(breaker, None)

    assert breaker.state == "closed"


@pytest.mark.parametrize("error", [None, BROKEN])
def test_b20_a_call_from_before_it_opened_moves_nothing(
    breaker: CircuitBreaker, clock: Clock, error: ServerError | None
) -> None:
    late = [breaker.guard() for _ in range(10)]
    for call in late:
        call.__enter__()
    met(breaker, *[BROKEN] * 5)
    for call in late:
        call.__exit__(type(error) if error else None, error, None)

    assert breaker.state == "open"
    assert seconds_until_probe(breaker, clock) < 10.2  # Not put off by those that failed.


def test_b20_each_change_is_logged_once_with_the_host(
    breaker: CircuitBreaker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    met(breaker, *[BROKEN] * 5)
    for _ in range(10):
        with pytest.raises(CircuitOpen):
            met(breaker, None)
    clock.now += 10
    met(breaker, BROKEN)
    clock.now += 20
    met(breaker, ValueError(), None, None)

    assert [(r.name, r.levelname, r.getMessage()) for r in caplog.records] == [
        ("django_redpin", level, f"The circuit of api.redpin.test is {after}; it was {before}.")
        for level, before, after in [
            ("WARNING", "closed", "open"),
            ("INFO", "open", "half-open"),
            ("WARNING", "half-open", "open"),
            ("INFO", "open", "half-open"),
            ("INFO", "half-open", "closed"),
        ]
    ]


def test_b20_each_host_and_purpose_has_one_whose_state_can_be_seen() -> None:
    api = breaker_for("https://api.redpin.test/v1/customers/1/sessions")
    token = breaker_for("https://user:canary@API.redpin.test/auth?canary=1", "token")
    other = breaker_for("https://api.redpin.test:8443/")
    met(token, *[BROKEN] * 5)

    assert breaker_for("https://api.redpin.test/elsewhere") is api
    assert len({api, token, other}) == 3
    assert circuit_states() == {
        "api.redpin.test": "closed",
        "api.redpin.test (token)": "open",
        "api.redpin.test:8443": "closed",
    }


# Nobody listens there.
DEAD = "http://user:canary@127.0.0.1:9"


@pytest.mark.parametrize(
    "way",
    [{"PROXIES": {"https": DEAD}}, {"CA_BUNDLE": "/a.pem"}]
    + [{name: 1.5} for name in ("CONNECT_TIMEOUT", "READ_TIMEOUT", "TOTAL_TIMEOUT")],
)
def test_b20_accounts_share_a_circuit_where_they_share_the_way_to_the_host(
    settings: Settings, way: dict[str, object]
) -> None:
    accounts = {"other": way, "same": {"CLIENT_ID": "another", "CUSTOMER_ID": "another"}}
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": accounts}
    default, other, same = (
        breaker_for("https://api.redpin.test/", route=get_account(alias).route)
        for alias in ("default", "other", "same")
    )

    assert default is same
    assert default is not other


def test_b20_of_many_ways_to_a_host_the_worst_state_is_told(clock: Clock) -> None:
    one, two = (breaker_for("https://api.redpin.test/", route=route) for route in (1, 2))
    met(one, None)
    met(two, None)
    assert circuit_states() == {"api.redpin.test": "closed"}

    for breaker in (one, two):
        breaker._clock = clock
        met(breaker, *[BROKEN] * 5)
        assert circuit_states() == {"api.redpin.test": "open"}
    clock.now += 10
    for breaker in (two, one):
        met(breaker, ValueError())
        states = {one.state, two.state}
        assert circuit_states() == {"api.redpin.test": "open" if "open" in states else "half-open"}
    met(one, None)

    assert circuit_states() == {"api.redpin.test": "half-open"}


@pytest.mark.parametrize("has_token", [True, False])
def test_b20_a_tenants_dead_proxy_opens_no_circuit_of_the_others(
    redpin: FakeRedpin, settings: Settings, caplog: pytest.LogCaptureFixture, has_token: bool
) -> None:
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"bad": {"PROXIES": {"http": DEAD}}}}
    good, bad = client(), RedpinClient(get_account("bad"))
    if has_token:
        bad._tokens = good._tokens

    errors = []
    for _ in range(6):
        with pytest.raises(NotSent) as caught:
            bad.create_session(request())
        errors.append(caught.value)

    assert isinstance(errors[-1], CircuitOpen)
    assert "open" in circuit_states().values()
    assert "canary" not in f"{errors}{[str(e) for e in errors]}{circuit_states()}{caplog.text}"
    assert good.create_session(request()).session_id


FORK = """
import os, signal, threading
from django_redpin.client.breaker import breaker_for, circuit_states
from django_redpin.client.retries import budget_for
from django_redpin.exceptions import ServerError

url = "https://api.redpin.test/"
breaker, budget = breaker_for(url), budget_for(url)
for _ in range(5):
    try:
        with breaker.guard():
            raise ServerError(503)
    except ServerError:
        pass
held = threading.Event()

def hold():
    with breaker._lock, budget._lock:
        held.set()
        threading.Event().wait()

threading.Thread(target=hold, daemon=True).start()
held.wait()
child = os.fork()
if child == 0:
    signal.alarm(5)
    with breaker_for(url).guard():
        budget_for(url).deposit()
    assert circuit_states() == {"api.redpin.test": "closed"}
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert circuit_states() == {"api.redpin.test": "open"}
"""


@pytest.mark.heavy
def test_b20_a_fork_in_the_middle_of_a_call_does_not_lock_the_child() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK], capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stderr


def client() -> RedpinClient:
    return RedpinClient(get_account())


def test_b20_while_the_circuit_is_open_nothing_is_sent(redpin: FakeRedpin) -> None:
    redpin.create_script.extend([answering(503, b"")] * 5)
    for _ in range(5):
        with pytest.raises(ServerError):
            client().create_session(request())

    for call in (lambda: client().create_session(request()), lambda: client().find_session("X")):
        with pytest.raises(CircuitOpen):
            call()

    assert len(redpin.creates) == 5
    assert redpin.count("GET", "/sessions") == 0
    host = redpin.url.removeprefix("http://")
    assert circuit_states() == {host: "open", f"{host} (token)": "closed"}


def test_b20_when_redpin_is_back_the_next_call_after_the_pause_closes_it(
    redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch
) -> None:
    redpin.create_script.extend([Handler.hang_up] * 5)
    for _ in range(5):
        with pytest.raises(NoAnswer):
            client().create_session(request())
    later = time.monotonic() + 10
    circuit = breaker_for(redpin.url, route=get_account().route)
    assert circuit.state == "open"
    monkeypatch.setattr(circuit, "_clock", lambda: later)

    assert client().create_session(request()).session_id
    assert circuit.state == "closed"


@pytest.mark.parametrize("status", [400, 404, 409, 422, 429])
def test_b20_refusals_do_not_open_the_circuit(redpin: FakeRedpin, status: int) -> None:
    redpin.create_script.extend([answering(status, b"{}")] * 6)
    for _ in range(6):
        with pytest.raises(APIError):
            client().create_session(request())

    assert client().create_session(request()).session_id


@pytest.mark.parametrize("script", [Handler.hang_up, answering(503, b"<html>")])
def test_b20_the_token_endpoint_has_a_circuit_of_its_own(
    redpin: FakeRedpin, script: Callable[[Handler], None]
) -> None:
    redpin.token_script.extend([script] * 5)
    for _ in range(5):
        with pytest.raises(NoAnswer):
            client().create_session(request())

    with pytest.raises(CircuitOpen, match=r"\(token\)"):
        client().create_session(request())

    assert redpin.count("POST", "/token") == 5
    assert redpin.creates == []
    host = redpin.url.removeprefix("http://")
    assert circuit_states()[f"{host} (token)"] == "open"
    assert circuit_states().get(host, "closed") == "closed"


def test_b20_refused_credentials_do_not_open_the_token_endpoints_circuit(
    redpin: FakeRedpin, settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN, "CLIENT_SECRET": "wrong-but-long-enough"}
    for _ in range(6):
        with pytest.raises(AuthenticationError):
            client().create_session(request())

    host = redpin.url.removeprefix("http://")
    assert circuit_states() == {f"{host} (token)": "closed"}
