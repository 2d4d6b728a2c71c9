"""Our client against a sandbox that goes wrong: each API fault, and what becomes of the payment.

The outcomes are those of the page "When Redpin does not answer".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import requests
from pytest_django import Settings

from django_redpin.exceptions import (
    NotCreatedYet,
    OutcomeUnknown,
    RecipientNotRegistered,
    RecipientRejected,
    SessionRejected,
)
from django_redpin.models import PaymentSession
from django_redpin.sandbox.faults import FAULTS
from django_redpin.services import (
    complete_payment_session,
    create_payment_session,
    register_recipient,
)

from .test_sandbox_flow import SECRET, bearer, new_payee, running_sandbox

pytestmark = pytest.mark.django_db(transaction=True)
State = PaymentSession.State
AGES = timedelta(hours=2)


@dataclass
class Sandbox:
    """A running one, and its controls."""

    url: str

    def fail(self, call: str, fault: str, **options: Any) -> None:
        document = {"call": call, "fault": fault, **options}
        response = requests.post(f"{self.url}/control/faults", json=document, timeout=5)
        assert response.status_code == 201, response.text

    def mend(self) -> None:
        requests.delete(f"{self.url}/control/faults", timeout=5)

    def stored(self, reference: str) -> int:
        """Return how many sessions the sandbox has for the reference."""
        listed = requests.get(
            f"{self.url}/v1/customers/0201001008132685/sessions",
            params={"client_reference_id": reference},
            headers=bearer(self.url),
            timeout=5,
        ).json()
        total: int = listed["meta"]["total_records"]
        return total


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("sandbox")
    with running_sandbox(directory, 60, "--list-shows-url") as url:
        yield url


@pytest.fixture
def sandbox(running: str, settings: Settings, no_retries: None) -> Iterator[Sandbox]:
    settings.DEBUG = True
    given = {name: value for name, value in settings.REDPIN.items() if name != "TOKEN_URL"}
    settings.REDPIN = {
        **given,
        "BASE_URL": running,
        "CLIENT_SECRET": SECRET,
        "HOSTED_PAGE_ORIGINS": [running],
        "READ_TIMEOUT": 1,
        "TOTAL_TIMEOUT": 3,
    }
    found = Sandbox(running)
    found.mend()
    yield found
    found.mend()


@pytest.mark.parametrize(
    ("fault", "options", "raised", "state"),
    [
        ("error", {"status": 400}, SessionRejected, State.REJECTED),
        ("error", {"status": 403}, SessionRejected, State.REJECTED),
        ("error", {"status": 404}, SessionRejected, State.REJECTED),
        ("error", {"status": 409}, SessionRejected, State.REJECTED),
        ("error", {"status": 422}, SessionRejected, State.REJECTED),
        ("html", {"status": 404}, SessionRejected, State.REJECTED),
        ("error", {"status": 401}, NotCreatedYet, State.CREATING),
        ("error", {"status": 429}, NotCreatedYet, State.CREATING),
        ("error", {"status": 429, "retry_after": 30}, NotCreatedYet, State.CREATING),
        ("error", {"status": 503, "retry_after": 30}, NotCreatedYet, State.CREATING),
        ("error", {"status": 500}, OutcomeUnknown, State.UNKNOWN),
        ("error", {"status": 503}, OutcomeUnknown, State.UNKNOWN),
        ("error", {"status": 504}, OutcomeUnknown, State.UNKNOWN),
        ("html", {"status": 502}, OutcomeUnknown, State.UNKNOWN),
        ("error", {"status": 200}, OutcomeUnknown, State.UNKNOWN),
        ("error", {"status": 204}, OutcomeUnknown, State.UNKNOWN),
        ("html", {"status": 302}, OutcomeUnknown, State.UNKNOWN),
        ("dropped", {}, OutcomeUnknown, State.UNKNOWN),
    ],
)
def test_a_create_call_that_is_not_carried_out_ends_as_the_table_says(
    sandbox: Sandbox,
    arguments: dict[str, Any],
    let_time_pass: Callable[[timedelta], None],
    fault: str,
    options: dict[str, Any],
    raised: type[SessionRejected | OutcomeUnknown],
    state: str,
) -> None:
    sandbox.fail("create", fault, times=None, **options)

    with pytest.raises(raised) as caught:
        create_payment_session(**arguments)

    assert type(caught.value) is raised
    session = PaymentSession.objects.get()
    assert session.state == state
    assert sandbox.stored(session.client_reference_id) == 0
    sandbox.mend()
    if state != State.REJECTED:
        let_time_pass(AGES)
        session = complete_payment_session(session)
        assert session.state == State.OPEN
        assert sandbox.stored(session.client_reference_id) == 1


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("lost", {}),
        ("slow", {"seconds": 2}),
        ("not_json", {}),
        ("empty", {}),
        ("truncated", {}),
        ("no_url", {}),
    ],
)
def test_a_session_whose_answer_is_no_good_is_found_and_not_made_twice(
    sandbox: Sandbox, arguments: dict[str, Any], fault: str, options: dict[str, Any]
) -> None:
    sandbox.fail("create", fault, **options)

    session = create_payment_session(**arguments)

    assert session.state == State.OPEN
    assert session.session_url.startswith(sandbox.url)
    assert sandbox.stored(session.client_reference_id) == 1
    assert PaymentSession.objects.count() == 1


@pytest.mark.parametrize(("fault", "is_open"), [("no_url", False), ("with_url", True)])
def test_a_lost_session_is_opened_by_a_list_that_tells_its_address(
    sandbox: Sandbox, arguments: dict[str, Any], fault: str, is_open: bool
) -> None:
    sandbox.fail("create", "lost")
    sandbox.fail("list", fault, times=None)

    with nullcontext() if is_open else pytest.raises(NotCreatedYet):
        create_payment_session(**arguments)

    assert PaymentSession.objects.filter(state=State.OPEN).exists() is is_open


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("error", {"status": 401}),
        ("error", {"status": 500}),
        ("html", {"status": 502}),
        ("lost", {}),
        ("dropped", {}),
        ("slow", {"seconds": 2}),
        ("not_json", {}),
        ("empty", {}),
        ("truncated", {}),
        ("expired_token", {}),
    ],
)
def test_without_a_token_nothing_is_created_and_it_goes_on_later(
    sandbox: Sandbox,
    arguments: dict[str, Any],
    let_time_pass: Callable[[timedelta], None],
    fault: str,
    options: dict[str, Any],
) -> None:
    sandbox.fail("token", fault, times=None, **options)

    with pytest.raises(NotCreatedYet):
        create_payment_session(**arguments)

    session = PaymentSession.objects.get()
    assert session.state == State.CREATING
    sandbox.mend()
    assert sandbox.stored(session.client_reference_id) == 0
    deadline = time.monotonic() + 15
    while session.state != State.OPEN:
        # Refused credentials are not tried again for some seconds.
        assert time.monotonic() < deadline
        let_time_pass(AGES)
        with suppress(NotCreatedYet):
            session = complete_payment_session(session)
        time.sleep(0.2)


def test_a_token_that_expires_at_once_is_replaced_within_the_call(
    sandbox: Sandbox, arguments: dict[str, Any]
) -> None:
    sandbox.fail("token", "expired_token")

    assert create_payment_session(**arguments).state == State.OPEN


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("error", {"status": 500}),
        ("html", {"status": 502}),
        ("dropped", {}),
        ("lost", {}),
        ("slow", {"seconds": 2}),
        ("not_json", {}),
        ("empty", {}),
        ("truncated", {}),
    ],
)
def test_a_look_up_that_fails_too_leaves_the_session_unknown(
    sandbox: Sandbox,
    arguments: dict[str, Any],
    let_time_pass: Callable[[timedelta], None],
    fault: str,
    options: dict[str, Any],
) -> None:
    sandbox.fail("create", "lost")
    sandbox.fail("list", fault, times=None, **options)

    with pytest.raises(OutcomeUnknown):
        create_payment_session(**arguments)

    session = PaymentSession.objects.get()
    assert session.state == State.UNKNOWN
    sandbox.mend()
    let_time_pass(AGES)
    assert complete_payment_session(session).state == State.OPEN
    assert sandbox.stored(session.client_reference_id) == 1


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("fault", "options", "raised"),
    [
        ("error", {"status": 422}, RecipientRejected),
        ("error", {"status": 500}, RecipientNotRegistered),
        ("error", {"status": 429, "retry_after": 9}, RecipientNotRegistered),
        ("html", {"status": 502}, RecipientNotRegistered),
        ("dropped", {}, RecipientNotRegistered),
        ("lost", {}, RecipientNotRegistered),
        ("slow", {"seconds": 2}, RecipientNotRegistered),
        ("not_json", {}, RecipientNotRegistered),
        ("empty", {}, RecipientNotRegistered),
        ("truncated", {}, RecipientNotRegistered),
    ],
)
def test_a_payee_whose_registration_fails_is_registered_later(
    sandbox: Sandbox,
    let_time_pass: Callable[[timedelta], None],
    fault: str,
    options: dict[str, Any],
    raised: type[Exception],
) -> None:
    sandbox.fail("recipients", fault, times=None, **options)
    payee = new_payee("Agent")

    with pytest.raises(raised):
        register_recipient(payee)

    sandbox.mend()
    let_time_pass(AGES)
    payee.refresh_from_db()
    assert not payee.recipient_id
    if raised is RecipientNotRegistered:
        assert register_recipient(payee).recipient_id


def test_every_fault_of_the_sandbox_is_met_by_our_client() -> None:
    met = {
        mark.args[1][n][0]
        for test in (
            test_a_create_call_that_is_not_carried_out_ends_as_the_table_says,
            test_a_session_whose_answer_is_no_good_is_found_and_not_made_twice,
            test_a_lost_session_is_opened_by_a_list_that_tells_its_address,
            test_without_a_token_nothing_is_created_and_it_goes_on_later,
        )
        for mark in test.pytestmark
        if mark.name == "parametrize"
        for n in range(len(mark.args[1]))
    }
    assert met == set(FAULTS)
