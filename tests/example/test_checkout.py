"""The checkout: what becomes an order and a session, what does not, and what the buyer is told."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django import forms
from django.db import connection, connections
from django.test import Client
from pytest_django import Settings

from django_redpin.models import PaymentSession
from django_redpin.testing import FakeRedpin
from example_project.properties import orders
from example_project.properties.forms import CheckoutForm
from example_project.properties.models import Order, Unit

from .conftest import BUYER, Reserve, words

pytestmark = pytest.mark.django_db


REFUSAL = "This customer is not onboarded."


def test_every_home_of_the_release_can_be_reserved_and_looked_at(shop: FakeRedpin) -> None:
    page = Client().get("/").content.decode()

    assert page.count('/reserve/"') == 6
    for home in Unit.objects.all():
        assert f'href="/units/{home.reference}/reserve/"' in page
        assert "Reserve this home" in words(Client().get(home.get_absolute_url()))


def test_a_reservation_asks_for_the_deposit_in_two_shares_that_sum_to_it(
    shop: FakeRedpin, reserve: Reserve
) -> None:
    answer = reserve()

    order = Order.objects.get()
    assert answer["Location"] == f"/orders/{order.pk}/pay/"
    sent = shop.creates[0].json
    assert sent["client_customer_ref"] == "MQ-2041"
    assert sent["amount"] == {"currency": "AED", "value": Decimal("250000.00")}
    shares = [share["amount"]["value"] for share in sent["recipient_details"]]
    assert shares == [Decimal("200000.00"), Decimal("50000.00")]
    assert [item["item_ref"] for item in sent["items"]] == ["MQ-1204"]
    assert order.session is not None
    assert order.session.metadata == {"order": str(order.pk)}


def test_the_payment_page_shows_the_hosted_session_in_a_frame(reserve: Reserve) -> None:
    client = Client()
    answer = client.get(reserve(client)["Location"])

    session = PaymentSession.objects.get()
    page = answer.content.decode()
    assert page.count("<iframe ") == page.count(f'\n          src="{session.session_url}"') == 1


def test_a36_the_pages_of_a_payment_are_kept_by_nobody(order: Order) -> None:
    for address in (order.get_absolute_url(), f"{order.get_absolute_url()}pay/"):
        answer = Client().get(address)

        assert answer["Cache-Control"] == "no-store, private", address
        assert answer["X-Robots-Tag"] == "noindex"
        assert answer["Referrer-Policy"] == "strict-origin-when-cross-origin"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"buyer_name": " "}, "Enter the buyer's full name."),
        ({"email": ""}, "Enter an e-mail address, so that we can send the receipt."),
        ({"email": "amal@"}, "Enter a complete e-mail address"),
        ({"client_customer_ref": ""}, "Enter the reference from your welcome letter."),
        ({"client_customer_ref": "MQ 2041"}, "Use only letters from A to Z, digits, hyphens"),
        ({"client_customer_ref": "MQ-2041\n"}, ""),
        ({"client_customer_ref": "M" * 101}, "at most 100 characters"),
        ({"order": "not-a-key"}, "The form was damaged on its way."),
        ({"buyer_name": "\x00"}, "Null characters are not allowed."),
        ({"buyer_name": "B" * 121}, "at most 120 characters"),
        ({"email": "a" * 300 + "@example.com"}, "at most 254 characters"),
        ({"email": "a" * 243 + "@example.com"}, "at most 254 characters"),
    ],
)
def test_a_faulty_form_says_what_to_change_and_orders_nothing(
    shop: FakeRedpin, reserve: Reserve, fields: dict[str, str], told: str
) -> None:
    answer = reserve(**fields)

    if not told:  # A line break at the end is what people paste along; it is taken away.
        assert Order.objects.get().client_customer_ref == "MQ-2041"
        return
    assert answer.status_code == 422
    assert told in words(answer)
    assert not Order.objects.exists()
    assert not shop.creates


def test_the_longest_values_that_the_form_takes_are_stored(reserve: Reserve) -> None:
    fields = {
        "buyer_name": "B" * 120,
        "email": "a" * 242 + "@example.com",
        "client_customer_ref": "M" * 100,
    }

    assert reserve(**fields).status_code == 302
    assert Order.objects.filter(**fields).exists()


def test_no_field_of_the_form_takes_more_than_its_column_holds() -> None:
    assert set(CheckoutForm.base_fields) == {"order", *BUYER}
    for name in BUYER:
        field = CheckoutForm.base_fields[name]
        assert isinstance(field, forms.CharField)
        assert field.max_length == getattr(Order._meta.get_field(name), "max_length", None)


def test_an_empty_post_shows_the_form_with_its_errors(unit: Unit) -> None:
    answer = Client().post(f"/units/{unit.reference}/reserve/")

    assert answer.status_code == 422
    assert "Please check this first" in words(answer)


def test_a_form_sent_twice_is_one_order_and_one_session(shop: FakeRedpin, reserve: Reserve) -> None:
    key = str(uuid.uuid4())

    first, second = reserve(order=key), reserve(order=key)

    assert first["Location"] == second["Location"]
    assert Order.objects.count() == PaymentSession.objects.count() == len(shop.creates) == 1


def test_a_home_that_is_held_is_not_sold_again(shop: FakeRedpin, reserve: Reserve) -> None:
    reserve()

    answer = reserve(buyer_name="Somebody Else")

    assert answer.status_code == 422
    assert "Somebody else is reserving this home." in words(answer)
    assert Order.objects.count() == len(shop.creates) == 1
    page = Client().get("/").content.decode()
    assert page.count('/reserve/"') == 5


@pytest.mark.django_db(transaction=True)
def test_of_many_buyers_at_the_same_moment_one_gets_the_home(shop: FakeRedpin, unit: Unit) -> None:
    start = threading.Barrier(6)
    placed: list[bool] = []

    def buy() -> None:
        start.wait()
        try:
            placed.append(orders.place(unit, uuid.uuid4(), orders.Buyer(*BUYER.values()))[1])
        except orders.UnitTaken:
            placed.append(False)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=buy) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(placed) == [False] * 5 + [True]
    assert Order.objects.get().holds == unit


def test_faults_that_only_the_package_sees_are_told_on_the_form_and_the_home_stays_free(
    shop: FakeRedpin, reserve: Reserve, settings: Settings
) -> None:
    key = str(uuid.uuid4())
    right = settings.REDPIN
    settings.REDPIN = {**right, "PURPOSES_OF_TRANSACTION": ["SOMETHING_ELSE"]}
    answer = reserve(order=key)

    assert answer.status_code == 422
    assert "SOMETHING_ELSE" in words(answer)
    assert not Order.objects.exists()
    assert not PaymentSession.objects.exists()

    settings.REDPIN = right
    assert reserve(order=key)["Location"] == f"/orders/{key}/pay/"


def test_a_refusal_is_told_in_redpins_words_and_can_be_tried_again(
    shop: FakeRedpin, reserve: Reserve, unit: Unit
) -> None:
    shop.fail("create", "refused", description=REFUSAL)
    client = Client()

    page = client.get(reserve(client)["Location"])

    order = Order.objects.get()
    assert "This customer is not onboarded." in words(page)
    assert "Redpin did not accept the session" in words(page)
    assert order.session is not None
    assert order.session.state == "rejected"
    assert order.holds is None

    again = client.post(f"/orders/{order.pk}/renew/")

    order.refresh_from_db()
    assert again["Location"] == f"/orders/{order.pk}/pay/"
    assert order.session is not None
    assert order.session.state == "open"
    assert order.holds == unit


def test_a_refusal_of_what_the_form_asks_for_is_told_on_its_field_and_can_be_corrected(
    shop: FakeRedpin, reserve: Reserve
) -> None:
    told = "No customer <MQ-2041> is known."
    shop.fail("create", "refused", description=told, field="client_customer_ref")
    key = str(uuid.uuid4())

    answer = reserve(order=key)

    assert answer.status_code == 422
    assert "Buyer's reference: No customer &lt;MQ-2041&gt; is known." in words(answer)
    assert 'name="client_customer_ref" value="MQ-2041"' in answer.content.decode()
    assert PaymentSession.objects.get().state == "rejected"
    assert not Order.objects.exists()

    again = reserve(order=key, client_customer_ref="MQ-2042")

    assert again["Location"] == f"/orders/{key}/pay/"
    assert Order.objects.get().client_customer_ref == "MQ-2042"
    assert shop.creates[-1].json["client_customer_ref"] == "MQ-2042"


def test_a_renewal_that_redpin_refuses_is_told_on_the_orders_page(
    shop: FakeRedpin, reserve: Reserve
) -> None:
    shop.fail("create", "refused", times=2, description=REFUSAL)
    client = Client()
    reserve(client)
    order = Order.objects.get()

    page = client.get(client.post(f"/orders/{order.pk}/renew/")["Location"])

    assert page.request["PATH_INFO"] == f"/orders/{order.pk}/"
    assert words(page).count("This customer is not onboarded.") == 2


def test_without_an_answer_the_order_waits_and_the_same_session_is_looked_up(
    shop: FakeRedpin, reserve: Reserve, unit: Unit, let_time_pass: Callable[[timedelta], None]
) -> None:
    shop.fail("create", "dropped")
    client = Client()

    page = client.get(reserve(client)["Location"])

    order = Order.objects.get()
    assert "Your payment session is being prepared" in words(page)
    assert "Redpin has not answered yet." in words(page)
    assert '<meta http-equiv="refresh"' in page.content.decode()
    assert order.holds == unit

    let_time_pass(timedelta(minutes=1))
    client.post(f"/orders/{order.pk}/renew/")

    session = PaymentSession.objects.get()
    assert (session.state, session.idempotency_key) == ("open", f"order-{order.pk}")


def test_an_order_cut_off_before_its_session_can_be_finished(shop: FakeRedpin, unit: Unit) -> None:
    order, _ = orders.place(unit, uuid.uuid4(), orders.Buyer(*BUYER.values()))
    client = Client()

    assert client.get(f"/orders/{order.pk}/pay/")["Location"] == f"/orders/{order.pk}/"
    assert "Try again" in words(client.get(f"/orders/{order.pk}/"))
    answer = client.post(f"/orders/{order.pk}/renew/")

    assert answer["Location"] == f"/orders/{order.pk}/pay/"


def test_settings_that_allow_no_payment_end_in_a_message(
    shop: FakeRedpin, reserve: Reserve, settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN, "CLIENT_ID": ""}
    client = Client()

    page = client.get(reserve(client)["Location"])

    assert "Payments are not available at the moment." in words(page)
    assert Order.objects.get().holds is None


def test_atomic_requests_do_not_get_in_the_way(
    shop: FakeRedpin, reserve: Reserve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)

    assert reserve()["Location"].endswith("/pay/")


def test_every_page_that_can_be_read_can_be_asked_for_its_head(order: Order) -> None:
    home, own = order.unit.get_absolute_url(), order.get_absolute_url()

    for address in ("/", home, f"{home}reserve/", own, f"{own}pay/", f"{own}status.json"):
        answer = Client().head(address)
        assert (answer.status_code, answer.content) == (200, b""), address
        assert Client().get(address).status_code == 200
        assert Client().put(address).status_code == 405


def test_a_wrong_address_says_so_within_the_shop(shop: FakeRedpin, settings: Settings) -> None:
    settings.DEBUG = False

    for address in ("/units/MQ-9999/", "/units/MQ-9999/reserve/", "/nowhere/"):
        answer = Client().get(address)
        assert answer.status_code == 404
        assert "There is nothing at this address" in words(answer)
