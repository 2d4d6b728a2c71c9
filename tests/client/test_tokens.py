"""Tokens over a real socket: who asks, who waits, what is shared, what is believed no more."""

from __future__ import annotations

import logging
import os
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

import pytest
from django.core.cache import cache
from pytest_django import Settings

from django_redpin.client import RedpinClient, api
from django_redpin.client.token_cache import Failure, SharedTokens
from django_redpin.conf import get_account
from django_redpin.exceptions import AuthenticationError, NotSent
from tests.redpin_server import FakeRedpin, Handler

from . import caches as test_caches
from .token_tools import (
    Clock,
    answering,
    failing_slowly,
    in_threads,
    key_of,
    provider,
    requests_for_tokens,
    shared_keys,
    slowly,
)

PACKAGE: Final = "tests.client.caches"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def use_cache(settings: Settings) -> Callable[[str], None]:
    """Let a cache of this backend share the tokens."""

    def use(backend: str) -> None:
        settings.CACHES = {
            **settings.CACHES,
            "shared": {"BACKEND": backend, "LOCATION": f"{backend}-{time.monotonic()}"},
        }
        settings.REDPIN = {**settings.REDPIN, "TOKEN_CACHE": "shared"}
        test_caches.calls.clear()

    return use


def client() -> RedpinClient:
    return RedpinClient(get_account())


# --- B1: one asks --------------------------------------------------------------------------------


def test_b1_threads_make_one_token_request_and_no_call_goes_bare(redpin: FakeRedpin) -> None:
    redpin.token_script.append(slowly)

    in_threads(32, lambda: str(client().find_session("ORDER-1")))

    lists = [call for call in redpin.calls if call.method == "GET"]
    assert requests_for_tokens(redpin) == 1
    assert len(lists) == 32
    assert {call.headers.get("authorization") for call in lists} == {"Bearer canary-token-1"}


def test_b1_those_who_waited_share_the_failure_and_the_next_one_asks_again(
    redpin: FakeRedpin,
) -> None:
    ours = provider()
    redpin.token_script.append(failing_slowly)

    got = in_threads(16, ours.get)

    assert got == ["NotSent"] * 16
    assert requests_for_tokens(redpin) == 1
    assert ours.get() == "canary-token-1"


def test_b1_another_process_that_waited_shares_the_failure_too(redpin: FakeRedpin) -> None:
    processes = [provider() for _ in range(8)]
    redpin.token_script.append(failing_slowly)

    got = in_threads(8, lambda: processes.pop().get())

    assert got == ["NotSent"] * 8
    assert requests_for_tokens(redpin) == 1


def test_b1_processes_with_one_cache_make_one_token_request(redpin: FakeRedpin) -> None:
    processes = [provider() for _ in range(8)]
    redpin.token_script.append(slowly)

    got = in_threads(8, lambda: processes.pop().get())

    assert got == ["canary-token-1"] * 8
    assert requests_for_tokens(redpin) == 1


def test_b1_nobody_waits_for_ever_for_another_thread(redpin: FakeRedpin) -> None:
    ours = provider()
    ours._patience = 0.1
    started = time.monotonic()
    with ours._flight, pytest.raises(NotSent, match="other threads"):
        ours.get()

    assert time.monotonic() - started < 3
    assert redpin.calls == []
    assert ours.get() == "canary-token-1"


def test_b1_nobody_waits_for_ever_for_another_process(redpin: FakeRedpin) -> None:
    ours = provider()
    ours._patience = 0.1
    cache.add(key_of("lock"), "another")
    started = time.monotonic()

    with pytest.raises(NotSent, match="another process"):
        ours.get()

    assert time.monotonic() - started < 3
    assert redpin.calls == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="This system has no fork.")
def test_b1_a_lock_that_was_held_at_the_fork_is_free_in_the_child(redpin: FakeRedpin) -> None:
    ours = provider()
    ours._patience = 2
    with ours._flight, ours._state, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # That locks may be held: so they are.
        child = os.fork()
        if not child:
            try:
                os._exit(0 if ours.get() == "canary-token-1" else 1)
            finally:
                os._exit(2)

    assert os.waitpid(child, 0)[1] == 0


def test_b1_a_renewal_that_failed_postpones_the_next_of_its_own_token_alone(
    redpin: FakeRedpin,
) -> None:
    ours = provider()
    ours.get()
    old = ours._token
    assert old is not None
    new = replace(old, renew_at=old.renew_at + 1)

    ours._token = new  # Another thread has fetched one meanwhile.
    ours._postpone(old, 60)
    assert ours._token is new
    ours._postpone(new, 0)
    assert ours._token.renew_at < new.renew_at


# --- B2: memory, and the shared cache ------------------------------------------------------------


def test_b2_a_warm_look_up_calls_no_cache_and_takes_no_lock(
    redpin: FakeRedpin, use_cache: Callable[[str], None]
) -> None:
    class Untouchable:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    use_cache(f"{PACKAGE}.Counting")
    ours = provider()
    token = ours.get()
    assert set(test_caches.calls) == {"get", "add", "set", "delete"}
    test_caches.calls.clear()
    ours._flight = ours._state = Untouchable()  # type: ignore[assignment]

    assert [ours.get() for _ in range(100)] == [token] * 100
    assert test_caches.calls == []


def test_b2_a_process_takes_the_token_that_another_fetched(redpin: FakeRedpin) -> None:
    client().find_session("ORDER-1")
    api._providers.clear()
    client().find_session("ORDER-1")

    assert requests_for_tokens(redpin) == 1


def test_b2_without_a_shared_cache_tokens_are_in_memory_alone(redpin: FakeRedpin) -> None:
    ours = provider(token_cache=None)

    assert in_threads(16, ours.get) == ["canary-token-1"] * 16
    assert provider(token_cache=None).get() == "canary-token-2"
    assert shared_keys() == []


@pytest.mark.parametrize(
    ("backend", "is_shared"),
    [
        ("django.core.cache.backends.locmem.LocMemCache", True),
        (f"{PACKAGE}.Json", True),
        ("django.core.cache.backends.dummy.DummyCache", False),
        (f"{PACKAGE}.Away", False),
        (f"{PACKAGE}.Silent", False),
    ],
)
def test_b2_any_cache_will_do_and_none_that_is_away_stops_a_call(
    redpin: FakeRedpin, use_cache: Callable[[str], None], backend: str, is_shared: bool
) -> None:
    use_cache(backend)
    ours, others = provider(), provider()
    redpin.token_script.append(slowly)

    assert in_threads(16, ours.get) == ["canary-token-1"] * 16
    assert others.get() == ("canary-token-1" if is_shared else "canary-token-2")
    ours.forget("canary-token-1")
    assert ours.get() == ("canary-token-2" if is_shared else "canary-token-3")


def test_b2_a_cache_that_is_away_is_left_alone_for_a_while_and_told_of_once(
    redpin: FakeRedpin, use_cache: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    use_cache(f"{PACKAGE}.Away")
    provider().get()

    (record,) = (r for r in caplog.records if r.name == "django_redpin")
    assert "'shared' is out of reach (ConnectionError)" in record.getMessage()
    assert "canary" not in record.getMessage()
    assert test_caches.calls == ["failed"]


def test_b2_an_alias_that_is_not_there_is_a_cache_that_is_away(redpin: FakeRedpin) -> None:
    assert provider(token_cache="nowhere").get() == "canary-token-1"


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "token",
        7,
        [],
        {},
        ["token"],
        [b"token", 1.0, 2.0],
        ["to\nken", time.time(), 3600],
        ["token", "soon", 3600],
        ["token", time.time(), 3600, 1],
        ["token", time.time() - 3600, 3600],
        ["token", float("nan"), 3600],
    ],
)
def test_b2_what_is_no_token_in_the_cache_is_no_token(redpin: FakeRedpin, entry: object) -> None:
    cache.set(key_of("token"), entry)
    cache.set(key_of("failure"), entry)

    assert provider().get() == "canary-token-1"


def test_b2_what_is_shared_lasts_as_long_as_the_token(redpin: FakeRedpin) -> None:
    redpin.expires_in = 100
    provider().get()
    (stored,) = (cache.get(key) for key in shared_keys())
    (until,) = getattr(cache, "_expire_info", {}).values()

    assert [stored[0], stored[2]] == ["canary-token-1", 100]
    assert 80 < until - time.time() <= 100 - get_account().total_timeout


def test_b2_keys_tell_nothing_and_differ_by_all_that_decides(
    redpin: FakeRedpin, settings: Settings
) -> None:
    account = get_account()
    accounts = [
        account,
        replace(account, alias="other"),
        replace(account, token_url="https://other.test/token"),
        replace(account, client_id="other"),
        replace(account, client_secret="other"),
    ]
    keys = [SharedTokens(each)._token_key for each in accounts]
    settings.SECRET_KEY = "another"  # Who doesn't know it can't try secrets.
    keys.append(SharedTokens(account)._token_key)

    assert len(set(keys)) == 6
    assert not any(word in key for key in keys for word in ("canary", "merchant", "default"))
    assert all(len(key) < 120 and key.isascii() and " " not in key for key in keys)


def test_b2_accounts_share_no_token(redpin: FakeRedpin) -> None:
    assert provider().get() == "canary-token-1"
    assert provider(alias="second").get() == "canary-token-2"


@pytest.mark.parametrize("step", [slowly, failing_slowly])
def test_b2_the_lock_is_given_back(redpin: FakeRedpin, step: Callable[[Handler], None]) -> None:
    redpin.token_script.append(step)

    in_threads(1, provider().get)

    assert cache.get(key_of("lock")) is None
    assert requests_for_tokens(redpin) == 1


def test_b2_only_ones_own_lock_is_given_back(redpin: FakeRedpin) -> None:
    def lose_the_lock(handler: Handler) -> None:
        cache.set(key_of("lock"), "another's")
        handler.answer_token()

    redpin.token_script.append(lose_the_lock)
    provider().get()

    assert cache.get(key_of("lock")) == "another's"


def test_b2_a_lock_whose_time_is_over_is_not_given_back(redpin: FakeRedpin) -> None:
    shared = SharedTokens(get_account())
    assert shared.lock()
    shared._owned_until = time.monotonic()
    shared.unlock()

    assert cache.get(key_of("lock")) == shared._owner


def test_b2_a_lock_that_vanishes_is_taken_at_once(redpin: FakeRedpin) -> None:
    cache.add(key_of("lock"), "another", timeout=60)
    threading.Timer(0.3, cache.delete, [key_of("lock")]).start()
    started = time.monotonic()

    assert provider().get() == "canary-token-1"
    assert time.monotonic() - started < 3


def test_b2_a_lock_lasts_a_little_longer_than_a_token_request_may(redpin: FakeRedpin) -> None:
    def look(handler: Handler) -> None:
        until.append(getattr(cache, "_expire_info", {})[cache.make_key(key_of("lock"))])
        handler.answer_token()

    until: list[float] = []
    redpin.token_script.append(look)
    started = time.time()
    provider().get()

    total = get_account().total_timeout
    assert total + 1 < until[0] - started < total + 4


# --- B3: early enough ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("life", "not_before", "at_the_latest"),
    [
        (3600, 360, 288),
        (900, 90, 72),
        (400, 60, 48),
        (120, 60, 48),
        (60, 30, 24),
        (8, 4, 3.2),
    ],
)
def test_b3_a_token_is_renewed_when_little_of_its_life_is_left(
    redpin: FakeRedpin, clock: Clock, life: int, not_before: float, at_the_latest: float
) -> None:
    redpin.expires_in = life
    started = clock.now
    ours = provider()
    ours.get()

    clock.now = started + life - not_before - 0.01
    assert ours.get() == "canary-token-1"
    clock.now = started + life - at_the_latest + 0.01
    assert ours.get() == "canary-token-2"
    assert requests_for_tokens(redpin) == 2


def test_b3_processes_renew_a_little_apart(redpin: FakeRedpin, clock: Clock) -> None:
    times = set()
    for _ in range(10):
        ours = provider()
        ours.get()
        assert ours._token is not None
        times.add(round(ours._token.renew_at, 3))

    assert requests_for_tokens(redpin) == 1
    assert len(times) > 5


def test_b3_one_thread_renews_while_the_others_use_the_old_token(
    redpin: FakeRedpin, clock: Clock
) -> None:
    ours = provider()
    ours.get()
    clock.now += 3600 - 200
    is_asked, may_answer = threading.Event(), threading.Event()

    def wait(handler: Handler) -> None:
        is_asked.set()
        may_answer.wait(10)
        handler.answer_token()

    redpin.token_script.append(wait)
    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(ours.get)
        assert is_asked.wait(10)
        assert in_threads(16, ours.get) == ["canary-token-1"] * 16
        may_answer.set()
        assert renewing.result() == "canary-token-2"

    assert ours.get() == "canary-token-2"
    assert requests_for_tokens(redpin) == 2


def test_b3_a_process_takes_the_token_that_another_renewed(
    redpin: FakeRedpin, clock: Clock
) -> None:
    ours, theirs = provider(), provider()
    ours.get(), theirs.get()
    clock.now += 3600 - 200

    assert [theirs.get(), ours.get()] == ["canary-token-2"] * 2
    assert requests_for_tokens(redpin) == 2


def test_b3_an_endpoint_that_gives_the_same_token_again_is_asked_once_for_all_processes(
    redpin: FakeRedpin, clock: Clock
) -> None:
    same = b'{"access_token": "canary-token-same", "expires_in": %d}'
    redpin.token_script.extend([answering(200, same % 3600), answering(200, same % 200)])
    processes = [provider() for _ in range(4)]
    for each in processes:
        each.get()
    clock.now += 3600 - 200

    assert {each.get() for each in processes} == {"canary-token-same"}
    assert requests_for_tokens(redpin) == 2


def test_b3_while_another_process_renews_the_old_token_is_used(
    redpin: FakeRedpin, clock: Clock
) -> None:
    ours = provider()
    ours.get()
    clock.now += 3600 - 200
    cache.add(key_of("lock"), "another")

    assert ours.get() == "canary-token-1"
    cache.delete(key_of("lock"))
    assert ours.get() == "canary-token-1"  # It looks again after a moment, not at each call.
    clock.now += 1
    assert ours.get() == "canary-token-2"


def test_b3_a_thread_that_comes_late_to_the_renewal_asks_no_more(
    redpin: FakeRedpin, clock: Clock
) -> None:
    ours = provider(token_cache=None)
    ours.get()
    seen_before = ours._token
    assert seen_before is not None
    clock.now += 3600 - 200
    ours.get()

    assert ours._renewed(seen_before).grant.value == "canary-token-2"
    assert requests_for_tokens(redpin) == 2


@pytest.mark.parametrize("step", [answering(502, b""), answering(401, b"{}"), Handler.hang_up])
def test_b3_an_early_renewal_that_fails_is_told_and_tried_again_later(
    redpin: FakeRedpin,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    step: Callable[[Handler], None],
) -> None:
    ours = provider()
    ours.get()
    clock.now += 3600 - 200
    redpin.token_script.append(step)

    assert in_threads(8, ours.get) == ["canary-token-1"] * 8
    assert requests_for_tokens(redpin) == 2
    clock.now += 4  # Less than the shortest pause.
    assert ours.get() == "canary-token-1"
    assert requests_for_tokens(redpin) == 2
    (record,) = (r for r in caplog.records if r.name == "django_redpin")
    assert record.levelno == logging.WARNING
    assert "it lasts 195 s more" in record.getMessage()
    clock.now += 6
    assert ours.get() == "canary-token-2"


@pytest.mark.parametrize(("life", "last"), [(3600, 5), (120, 5), (8, 2)])
def test_b3_no_token_is_used_that_could_die_on_its_way(
    redpin: FakeRedpin, clock: Clock, life: int, last: float
) -> None:
    redpin.expires_in = life
    ours, others = provider(), provider()
    ours.get()
    redpin.token_script.extend([answering(502, b"")] * 3)

    clock.now += life - last - 0.01
    assert ours.get() == "canary-token-1"
    clock.now += 0.02
    for each in (ours, others):  # In memory, and in the cache.
        with pytest.raises(NotSent):
            each.get()


# --- B4: what Redpin refused ---------------------------------------------------------------------


def test_b4_on_401_the_token_is_dropped_and_the_call_sent_once_more(redpin: FakeRedpin) -> None:
    client().find_session("ORDER-1")
    redpin.revoked.add("canary-token-1")

    client().find_session("ORDER-1")

    lists = [call for call in redpin.calls if call.method == "GET"]
    assert [call.headers["authorization"] for call in lists] == [
        "Bearer canary-token-1",
        "Bearer canary-token-1",
        "Bearer canary-token-2",
    ]
    assert requests_for_tokens(redpin) == 2


def test_b4_a_second_401_is_an_error_and_no_loop(redpin: FakeRedpin) -> None:
    redpin.revoked |= {f"canary-token-{n}" for n in range(1, 9)}

    with pytest.raises(AuthenticationError):
        client().find_session("ORDER-1")

    assert redpin.count("GET", "/sessions") == 2
    assert requests_for_tokens(redpin) == 2


def test_b4_a_hundred_refusals_at_once_cost_one_token_request(redpin: FakeRedpin) -> None:
    ours = provider()
    old = ours.get()
    used = threading.Barrier(100)

    def call() -> str:
        token = ours.get()
        used.wait(30)
        ours.forget(token)
        return ours.get()

    redpin.token_script.append(slowly)

    assert in_threads(100, call) == ["canary-token-2"] * 100
    assert old == "canary-token-1"
    assert requests_for_tokens(redpin) == 2


@pytest.mark.heavy
def test_b4_a_hundred_calls_with_a_revoked_token_all_succeed_with_one_new_token(
    redpin: FakeRedpin, settings: Settings
) -> None:
    # A hundred threads keep the server busy for a while.
    patient = {"CONNECT_TIMEOUT": 10, "READ_TIMEOUT": 15, "TOTAL_TIMEOUT": 15}
    settings.REDPIN = {**settings.REDPIN, **patient}
    client().find_session("ORDER-1")
    redpin.revoked.add("canary-token-1")
    redpin.token_script.append(slowly)

    got = in_threads(100, lambda: str(client().find_session("ORDER-1")))

    assert got == ["None"] * 100
    assert requests_for_tokens(redpin) == 2


def test_b4_processes_that_saw_the_refusal_share_one_new_token(redpin: FakeRedpin) -> None:
    processes = [provider() for _ in range(8)]
    for each in processes:
        each.forget(each.get())
    redpin.token_script.append(slowly)

    assert in_threads(8, lambda: processes.pop().get()) == ["canary-token-2"] * 8
    assert requests_for_tokens(redpin) == 2


@pytest.mark.parametrize("token_cache", ["default", None])
def test_b4_only_the_token_that_failed_is_forgotten(
    redpin: FakeRedpin, token_cache: str | None
) -> None:
    ours = provider(token_cache=token_cache)
    token = ours.get()

    ours.forget("an older one")

    assert ours.get() == token
    assert requests_for_tokens(redpin) == 1


def test_b4_a_late_refusal_of_an_old_token_brings_no_refused_one_back(redpin: FakeRedpin) -> None:
    ours = provider()
    first = ours.get()
    ours.forget(first)
    second = ours.get()

    ours.forget(second)
    for _ in range(10):
        ours.forget(first)

    assert ours.get() == "canary-token-3"


def test_b4_a_refused_token_that_is_given_anew_is_used_again(redpin: FakeRedpin) -> None:
    same = answering(200, b'{"access_token": "canary-token-same", "expires_in": 3600}')
    redpin.token_script.extend([same, same])
    ours = provider()
    ours.forget(ours.get())

    assert [ours.get(), ours.get()] == ["canary-token-same"] * 2
    assert requests_for_tokens(redpin) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 415])
@pytest.mark.parametrize("body", [b'{"error": "invalid_client"}', b"", b"<html>"])
def test_b4_a_refusal_by_the_token_endpoint_is_final_for_five_seconds(
    redpin: FakeRedpin, clock: Clock, status: int, body: bytes
) -> None:
    ours, others = provider(), provider()
    redpin.token_script.append(answering(status, body))

    got = in_threads(16, ours.get) + in_threads(16, others.get)

    assert got == ["AuthenticationError"] * 32
    assert requests_for_tokens(redpin) == 1
    clock.now += 4.9
    with pytest.raises(AuthenticationError) as caught:
        ours.get()
    assert caught.value.status_code == status
    assert caught.value.code == ("invalid_client" if body.startswith(b"{") else "")
    clock.now += 0.2
    assert ours.get() == "canary-token-1"


def test_b4_without_a_cache_a_refusal_is_final_for_five_seconds_too(
    redpin: FakeRedpin, clock: Clock
) -> None:
    ours = provider(token_cache=None)
    redpin.token_script.append(answering(401, b""))

    assert in_threads(16, ours.get) == ["AuthenticationError"] * 16
    assert requests_for_tokens(redpin) == 1


def test_b4_wrong_credentials_name_the_settings_to_mend(redpin: FakeRedpin) -> None:
    with pytest.raises(AuthenticationError, match=r"invalid_client.*CLIENT_ID and CLIENT_SECRET"):
        provider(client_secret="wrong-but-long-enough").get()

    redpin.token_script.append(answering(404, b"<html>"))
    with pytest.raises(AuthenticationError, match="TOKEN_URL"):
        provider().get()


def test_b4_a_corrected_secret_is_not_held_up_by_the_old_refusal(
    redpin: FakeRedpin, settings: Settings
) -> None:
    right = settings.REDPIN
    settings.REDPIN = {**right, "CLIENT_SECRET": "wrong-but-long-enough"}
    with pytest.raises(AuthenticationError):
        client().find_session("ORDER-1")
    settings.REDPIN = right

    assert client().find_session("ORDER-1") is None


@pytest.mark.parametrize(
    ("failure", "began", "now", "concerns"),
    [
        (Failure(401, "", 100), 103, 104.9, True),
        (Failure(401, "", 100), 105, 105.1, False),
        (Failure(401, "", 100), 90, 90, False),  # The clock was set back.
        (Failure(0, "", 100), 99, 101, True),
        (Failure(0, "", 100), 100, 100, True),
        (Failure(0, "", 100), 100.1, 100.2, False),
        (Failure(0, "", 100), 50, 60, False),  # The clock was set back.
    ],
)
def test_b4_whom_a_failure_concerns(
    failure: Failure, began: float, now: float, concerns: bool
) -> None:
    assert failure.concerns(began, now) is concerns
