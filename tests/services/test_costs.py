"""What a create call costs: statements, BEGIN and COMMIT counted, and requests to Redpin."""

from __future__ import annotations

from typing import Any, Final

import pytest
from django.db import connection
from django.db.models.signals import post_save
from django.test.utils import CaptureQueriesContext

from django_redpin.models import PaymentSession, StatusTransition
from django_redpin.services import create_payment_session
from tests.redpin_server import FakeRedpin

pytestmark = pytest.mark.django_db(transaction=True)

# The intent with its parts, and the move with its line; PostgreSQL's WITH takes all of each.
AT_ONCE: Final = ["WITH", "WITH"]
# Besides, the payees are read of whom Redpin is told, the row as others left it, and the events
# that came before their session.
BY_THE_ORM: Final = [
    *("BEGIN", "INSERT", "INSERT", "INSERT", "COMMIT", "SELECT"),
    *("BEGIN", "UPDATE", "INSERT", "COMMIT", "SELECT", "SELECT"),
]
FOR_A_CREATE: Final = {"postgresql": AT_ONCE}.get(connection.vendor, BY_THE_ORM)


def statements(arguments: dict[str, Any]) -> list[str]:
    """Return the verb of each statement of a create call, as they were sent."""
    with CaptureQueriesContext(connection) as captured:
        create_payment_session(**arguments)
    return [query["sql"].split()[0] for query in captured]


def test_a_create_call_sends_as_few_statements_as_its_database_takes(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    assert statements(arguments) == FOR_A_CREATE


def test_a_key_costs_one_statement_more(redpin: FakeRedpin, arguments: dict[str, Any]) -> None:
    assert statements({**arguments, "idempotency_key": "order-1"}) == ["SELECT", *FOR_A_CREATE]


def test_more_payees_and_items_cost_no_further_statement(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    total = arguments["amount"] * 8
    more = {name: arguments[name] * 8 for name in ("recipients", "items")}

    assert statements({**arguments, **more, "amount": total}) == FOR_A_CREATE
    session = PaymentSession.objects.get()
    assert (session.shares.count(), session.items.count()) == (16, 8)
    assert len(redpin.creates[0].json["recipient_details"]) == 16


def test_a_create_call_is_one_request(redpin: FakeRedpin, arguments: dict[str, Any]) -> None:
    create_payment_session(**arguments)  # Gets the token.
    redpin.calls.clear()
    create_payment_session(**arguments)

    assert [call.path.rpartition("/")[2] for call in redpin.calls] == ["sessions"]
    assert redpin.tokens == 1


@pytest.mark.parametrize("model", [PaymentSession, StatusTransition])
def test_whoever_listens_to_what_is_saved_hears_of_it_all_the_same(
    redpin: FakeRedpin, arguments: dict[str, Any], model: type[Any]
) -> None:
    heard: list[int] = []

    def listen(instance: Any, created: bool, **kwargs: object) -> None:
        heard.append(instance.pk)

    post_save.connect(listen, sender=model)
    try:
        create_payment_session(**arguments)
    finally:
        post_save.disconnect(listen, sender=model)

    assert heard == [model.objects.get().pk]
