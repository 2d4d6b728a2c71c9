"""A reference is 1 to 100 characters of A-Z, a-z, 0-9, '-' and '_', and nothing else."""

from __future__ import annotations

import string
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from django_redpin.rules.references import (
    customer_ref_faults,
    new_reference,
    purpose_faults,
    reference_faults,
)

from .samples import examples

ALLOWED: Final = frozenset(string.ascii_letters + string.digits + "-_")

# Surrogates too: text may come from a file name or from JSON.
any_text = st.text(st.characters(exclude_categories=()))
near_text = st.text("aZ09-_", min_size=1, max_size=110)
almost = st.builds(
    lambda head, odd, tail: head + odd + tail,
    near_text,
    st.sampled_from(
        ["", "\n", "\r", " ", "\x00", ".", "é", "٣", "\uff21", "²", "\u200b", "İ", "\ud800"]
    ),
    st.sampled_from(["", "a"]),
)


@given(any_text | near_text | almost)
@examples(300)
@example("order-1\n")
@example("order\u0661")
@example("a" * 100)
@example("a" * 101)
@example("a" * 100 + "\n")
def test_text_is_a_reference_exactly_when_it_matches_the_rule(value: str) -> None:
    is_right = 1 <= len(value) <= 100 and set(value) <= ALLOWED
    assert (reference_faults(value) == []) is is_right


@given(near_text, st.integers(1, 100))
@examples(100)
def test_a_shorter_limit_is_held_exactly(value: str, limit: int) -> None:
    assert (reference_faults(value, limit) == []) is (len(value) <= limit)


@pytest.mark.parametrize("value", sorted(ALLOWED))
def test_every_allowed_character_is_a_reference_by_itself(value: str) -> None:
    assert reference_faults(value) == []


@pytest.mark.parametrize(
    "value",
    [
        "order-1\n",
        "\norder-1",
        "order 1",
        "order/1",
        "order.1",
        "١٢٣",
        "\uff41\uff42",
        "ordér",
        "a\x00",
    ],
)
def test_any_other_character_is_named_as_the_fault(value: str) -> None:
    assert [fault.code for fault in reference_faults(value)] == ["invalid_characters"]


def test_a_reference_too_long_and_of_wrong_characters_has_both_faults() -> None:
    codes = [fault.code for fault in reference_faults("a b" * 40)]
    assert codes == ["too_long", "invalid_characters"]


def test_a_new_reference_suits_the_older_and_the_newer_api_and_is_new() -> None:
    made = {new_reference() for _ in range(100)}
    assert len(made) == 100
    assert all(len(reference) == 36 for reference in made)
    assert all(reference_faults(reference, 36) == [] for reference in made)


@given(any_text)
@examples(200)
def test_a_customer_reference_that_is_accepted_can_be_stored_and_logged(value: str) -> None:
    if not customer_ref_faults(value):
        assert value.strip()
        assert len(value.encode()) >= len(value)
        assert not set(value) & set("\x00\r\n\t\x1b\u2028")


def test_a_customer_reference_may_be_as_long_as_its_column_and_no_longer() -> None:
    assert customer_ref_faults("ü" * 255) == []
    assert [fault.code for fault in customer_ref_faults("ü" * 256)] == ["too_long"]


@given(any_text, st.frozensets(any_text.filter(bool), min_size=1, max_size=3))
@examples(200)
def test_a_purpose_is_never_accepted_outside_the_list(value: str, listed: frozenset[str]) -> None:
    faults = purpose_faults(value, listed)
    assert faults or value in listed


@pytest.mark.parametrize("value", ["rent", "RENT ", " RENT", "REN", "RENT\n", "RENT\x00"])
def test_a_purpose_is_compared_letter_by_letter(value: str) -> None:
    assert purpose_faults("RENT", ["RENT"]) == []
    assert purpose_faults(value, ["RENT"]) != []


def test_a_purpose_that_is_not_listed_is_told_the_list() -> None:
    (fault,) = purpose_faults("rent", ["RENT", "PROPERTY_PURCHASE"])
    assert "PROPERTY_PURCHASE, RENT" in fault.message
