"""The time of a refusal does not tell how near a guess was: many of each, one after the other."""

from __future__ import annotations

import gc
import io
import random
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Final

import pytest
from django.http import HttpRequest
from django.test import RequestFactory
from pytest_django import Settings

from django_redpin.rules.callback_tokens import sign
from django_redpin.webhooks import failures
from django_redpin.webhooks.failures import Budget, Failures
from django_redpin.webhooks.view import WebhookView

from .posting import BODY, REFERENCE, SECRET
from .verifying import listed, made

ROUNDS: Final = 20_000
# A comparison that stops at the first wrong byte takes some ten nanoseconds more for each right
# one, which is seen from far away only by means of far more posts. What is to be seen here is a
# look-up, a parse or a hash that one of them has and another has not: microseconds.
FLOOR: Final = 1.5e-6
MULTIPLE: Final = 5
TRIES: Final = 3

Arms = Mapping[str, Callable[[], int]]
view = WebhookView.as_view()


def medians(arms: Arms) -> dict[str, float]:
    """Return the median of the seconds that each takes, in rounds of all in random order."""
    order = list(arms)
    times: dict[str, list[float]] = {name: [] for name in arms}
    shuffle = random.Random(7).shuffle
    gc.disable()
    try:
        for number in range(ROUNDS):
            shuffle(order)
            for name in order:
                begun = time.perf_counter()
                status = arms[name]()
                times[name].append(time.perf_counter() - begun)
                assert status == 401
            if number % 1000 == 0:
                gc.collect()
    finally:
        gc.enable()
    return {name: statistics.median(taken) for name, taken in times.items()}


def largest_differences(arms: Arms) -> tuple[float, float]:
    """Return how far the medians are apart, and how far those of the same post sent twice are."""
    found = medians(arms)
    noise = abs(found["wrong first byte"] - found["wrong first byte, again"])
    return max(found.values()) - min(found.values()), noise


def assert_all_take_the_same_time(arms: Arms) -> None:
    tried = []
    for _ in range(TRIES):  # A busy machine may spoil one.
        difference, noise = largest_differences(arms)
        if difference <= MULTIPLE * noise + FLOOR:
            return
        tried.append((difference, noise))
    pytest.fail(f"(difference, noise) in seconds: {tried}")


@pytest.fixture(autouse=True)
def _no_failure_is_too_much_and_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every refusal is then the same 401, and none waits for a log."""
    monkeypatch.setattr(failures, "refusals", Failures(Budget(limit=0), limit=10**9))


def arm(token: str, reference: str, headers: Mapping[str, str]) -> Callable[[], int]:
    request: HttpRequest = RequestFactory().post(
        "/", BODY, content_type="application/json", headers=dict(headers)
    )

    def run() -> int:
        # As it came: its body is read anew.
        request.__dict__.pop("_body", None)
        vars(request).update(_read_started=False, _stream=io.BytesIO(BODY.encode()))
        response = view(request, account="default", token=token, client_reference_id=reference)
        return response.status_code

    return run


def wrong_at(text: str, place: int) -> str:
    letter = "A" if text[place] not in "Aa" else "B"
    return text[:place] + letter + text[place + 1 :]


@pytest.mark.thorough
def test_a9_the_time_does_not_tell_how_much_of_a_token_was_right() -> None:
    right = sign(SECRET, "default", REFERENCE)

    assert_all_take_the_same_time(
        {
            "wrong first byte": arm(wrong_at(right, 0), REFERENCE, {}),
            "wrong first byte, again": arm(wrong_at(right, 0), REFERENCE, {}),
            "wrong last byte": arm(wrong_at(right, len(right) - 1), REFERENCE, {}),
            "unknown session": arm(right, "ORDER-9", {}),
        }
    )


@pytest.mark.thorough
def test_a9_the_time_does_not_tell_how_much_of_a_signature_was_right(settings: Settings) -> None:
    settings.REDPIN = {
        **settings.REDPIN,
        "WEBHOOK_VERIFIERS": [listed("HMACVerifier", tolerance=None)],
    }
    right = made("HMACVerifier").sign(BODY.encode(), now=time.time())["X-Gateway-Signature"]
    first = right.index("v1=") + 3
    token = sign(SECRET, "default", REFERENCE)
    unknown = sign(SECRET, "default", "ORDER-9")

    def wrong(place: int) -> dict[str, str]:
        return {"X-Gateway-Signature": wrong_at(right, place)}

    assert_all_take_the_same_time(
        {
            "wrong first byte": arm(token, REFERENCE, wrong(first)),
            "wrong first byte, again": arm(token, REFERENCE, wrong(first)),
            "wrong last byte": arm(token, REFERENCE, wrong(len(right) - 1)),
            "unknown session": arm(unknown, "ORDER-9", wrong(first)),
        }
    )
