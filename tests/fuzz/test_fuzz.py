"""The fuzzer's target over its seeds, and over what becomes of them by chance."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_redpin.rules.callback_tokens import sign

from .seeds import DOCUMENTED, STORABLE, UNREADABLE, bodies
from .target import SECRETS, try_one

SEEDS: Final = bodies()
HEAD: Final = f"{sign(SECRETS[1], 'default', 'ORDER-1')}/default/ORDER-1\n".encode()
# Of one thread's own time, so that other programs don't count.
LONGEST: Final = 0.05
PIECES: Final = (
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\x00", b"\xff", b"\n", b"\xed\xa0\x80"),
    *(b"NaN", b"-Infinity", b"1e400", b"-0", b"9" * 70, b"null", b"\\ud800", b"\\u0000"),
    *(b"\xef\xbb\xbf", b'"data":', b'"event_id":', b'"event_timestamp":"9999-12-31T23:59-14:00"'),
)
names = st.sampled_from(sorted(DOCUMENTED["awaiting"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(names | st.text(), inner),
    max_leaves=10,
)


def in_time(data: bytes) -> object:
    """Try one input, and see that it takes no longer than it may: in one of three times."""
    taken = []
    for _ in range(3):
        begun = time.thread_time()
        result = try_one(data)
        taken.append(time.thread_time() - begun)
        if taken[-1] < LONGEST:
            return result
    raise AssertionError(f"An input of {len(data)} bytes takes {min(taken):.3f} seconds.")


@pytest.mark.parametrize("name", SEEDS)
def test_e16_a_seed_is_read_or_refused_as_it_should_be_and_in_time(name: str) -> None:
    message = in_time(HEAD + SEEDS[name])

    assert (message is None) is (name in UNREADABLE)
    assert name in {*DOCUMENTED, *STORABLE, *UNREADABLE}


@pytest.mark.heavy
@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(SEEDS.values(), key=len)),
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(PIECES) | st.binary()),
        max_size=6,
    ),
    st.binary(max_size=60),
)
def test_e16_a_seed_that_is_bent_ends_in_no_other_exception(
    body: bytes, cuts: list[tuple[float, int, bytes]], head: bytes
) -> None:
    for where, length, piece in cuts:
        start = int(where * len(body))
        body = body[:start] + piece + body[start + length :]

    in_time(HEAD + body)
    in_time(head + b"\n" + body)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_e16_chance_alone_ends_in_no_other_exception(data: bytes) -> None:
    in_time(data)


@pytest.mark.heavy
@settings(max_examples=100, deadline=None)
@given(st.dictionaries(names, json_values))
def test_e16_an_event_with_any_values_is_read_or_refused(event: dict[str, object]) -> None:
    in_time(HEAD + json.dumps(event).encode())


@pytest.mark.slow
def test_e16_what_is_fuzzed_needs_no_settings() -> None:
    code = (
        "import os; os.environ.pop('DJANGO_SETTINGS_MODULE', None);"
        "from tests.fuzz.target import try_one; from django.conf import settings;"
        "assert try_one(b'x\\n{}') is not None; assert not settings.configured"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
