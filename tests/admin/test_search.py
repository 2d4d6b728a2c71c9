"""Search: what names a session, exactly; only where nothing is found, who pays."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_redpin.admin.payers import payer_name, payers_called
from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent

from .world import Row, make_event, make_session, page


def found(client: Client, term: str, model: type[Row] = PaymentSession, **more: str) -> list[Any]:
    response = client.get(page(model), {"q": term, **more})
    assert response.status_code == 200
    return [row.pk for row in response.context["cl"].result_list]


@pytest.mark.parametrize(
    "term", ["order-1", " order-1\n", "session-1", "payment-1", "CUST_1", "key-1"]
)
def test_a_session_is_found_by_each_of_its_names(
    admin_client: Client, escrow: Recipient, term: str
) -> None:
    session = make_session(1, escrow)
    make_session(11, escrow)

    assert found(admin_client, term) == [session.pk]


def test_a_name_is_one_term_whatever_is_in_it(admin_client: Client, escrow: Recipient) -> None:
    odd = make_session(1, escrow, client_reference_id="unit 7 \"B\" of 'X'")
    make_session(2, escrow, client_reference_id="unit", client_customer_ref="7")

    assert found(admin_client, odd.client_reference_id) == [odd.pk]
    assert found(admin_client, "unit 7") == []


@pytest.mark.skipif("connection.vendor == 'mysql'", reason="Its collation ignores case.")
def test_references_are_found_whole_and_as_they_are_written(
    admin_client: Client, escrow: Recipient
) -> None:
    make_session(1, escrow)

    assert found(admin_client, "ORDER-1") == []
    assert found(admin_client, "order-") == []
    assert found(admin_client, "order_1") == []


def test_who_pays_is_looked_for_only_where_no_session_has_that_name(
    admin_client: Client, escrow: Recipient
) -> None:
    payer = User.objects.create_user("order-2")
    make_session(1, escrow, payer=payer)
    named = make_session(2, escrow)

    assert found(admin_client, "order-2") == [named.pk]


def test_the_sessions_of_a_payer_are_found_by_user_name(
    admin_client: Client, escrow: Recipient
) -> None:
    payer = User.objects.create_user("amal")
    paid = [make_session(number, escrow, payer=payer, state="open").pk for number in range(2)]
    make_session(3, escrow)

    assert found(admin_client, "amal") == paid[::-1]
    assert found(admin_client, "amal", state__in="open") == paid[::-1]
    assert found(admin_client, "amal", state__in="closed") == []


@pytest.mark.django_db
def test_a_column_of_the_users_that_has_no_index_is_not_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    payer = User.objects.create_user("amal", email="amal@example.com")

    assert payers_called("amal@example.com") == []
    monkeypatch.setattr(User._meta.get_field("email"), "db_index", True)
    assert payers_called("amal@example.com") == [payer.pk]
    monkeypatch.setattr(User, "USERNAME_FIELD", "first_name")
    monkeypatch.setattr(User, "EMAIL_FIELD", "last_name")
    assert payers_called("") == []


def test_a_payer_without_a_name_is_called_what_they_sign_in_with() -> None:
    assert payer_name(PaymentSession(payer=User(username="amal"))) == "amal"
    assert payer_name(PaymentSession()) == ""


def test_events_and_transitions_are_found_by_the_names_they_tell(
    admin_client: Client, escrow: Recipient
) -> None:
    session = make_session(1, escrow)
    stray = make_event(7)

    for term in ("order-7", "event-7", "payment-7"):
        assert found(admin_client, term, WebhookEvent) == [stray.pk]
    assert len(found(admin_client, "order-1", StatusTransition)) == session.transitions.count()


def test_a_search_asks_the_same_whatever_it_finds(admin_client: Client, escrow: Recipient) -> None:
    def queries(term: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            found(admin_client, term)
        return len(captured)

    for number in range(20):
        make_session(number, escrow, client_customer_ref="CUST")

    queries("order-1")
    assert queries("order-1") == queries("CUST")
