"""The calls that the faults are played to. Each returns the session_id that it was answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final

from moneyed import Money

from django_redpin.client import RedpinClient
from django_redpin.conf import get_account
from django_redpin.exceptions import RedpinError
from django_redpin.rules.requests import Payee, PayeeShare, SessionRequest

Call = Callable[[str], str]


def create(reference: str) -> str:
    amount = Money("10.00", "AED")
    request = SessionRequest(
        client_customer_ref="CUST_001",
        client_reference_id=reference,
        amount=amount,
        due_date=date(2030, 1, 1),
        purpose_of_transaction="RENT",
        recipients=[PayeeShare(Payee("P", recipient_id="1"), amount)],
    )
    return RedpinClient(get_account()).create_session(request).session_id


def find(reference: str) -> str:
    found = RedpinClient(get_account()).find_session(reference)
    assert found
    return found.session_id


CALLS: Final[dict[str, Call]] = {"create": create, "find": find}


def outcome(call: Call) -> type[BaseException] | None:
    """Return the error's very type, or None where the call returned what was asked for."""
    try:
        assert call("ORDER-1") == "s-ORDER-1"
    except RedpinError as error:
        return type(error)
    return None
