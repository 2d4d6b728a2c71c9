"""Redpin's statuses: the documented flows, what may follow what, and which fact is the greatest."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from itertools import pairwise, product
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_redpin.rules.statuses import (
    FAILED,
    FINAL,
    PAYOUT,
    RANKS,
    Position,
    is_known,
    may_follow,
)

from .samples import examples

DOCUMENTED: Final = (
    "AWAITING_FUNDS",
    "PROCESSING",
    "RECEIVED_FUNDS",
    "FX_COMPLETED",
    "PAYOUT_INITIATED",
    "PAYOUT_CREDITED",
    "PAYMENT_COMPLETED",
    "CANCELLED",
    "BOUNCED_BACK",
    "REFUNDED",
)
WITH_FX: Final = (
    "AWAITING_FUNDS",
    "RECEIVED_FUNDS",
    "FX_COMPLETED",
    "PAYOUT_INITIATED",
    "PAYOUT_CREDITED",
    "PAYMENT_COMPLETED",
)
ONE_CURRENCY: Final = ("PROCESSING", "PAYOUT_INITIATED", "PAYOUT_CREDITED", "PAYMENT_COMPLETED")

# The arrows of Redpin's diagrams besides the main flows, by version of its webhook page.
NEWER_EDGES: Final = (
    ("AWAITING_FUNDS", "CANCELLED"),
    ("RECEIVED_FUNDS", "REFUNDED"),
    ("PAYOUT_INITIATED", "BOUNCED_BACK"),
    ("BOUNCED_BACK", "REFUNDED"),
    ("PAYOUT_INITIATED", "CANCELLED"),
    ("PROCESSING", "CANCELLED"),
)
OLDER_EDGES: Final = (
    ("AWAITING_FUNDS", "PROCESSING"),
    ("PROCESSING", "CANCELLED"),
    ("RECEIVED_FUNDS", "REFUNDED"),
    ("REFUNDED", "BOUNCED_BACK"),
    ("PAYOUT_INITIATED", "BOUNCED_BACK"),
    ("BOUNCED_BACK", "REFUNDED"),
    ("PAYOUT_INITIATED", "CANCELLED"),
)
NEWER: Final = (*pairwise(WITH_FX), *pairwise(ONE_CURRENCY), *NEWER_EDGES)

NOON: Final = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)

utc_times = st.datetimes(timezones=st.just(timezone.utc))
statuses = st.sampled_from([*DOCUMENTED, "SOMETHING_NEW", ""])
keys = st.text(max_size=12)
positions = st.builds(Position.of, statuses, utc_times, keys)
# Few values, so that ties in time and in rank come up.
close_positions = st.builds(
    Position.of,
    statuses,
    st.sampled_from(
        [
            datetime(2026, 11, 22, 14, tzinfo=timezone.utc) + timedelta(microseconds=n)
            for n in (0, 1, 999999)
        ]
    ),
    st.sampled_from(["", "1", "10", "2", "a", " ", "é"]),
)
all_positions = (
    positions
    | close_positions
    | st.builds(Position, st.just(NOON), st.integers(0, 999), st.sampled_from(["", "1"]))
)


def test_the_documented_statuses_are_known_and_no_others() -> None:
    assert set(RANKS) == set(DOCUMENTED)
    assert all(is_known(status) for status in DOCUMENTED)


@pytest.mark.parametrize("status", ["", "SOMETHING_NEW", "processing", "PROCESSING ", "PENDING"])
def test_a_status_is_known_by_its_exact_name(status: str) -> None:
    assert not is_known(status)


@pytest.mark.parametrize("flow", [WITH_FX, ONE_CURRENCY], ids=["with FX", "one currency"])
def test_a_documented_flow_goes_from_lower_to_higher_rank(flow: tuple[str, ...]) -> None:
    ranks = [RANKS[status] for status in flow]
    assert ranks == sorted(set(ranks))


@pytest.mark.parametrize("flow", [WITH_FX, ONE_CURRENCY], ids=["with FX", "one currency"])
def test_later_statuses_of_a_flow_may_follow_earlier_ones(flow: tuple[str, ...]) -> None:
    for earlier, later in product(range(len(flow)), repeat=2):
        if earlier <= later:
            assert may_follow(flow[earlier], flow[later])


@pytest.mark.parametrize(("status", "later"), [*NEWER, *OLDER_EDGES])
def test_every_documented_arrow_may_be_followed(status: str, later: str) -> None:
    assert may_follow(status, later)


@pytest.mark.parametrize(("status", "later"), NEWER)
def test_every_arrow_of_the_newer_diagrams_goes_to_a_higher_rank(status: str, later: str) -> None:
    assert RANKS[status] < RANKS[later]


@pytest.mark.parametrize("status", [*DOCUMENTED, "SOMETHING_NEW"])
def test_a_status_may_be_shown_again(status: str) -> None:
    assert may_follow(status, status)


@pytest.mark.parametrize(
    ("status", "later"),
    [
        ("AWAITING_FUNDS", "PAYMENT_COMPLETED"),
        ("AWAITING_FUNDS", "REFUNDED"),
        ("PROCESSING", "PAYMENT_COMPLETED"),
        ("RECEIVED_FUNDS", "BOUNCED_BACK"),
        ("FX_COMPLETED", "REFUNDED"),
        ("PAYOUT_INITIATED", "REFUNDED"),
        # Several recipients: one is credited before the other's transfer starts, or comes back.
        ("PAYOUT_CREDITED", "PAYOUT_INITIATED"),
        ("PAYOUT_CREDITED", "BOUNCED_BACK"),
    ],
)
def test_a_status_may_be_followed_over_several_steps(status: str, later: str) -> None:
    assert may_follow(status, later)


@pytest.mark.parametrize("later", ["PAYOUT_INITIATED", "PAYOUT_CREDITED", "PAYMENT_COMPLETED"])
def test_a_bounce_leads_to_a_refund_alone_else_one_could_be_forged_for_a_paid_session(
    later: str,
) -> None:
    assert not may_follow("BOUNCED_BACK", later)


@pytest.mark.parametrize(
    ("status", "later"),
    [
        ("RECEIVED_FUNDS", "AWAITING_FUNDS"),
        ("RECEIVED_FUNDS", "PROCESSING"),
        ("PROCESSING", "RECEIVED_FUNDS"),
        ("PROCESSING", "FX_COMPLETED"),
        ("FX_COMPLETED", "RECEIVED_FUNDS"),
        ("PAYOUT_INITIATED", "FX_COMPLETED"),
        ("PAYOUT_INITIATED", "AWAITING_FUNDS"),
        ("BOUNCED_BACK", "AWAITING_FUNDS"),
        ("REFUNDED", "RECEIVED_FUNDS"),
    ],
)
def test_no_status_leads_back(status: str, later: str) -> None:
    assert not may_follow(status, later)


@pytest.mark.parametrize("status", ["PAYMENT_COMPLETED", "CANCELLED"])
def test_nothing_follows_a_completed_or_a_cancelled_payment(status: str) -> None:
    assert [later for later in DOCUMENTED if may_follow(status, later)] == [status]


def test_an_unknown_status_follows_nothing_and_leads_nowhere() -> None:
    for status in DOCUMENTED:
        assert not may_follow("SOMETHING_NEW", status)
        assert not may_follow(status, "SOMETHING_NEW")
    assert not may_follow("SOMETHING_NEW", "SOMETHING_NEWER")


def test_no_newer_diagram_goes_on_after_a_final_status() -> None:
    assert frozenset(DOCUMENTED) - {status for status, _later in NEWER} == FINAL


def test_the_groups_of_statuses_are_the_documented_ones() -> None:
    assert {"PAYMENT_COMPLETED", "CANCELLED", "REFUNDED"} == FINAL
    assert {"CANCELLED", "BOUNCED_BACK", "REFUNDED"} == FAILED
    assert {"PAYOUT_INITIATED", "PAYOUT_CREDITED", "BOUNCED_BACK"} == PAYOUT


@given(all_positions, all_positions)
@examples(300)
def test_the_text_of_positions_sorts_as_the_positions_do(one: Position, other: Position) -> None:
    by_fields = (one.at, one.rank, one.key) < (other.at, other.rank, other.key)
    assert (one < other) is by_fields
    assert (str(one) < str(other)) is by_fields
    assert (str(one) == str(other)) is (one == other)


@given(close_positions, close_positions, close_positions)
@examples(200)
def test_positions_have_a_total_order(one: Position, two: Position, three: Position) -> None:
    assert (one < two) + (one == two) + (one > two) == 1
    if one <= two <= three:
        assert one <= three


@given(st.lists(close_positions, min_size=1, max_size=8), st.randoms(use_true_random=False))
@examples(100)
def test_the_greatest_fact_is_the_same_in_any_order_and_with_any_repeats(
    facts: list[Position], chance: random.Random
) -> None:

    again = [*facts, *chance.choices(facts, k=3)]
    chance.shuffle(again)
    assert max(again) == max(facts)
    assert max(map(str, again)) == str(max(facts))


@given(statuses, utc_times.filter(lambda at: 1 < at.year < 9999), keys, st.integers(-840, 840))
@examples(100)
def test_the_same_instant_is_the_same_position_in_any_time_zone(
    status: str, at: datetime, key: str, minutes: int
) -> None:
    elsewhere = at.astimezone(timezone(timedelta(minutes=minutes)))
    assert Position.of(status, elsewhere, key) == Position.of(status, at, key)
    assert str(Position.of(status, elsewhere, key)) == str(Position.of(status, at, key))


@given(positions)
@examples(100)
def test_the_text_of_a_position_begins_with_its_time(position: Position) -> None:
    assert datetime.fromisoformat(str(position)[:26] + "+00:00") == position.at


def test_at_the_same_instant_the_flow_decides_and_then_the_key() -> None:
    at = datetime(2026, 11, 22, 14, tzinfo=timezone.utc)
    flow = [Position.of(status, at, "9") for status in WITH_FX]
    assert flow == sorted(flow)
    assert Position.of("REFUNDED", at, "1") > Position.of("BOUNCED_BACK", at, "9")
    assert Position.of("REFUNDED", at, "2") > Position.of("REFUNDED", at, "1")
    assert Position.of("SOMETHING_NEW", at, "9") < Position.of("AWAITING_FUNDS", at, "1")


def test_a_later_fact_is_greater_whatever_its_status() -> None:
    at = datetime(2026, 11, 22, 14, tzinfo=timezone.utc)
    later = Position.of("AWAITING_FUNDS", at + timedelta(microseconds=1), "")
    assert later > Position.of("REFUNDED", at, "z")
