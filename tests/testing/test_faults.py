"""Every fault of a call, by its name: what the client makes of it, and what is left at Redpin."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from moneyed import Money
from pytest_django import Settings

from django_redpin.client import Outcome, RedpinClient, outcome_of
from django_redpin.client.outcomes import RULES
from django_redpin.conf import get_account
from django_redpin.exceptions import (
    AuthenticationError,
    NoAnswer,
    NotCreatedYet,
    NotSent,
    OutcomeUnknown,
    RedpinError,
    SessionRejected,
)
from django_redpin.rules.recipients import RecipientRequest
from django_redpin.rules.requests import Payee, PayeeShare, SessionRequest
from django_redpin.sandbox.callback_faults import KINDS
from django_redpin.sandbox.faults import FAULTS as SANDBOX_FAULTS
from django_redpin.testing import FAULTS, FakeRedpin, make_session
from django_redpin.testing.spoiling import WEBHOOK_FAULTS

AMOUNT = Money("100.00", "AED")
PAYEE = Payee(
    name="Escrow",
    type="Corporate",
    country_code="ARE",
    currency="AED",
    bank_details={"iban": "AE070331234567890123456"},
)
REQUEST = SessionRequest(
    client_customer_ref="CUST_001",
    client_reference_id="order-1",
    amount=AMOUNT,
    due_date=datetime.now(timezone.utc).date() + timedelta(days=30),
    purpose_of_transaction="PROPERTY_PURCHASE",
    recipients=[PayeeShare(Payee("", recipient_id="501"), AMOUNT)],
)
RECIPIENT = RecipientRequest(
    "escrow-1", PAYEE, is_own_account=False, address={"city": "Dubai"}, further_details={}
)


@pytest.fixture
def client() -> RedpinClient:
    return RedpinClient(get_account())


def suited(call: str) -> list[str]:
    return [name for name, fault in FAULTS.items() if call in fault.calls]


def test_the_sandbox_has_no_fault_that_is_missing_here() -> None:
    assert set(SANDBOX_FAULTS) <= set(FAULTS)
    assert all(
        set(FAULTS[name].calls) == set(SANDBOX_FAULTS[name].calls) for name in SANDBOX_FAULTS
    )
    assert all(FAULTS[name].is_done == SANDBOX_FAULTS[name].is_done for name in SANDBOX_FAULTS)
    assert set(KINDS) == set(WEBHOOK_FAULTS)


def test_each_outcome_of_the_table_can_be_played_by_name() -> None:
    assert {fault.outcome for fault in FAULTS.values()} == {*Outcome, None}
    assert {rule.outcome for rule in RULES} == set(Outcome)


@pytest.mark.parametrize("name", suited("create"))
def test_a_create_call_ends_as_the_table_of_outcomes_says(
    redpin: FakeRedpin, client: RedpinClient, name: str
) -> None:
    redpin.fail("create", name, times=None)

    with pytest.raises(RedpinError) as failure:
        client.create_session(REQUEST)

    expected = FAULTS[name].outcome or Outcome.UNKNOWN  # "slow" is longer than anybody waits.
    assert outcome_of(failure.value) is expected
    redpin.forgive()
    assert (client.find_session("order-1") is not None) is FAULTS[name].is_done


@pytest.mark.parametrize("name", suited("list"))
def test_a_look_up_is_tried_once_more_where_that_may_help(
    redpin: FakeRedpin, client: RedpinClient, name: str
) -> None:
    client.create_session(REQUEST)
    redpin.fail("list", name)

    if name in ("refused", "rate_limited", "busy"):
        with pytest.raises(RedpinError):
            client.find_session("order-1")
        return
    found = client.find_session("order-1")

    assert found is not None
    assert bool(found.session_url) is (name == "with_url")
    has_failed = name not in ("no_url", "with_url")
    assert [call.fault for call in redpin.calls_of("list")] == [name, *[""] * has_failed]


@pytest.mark.parametrize("name", suited("recipients"))
def test_a_call_to_add_a_recipient_fails_too(
    redpin: FakeRedpin, client: RedpinClient, name: str
) -> None:
    redpin.fail("recipients", name, times=None)

    with pytest.raises(RedpinError):
        client.add_recipient(RECIPIENT)

    redpin.forgive()
    assert (client.find_recipient("escrow-1") is not None) is FAULTS[name].is_done


@pytest.mark.parametrize("name", sorted(set(suited("token")) - {"expired_token"}))
def test_without_a_token_nothing_is_sent(
    redpin: FakeRedpin, client: RedpinClient, name: str
) -> None:
    redpin.fail("token", name, times=None)

    with pytest.raises((AuthenticationError, NotSent)) as failure:
        client.create_session(REQUEST)

    assert outcome_of(failure.value) is Outcome.NOT_EXECUTED
    assert not redpin.creates


def test_a_token_that_has_expired_at_once_is_replaced(
    redpin: FakeRedpin, client: RedpinClient
) -> None:
    redpin.fail("token", "expired_token")

    client.create_session(REQUEST)

    assert [call.status for call in redpin.creates] == [401, 201]


def test_tokens_that_expire_are_replaced(redpin: FakeRedpin, client: RedpinClient) -> None:
    client.create_session(REQUEST)
    redpin.expire_tokens()

    assert client.find_session("order-1")
    assert len(redpin.calls_of("token")) == 2


def test_an_error_says_what_it_was_told_to_say(redpin: FakeRedpin, client: RedpinClient) -> None:
    redpin.fail(
        *("create", "error"),
        status=422,
        code="NO_SUCH_PAYER",
        description="This customer is not onboarded.",
        field="client_customer_ref",
    )

    with pytest.raises(RedpinError) as failure:
        client.create_session(REQUEST)

    told = {name: getattr(failure.value, name) for name in ("status_code", "code", "field")}
    assert told == {"status_code": 422, "code": "NO_SUCH_PAYER", "field": "client_customer_ref"}
    assert "not onboarded" in str(failure.value)


def test_busy_asks_to_wait_for_as_long_as_it_was_told(
    redpin: FakeRedpin, client: RedpinClient
) -> None:
    redpin.fail("create", "busy")
    redpin.fail("create", "busy", retry_after=7)

    waits = []
    for _ in range(2):
        with pytest.raises(RedpinError) as failure:
            client.create_session(REQUEST)
        waits.append(getattr(failure.value, "retry_after", None))

    assert waits == [30.0, 7.0]


def test_slow_is_no_trouble_within_the_clients_patience(
    redpin: FakeRedpin, client: RedpinClient
) -> None:
    redpin.fail("create", "slow", seconds=get_account().read_timeout - 0.1)

    assert client.create_session(REQUEST).session_url


@pytest.mark.parametrize("call", ["create", "webhook"])
def test_never_is_not_how_often_a_fault_is_played(redpin: FakeRedpin, call: str) -> None:
    fault = {"create": "busy", "webhook": "drop"}[call]

    with pytest.raises(ValueError, match="once at least, not 0 times"):
        redpin.fail(call, fault, times=0)


def test_slow_is_too_late_for_the_whole_call_too(redpin: FakeRedpin, settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "READ_TIMEOUT": 10, "TOTAL_TIMEOUT": 5}
    redpin.fail("create", "slow", seconds=7)

    with pytest.raises(NoAnswer):
        RedpinClient(get_account()).create_session(REQUEST)


def test_faults_are_played_in_their_order_and_as_often_as_asked(
    redpin: FakeRedpin, client: RedpinClient
) -> None:
    redpin.fail("create", "refused", times=2)
    redpin.fail("create", "conflict")

    for _ in range(3):
        with pytest.raises(RedpinError):
            client.create_session(REQUEST)
    client.create_session(REQUEST)

    assert [call.fault for call in redpin.creates] == ["refused", "refused", "conflict", ""]


@pytest.mark.parametrize(
    ("call", "fault", "told"),
    [
        ("create", "lots", "Unknown fault 'lots' of 'create'. Use error, html"),
        ("token", "duplicate", "Unknown fault 'duplicate' of 'token'"),
        ("refund", "lost", "Unknown call 'refund'. Use token, create, list, recipients, webhook"),
        ("webhook", "lost", "Unknown fault 'lost'. Use duplicate, reorder"),
    ],
)
def test_a_fault_that_there_is_not_names_those_that_there_are(
    redpin: FakeRedpin, call: str, fault: str, told: str
) -> None:
    with pytest.raises(ValueError, match=told.replace(".", r"\.")):
        redpin.fail(call, fault)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "error", "state"),
    [
        ("unreachable", NotCreatedYet, "creating"),
        ("busy", NotCreatedYet, "creating"),
        ("timeout", OutcomeUnknown, "unknown"),
        ("server_error", OutcomeUnknown, "unknown"),
        ("dropped", OutcomeUnknown, "unknown"),
        ("refused", SessionRejected, "rejected"),
        ("duplicate", SessionRejected, "rejected"),
    ],
)
def test_a_merchant_sees_the_error_and_the_state_of_the_outcome(
    redpin: FakeRedpin, name: str, error: type[RedpinError], state: str
) -> None:
    redpin.fail("create", name, times=None)
    redpin.fail("list", "unreachable", times=None)

    with pytest.raises(error) as failure:
        make_session()

    assert failure.value.session.state == state  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_a_lost_answer_is_looked_up_and_the_session_replaced(redpin: FakeRedpin) -> None:
    redpin.fail("create", "lost")

    session = make_session()

    assert session.state == "open"
    assert session.renews is not None
    assert [call.status for call in redpin.creates] == [0, 201]
