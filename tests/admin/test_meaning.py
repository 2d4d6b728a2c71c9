"""What finance people are told that a session's state and its payment's status mean."""

from __future__ import annotations

import pytest

from django_redpin.admin.meaning import MEANINGS, meaning_of
from django_redpin.models import PaymentSession
from django_redpin.rules.statuses import FAILED, FINAL, PAYMENT_COMPLETED, RANKS

State = PaymentSession.State
STATUSES = ("", *RANKS)


def meaning(state: str, status: str = "") -> str:
    return meaning_of(PaymentSession(state=state, payment_status=status)).what


@pytest.mark.parametrize("state", State.values)
@pytest.mark.parametrize("status", STATUSES)
def test_every_state_with_every_documented_status_means_something(state: str, status: str) -> None:
    found = meaning_of(PaymentSession(state=state, payment_status=status))

    assert found == MEANINGS[state, status]
    assert found.what.endswith(".")
    assert found.next.endswith(".")
    assert "does not know" not in found.what
    assert found.tone in {"good", "bad", "wait", "plain"}


def test_no_two_states_without_a_payment_and_no_two_statuses_mean_the_same() -> None:
    assert len({meaning(state) for state in State.values}) == len(State.values)
    for state in State.values:
        assert len({meaning(state, status) for status in STATUSES}) == len(STATUSES)


@pytest.mark.parametrize("state", State.values)
@pytest.mark.parametrize("status", ["ON_HOLD", "payment_completed", "PAYMENT_COMPLETED "])
def test_an_unknown_status_says_so_and_lets_nothing_be_given_out(state: str, status: str) -> None:
    found = meaning_of(PaymentSession(state=state, payment_status=status))

    assert f"does not know: {status}" in found.what
    assert "give nothing out" in found.next
    assert found.tone == "bad"


def test_only_a_complete_payment_looks_good_or_may_be_given_out() -> None:
    good = {status for (_, status), found in MEANINGS.items() if found.tone == "good"}
    given = {status for (_, status), found in MEANINGS.items() if "can be given out" in found.next}

    assert good == given == {PAYMENT_COMPLETED}
    assert all(MEANINGS[State.CLOSED, status].tone == "bad" for status in FAILED)


@pytest.mark.parametrize("status", RANKS)
def test_what_does_not_fit_together_is_said(status: str) -> None:
    assert "had refused this session" in meaning(State.REJECTED, status)
    assert "another session stands in its place" in meaning(State.SUPERSEDED, status)
    assert ("closed with the next look" in meaning(State.OPEN, status)) is (status in FINAL)
    assert ("may go on" in meaning(State.CLOSED, status)) is (status not in FINAL)
