"""Faults of the same name go wrong alike: for the client, and for what is left at Redpin."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from moneyed import Money

from django_redpin.client import Outcome, RedpinClient, outcome_of
from django_redpin.conf import get_account
from django_redpin.exceptions import RedpinError
from django_redpin.rules.requests import Payee, PayeeShare, SessionRequest
from django_redpin.sandbox.faults import FAULTS
from django_redpin.testing import FAULTS as OF_THE_FAKE

from .players import Player, new_reference

TOTAL = Money("100.00", "AED")


def request(reference: str) -> SessionRequest:
    return SessionRequest(
        client_customer_ref="CUST_001",
        client_reference_id=reference,
        amount=TOTAL,
        due_date=datetime.now(timezone.utc).date() + timedelta(days=30),
        purpose_of_transaction="RENT",
        recipients=[PayeeShare(Payee("", recipient_id="501"), TOTAL)],
    )


@pytest.mark.parametrize("name", [n for n, fault in FAULTS.items() if "create" in fault.calls])
def test_a_create_call_that_goes_wrong(player: Player, name: str) -> None:
    reference = new_reference()
    options = {"seconds": 2} if name == "slow" else {}
    player.play.fail("create", name, **options)

    with pytest.raises(RedpinError) as failure:
        RedpinClient(get_account()).create_session(request(reference))

    assert outcome_of(failure.value) is (OF_THE_FAKE[name].outcome or Outcome.UNKNOWN)
    player.play.forgive()
    found = RedpinClient(get_account()).find_session(reference)
    assert (found is not None) is FAULTS[name].is_done


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 429, 500, 502, 503, 504])
def test_an_error_of_any_status(player: Player, status: int) -> None:
    for call in ("create", "list"):
        player.play.fail(call, "error", status=status)

    created = player.create()
    listed = player.list()

    assert created.status_code == listed.status_code == status
    assert created.json()["code"] == listed.json()["code"]
    assert set(created.json()) == {"code", "description", "type"}
    assert created.json()["code"] == CODES[status]


CODES = {
    400: "INVALID_PARAMETER",
    401: "UNAUTHORIZED",
    404: "RESOURCE_NOT_FOUND",
    409: "CONFLICT",
    422: "UNPROCESSABLE_ENTITY",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL_SERVER_ERROR",
    502: "BAD_GATEWAY",
    503: "SERVICE_UNAVAILABLE",
    504: "GATEWAY_TIMEOUT",
}


def test_a_pause_is_asked_for(player: Player) -> None:
    player.play.fail("create", "error", status=503, retry_after=7)

    assert player.create().headers["Retry-After"] == "7"


def test_the_list_shows_the_url_when_told_to(player: Player) -> None:
    reference = new_reference()
    created = player.create(client_reference_id=reference).json()
    assert "session_url" not in player.found(reference)

    player.play.fail("list", "with_url")

    assert player.found(reference)["session_url"] == created["session_url"]


def test_a_token_that_has_expired_at_once(player: Player) -> None:
    player.play.fail("token", "expired_token")

    assert player.create().status_code == 401
    player.token = ""
    assert player.create().status_code == 201
