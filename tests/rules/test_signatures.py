"""Signatures of posts: exact bytes, every key tried, no header that makes them crash."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_redpin.rules.signatures import (
    MAX_SIGNATURES,
    fingerprint,
    is_timely,
    matching,
    read_standard,
    read_timestamped,
    standard_key,
    standard_signature,
    timestamped_signature,
)

from .samples import examples

SECRET = "canary-secret-0123456789-abcdef"
KEY = b"canary-key-0123456789-abcdefgh"
NOW = 1_767_225_600


def test_a_fingerprint_names_a_secret_and_does_not_tell_it() -> None:
    one, other = fingerprint(SECRET), fingerprint(SECRET + "x")

    assert re.fullmatch("[0-9a-f]{8}", one)
    assert one != other
    assert one == fingerprint(SECRET)
    # It is not the start of a plain digest, which somebody may have listed.
    assert not hashlib.sha256(SECRET.encode()).hexdigest().startswith(one)


def test_the_first_that_matches_is_told() -> None:
    assert matching([b"a", b"b", b"c"], [b"x", b"b"]) == 1
    assert matching([b"a", b"b"], [b"b", b"a"]) == 0
    assert matching([b"a"], [b"b", b"\xff", b""]) is None
    assert matching([], [b"a"]) is None
    assert matching([b"a"], []) is None


def test_a6_each_is_compared_with_each_though_the_first_matches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def spy(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", spy)

    assert matching([b"a", b"b", b"c"], [b"a", b"b"]) == 0
    assert len(compared) == 6


@pytest.mark.parametrize(
    ("off", "expected"), [(299, True), (300, True), (301, False), (3 * 365 * 86400, False)]
)
@pytest.mark.parametrize("sign", [-1, 1], ids=["past", "future"])
def test_a7_a_timestamp_may_be_off_by_the_tolerance_either_way(
    off: int, expected: bool, sign: int
) -> None:
    assert is_timely(str(NOW + sign * off).encode(), NOW, 300) is expected


def test_a7_half_a_second_above_the_tolerance_is_too_much() -> None:
    assert not is_timely(str(NOW).encode(), NOW + 300.5, 300)
    assert not is_timely(str(NOW).encode(), NOW - 300.5, 300)


def test_a7_without_a_tolerance_any_seconds_will_do_but_nothing_else() -> None:
    assert is_timely(b"0", NOW, None)
    assert is_timely(b"999999999999", NOW, None)
    assert not is_timely(b"soon", NOW, None)


@pytest.mark.parametrize(
    "timestamp",
    [
        *(b"", b"-1", b"-1767225600", b"+1767225600", b"1e999", b"1767225600.0", b"1767225600 "),
        *(b" 1767225600", b"1767225600\n", b"0x6955c300", b"1_767_225_600", b"nan", b"inf"),
        *(b"9" * 13, b"9" * 4000, "١٧٦٧٢٢٥٦٠٠".encode(), b"\xb2", b"\xff"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a6_what_is_no_timestamp_is_none(timestamp: bytes) -> None:
    for tolerance in (300, 10.0**18, None):
        assert not is_timely(timestamp, NOW, tolerance)


def test_a_signature_with_a_timestamp_is_that_of_the_bytes() -> None:
    by_hand = hmac.new(KEY, b'5.{"a": 1}', hashlib.sha256).hexdigest().encode()

    assert timestamped_signature(KEY, b"5", b'{"a": 1}') == by_hand
    assert timestamped_signature(KEY, b"5", b'{"a":1}') != by_hand


def test_a_standard_signature_is_that_of_the_specification() -> None:
    # The example of the specification's own reference libraries.
    key = standard_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert key is not None

    assert (
        standard_signature(
            key, b"msg_p5jXN8AQM9LWM0D4loKWxJek", b"1614265330", b'{"test": 2432232314}'
        )
        == b"g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"t=5,v1=ab", (b"5", [b"ab"])),
        (b"t=5, v1=ab", (b"5", [b"ab"])),
        (b"v1=ab,t=5,v0=xx,v1=cd", (b"5", [b"ab", b"cd"])),
        (b"t=5", (b"5", [])),
        (b"t=5,v1=", (b"5", [b""])),
        (b"t=5,V1=ab,v2=ab,sha256=ab,none=ab", (b"5", [])),
        (b"t=5,t=5,v1=ab", None),
        (b"t=5,v1=ab, t=6,v1=cd", None),  # A doubled header, as servers join it.
        (b"v1=ab", None),
        (b"t=5,v1", None),
        (b"t=5,v1=abt=5,v1=ab", None),
        (b"t=5,", None),
        (b"", None),
        (b"\xff\xfe", None),
    ],
)
def test_a6_the_header_of_timestamp_and_signatures(
    header: bytes, expected: tuple[bytes, list[bytes]] | None
) -> None:
    assert read_timestamped(header) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"v1,ab", [b"ab"]),
        (b"v1,ab v1,cd", [b"ab", b"cd"]),
        (b"v1a,ab v1,cd v2,ef", [b"cd"]),
        (b"v1,ab  v1,cd", [b"ab", b"cd"]),
        (b"v1,ab,v1,cd", []),  # A doubled header, as servers join it.
        (b"v1,ab, v1,cd", []),
        (b"v1,ab cd", []),
        (b"V1,ab", []),
        (b"ab", []),
        (b"", []),
        (b"v1, v1,ab", [b"", b"ab"]),
    ],
)
def test_a6_the_header_of_standard_webhooks(header: bytes, expected: list[bytes]) -> None:
    assert read_standard(header) == expected


def test_a6_no_more_than_eight_signatures_are_looked_at() -> None:
    assert MAX_SIGNATURES == 8
    many = [str(number).encode() for number in range(10_000)]

    read = read_timestamped(b"t=5," + b",".join(b"v1=" + one for one in many))
    assert read is not None
    assert read[1] == many[:8]
    assert read_standard(b" ".join(b"v1," + one for one in many)) == many[:8]


@given(st.binary(min_size=1, max_size=64))
@examples(100)
def test_a_standard_secret_is_read_with_and_without_prefix_and_padding(key: bytes) -> None:
    text = base64.b64encode(key).decode()

    for prefix in ("", "whsec_"):
        assert standard_key(prefix + text) == key
        assert standard_key(prefix + text.rstrip("=")) == key


@pytest.mark.parametrize(
    "secret",
    ["whsec_!", "a b c d", "abcde", "whsec_abcde", "é" * 32, "ab=d", "\udc80" * 32, "-_-_"],
)
def test_what_is_no_base64_is_no_standard_secret(secret: str) -> None:
    assert standard_key(secret) is None


@given(st.binary(max_size=200))
@examples(200)
def test_a6_no_header_makes_the_readers_crash(header: bytes) -> None:
    read_timestamped(header)
    read_standard(header)
    is_timely(header, NOW, 300)
