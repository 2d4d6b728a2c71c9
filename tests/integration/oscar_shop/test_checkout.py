"""A customer's way through Oscar's checkout, paid on Redpin's page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.sandbox import Sandbox

from .conftest import Customer, session_of
from .paying.statuses import PAID, PENDING

WaitForStatus = Callable[[Any, str], None]


@pytest.mark.parametrize("who", ["guest", "member"])
def test_an_order_is_paid_from_the_basket_to_the_books(
    who: str,
    request: pytest.FixtureRequest,
    lamp: Any,
    sandbox: Sandbox,
    wait_for_status: WaitForStatus,
    mailoutbox: list[Any],
) -> None:
    customer: Customer = request.getfixturevalue(who)
    order, page = customer.order(lamp, 2)
    session = session_of(order)
    assert order.status == PENDING
    assert page.frames == [session.session_url]
    assert not mailoutbox

    sandbox.pay(page.frames[0])
    sandbox.tell(session, "finish")
    wait_for_status(order, PAID)

    [source] = order.sources.all()
    [paid] = source.transactions.all()
    [event] = order.payment_events.all()
    session.refresh_from_db()
    assert (paid.txn_type, paid.amount, paid.reference) == (
        "Debit",
        order.total_incl_tax,
        session.payment_id,
    )
    assert source.amount_debited == event.amount == session.amount == order.total_incl_tax
    assert (source.currency, session.currency) == ("AED", "AED")
    assert [change.new_status for change in order.status_changes.all()] == [PAID]
