"""JSON keeps every digit both ways, and refuses whatever is not plain JSON with ValueError."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from django_redpin.rules.exact_json import dumps, loads

from .samples import examples

decimals = st.builds(
    lambda sign, coefficient, power: Decimal(f"{sign}{coefficient}E{power}"),
    st.sampled_from(("", "-")),
    st.integers(0, 10**30),
    st.integers(-30, 30),
)
texts = st.text(max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(10**40), 10**40) | decimals | texts
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
_TOKENS: Final = (*'019-+.eE[]{}:,"', "\\", "\\ud800", "null", "true", "NaN", "Infinity")
json_like = st.lists(st.sampled_from(_TOKENS), max_size=20).map("".join)
numbers = st.from_regex(
    r"-?(0|[1-9][0-9]{0,70})(\.[0-9]{1,70})?([eE][+-]?[0-9]{1,25})?", fullmatch=True
)


def _leaves(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for pair in value.items() for inner in pair for leaf in _leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [value]


@pytest.mark.heavy
@given(documents)
@examples(200)
def test_what_is_written_is_read_back_the_same(value: object) -> None:
    assert loads(dumps(value)) == value


@given(decimals)
@examples(200)
def test_a_decimal_keeps_every_digit_it_has(value: Decimal) -> None:
    read = loads(dumps([value]))[0]
    assert isinstance(read, (int, Decimal))
    assert str(read) == str(value) or (value == 0 and read == 0)


@pytest.mark.parametrize(
    "text",
    ["0.10", "250000.00", "0.30000000000000004", "999999999999999.999", "1E+3", "1E-7", "-0.0"],
)
def test_a_number_is_read_as_the_digits_that_stand_there(text: str) -> None:
    read = loads(text.encode())
    assert isinstance(read, Decimal)
    assert str(read) == text


def test_a_whole_number_is_an_int() -> None:
    assert loads(b"[250000, -1, 0]") == [250000, -1, 0]
    assert all(type(number) is int for number in loads(b"[250000, -1, 0]"))


def test_money_is_written_as_a_number_with_its_zeros() -> None:
    body = {"value": Decimal("250000.00"), "currency": "AED"}
    assert dumps(body) == b'{"currency":"AED","value":250000.00}'


def test_equal_values_have_equal_bytes() -> None:
    keys = [f"key-{number}" for number in range(20)]
    shuffled = random.Random(1).sample(keys, len(keys))
    assert dumps(dict.fromkeys(keys, 1)) == dumps(dict.fromkeys(shuffled, 1))


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_a_number_that_json_does_not_know_is_not_written(text: str) -> None:
    with pytest.raises(ValueError, match="JSON"):
        dumps({"value": Decimal(text)})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_float_that_json_does_not_know_is_not_written(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        dumps([number])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"NaN",
        b"[Infinity]",
        b'{"value": -Infinity}',
        b'{"a": 1, "a": 2}',
        b'{"a": 1, "\\u0061": 1}',
        b'[{"b": {"a": 1, "c": 2, "a": 1}}]',
        b"1e400",
        b"-1e400",
        b"1e-400",
        b"1e65",
        b"0e999",
        b"9" * 5000,
        b"-" + b"9" * 5000,
        b"9" * 65,
        b"0." + b"1" * 5000,
        b"1.0" + b"0" * 63,
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        "{}".encode("utf-16-le"),
        "{}".encode("utf-32"),
        '"é"'.encode("latin-1"),
        b'"\xed\xa0\x80"',
        b'"\xc0\x80"',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'{"\\ud800": 1}',
        b'[["\\udfff"]]',
        b"01",
        b"+1",
        b".5",
        b"1.",
        b"1_000",
        b"0x10",
        b"'a'",
        b"[1,]",
        b"{1: 2}",
        b'"\n"',
        b"1 2",
        b"// 1\n1",
        "\u0661".encode(),
        "1.\u0663".encode(),
        b"nul",
    ],
    ids=lambda body: ascii(body)[:40],
)
def test_what_is_not_plain_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  Its subclasses and texts are the decoder's own.
        loads(body)


@pytest.mark.parametrize(
    "body",
    [
        b"1e99999999999999999999",
        b"1e-99999999999999999999",
        b"0.0E+99999999999999999999",
        b'{"value": -1.5e1000000000000000000}',
    ],
)
def test_an_exponent_beyond_every_bound_is_refused_like_any_other(body: bytes) -> None:
    with pytest.raises(ValueError, match="digits"):
        loads(body)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'], ids=ascii)
@pytest.mark.parametrize("levels", [100, 1_000, 100_000])
def test_deep_nesting_is_refused_whether_closed_or_not(opening: bytes, levels: int) -> None:
    closing = opening.replace(b'"a":', b"").translate(bytes.maketrans(b"[{", b"]}"))[::-1]
    for body in (opening * levels, opening * levels + b"1" + closing * levels):
        with pytest.raises(ValueError):  # noqa: PT011
            loads(body)


@pytest.mark.parametrize("inside", [b"", b"1"])
def test_sixty_four_levels_are_read(inside: bytes) -> None:
    loads(b"[" * 64 + inside + b"]" * 64)


@pytest.mark.parametrize("inside", [b"", b"1"])
def test_sixty_five_levels_are_refused(inside: bytes) -> None:
    with pytest.raises(ValueError, match="deep"):
        loads(b"[" * 65 + inside + b"]" * 65)


def test_sixty_four_digits_are_read() -> None:
    assert loads(b"9" * 64) == 10**64 - 1
    assert loads(b"0." + b"9" * 62) == Decimal("0." + "9" * 62)


def test_many_values_side_by_side_are_not_deep() -> None:
    assert len(loads(b"[" + b"[]," * 10_000 + b"[]]")) == 10_001


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert loads(b'"\\ud83c\\udfe0"') == "🏠"


@pytest.mark.heavy
@given(st.binary(max_size=40) | (json_like | numbers | texts).map(str.encode))
@examples(300)
@example(b"1e99999999999999999999")
def test_any_bytes_are_json_without_floats_or_refused_with_value_error(body: bytes) -> None:
    try:
        value: Any = loads(body)
    except ValueError:
        return
    assert not [leaf for leaf in _leaves(value) if isinstance(leaf, float)]
    json.dumps(value, default=str, ensure_ascii=False).encode()
