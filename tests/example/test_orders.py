"""What becomes of an order: paid once, its receipt sent once, its unit let go if need be."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from django_redpin.models import PaymentSession, StatusTransition
from django_redpin.rules.statuses import RANKS
from django_redpin.testing import FakeRedpin
from django_redpin.testing.plugin import RedpinWebhook
from example_project.properties import orders, receipts, tasks
from example_project.properties.models import Order, Unit
from example_project.properties.seed import seed

from .conftest import BUYER, Reserve, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The orders for whose receipts a task was enqueued."""
    found: list[str] = []
    monkeypatch.setattr(tasks.send_receipt, "delay", found.append)
    return found


def news(order: Order, to_value: str) -> int:
    """Return the key of a transition of the order's session."""
    assert order.session is not None
    subject = "state" if to_value.islower() else "payment_status"
    return StatusTransition.objects.create(
        session=order.session, subject=subject, to_value=to_value
    ).pk


def pay(order: Order) -> None:
    tasks.deposit_paid(news(order, "PAYMENT_COMPLETED"))
    order.refresh_from_db()


def test_a_payment_that_is_told_after_its_refund_makes_nothing_paid(
    order: Order, sent: list[str]
) -> None:
    assert order.session is not None
    PaymentSession.objects.filter(pk=order.session.pk).update(payment_status="REFUNDED")
    tasks.session_ended(news(order, "REFUNDED"))

    pay(order)

    assert order.status == Order.Status.RELEASED
    assert sent == []


def test_a_completed_payment_makes_the_order_paid_and_enqueues_its_receipt_once(
    order: Order, sent: list[str]
) -> None:
    key = news(order, "PAYMENT_COMPLETED")
    tasks.deposit_paid(key)
    order.refresh_from_db()
    paid_at = order.paid_at

    tasks.deposit_paid(key)
    order.refresh_from_db()

    assert order.is_paid
    assert order.paid_at == paid_at
    assert sent == [str(order.pk)]


def test_the_receipt_goes_out_once_however_often_its_task_runs(
    order: Order, sent: list[str]
) -> None:
    pay(order)

    for _ in range(3):
        tasks.send_receipt(str(order.pk))

    assert [message.to for message in mail.outbox] == [["amal@example.com"]]
    assert "AED 250,000.00" in mail.outbox[0].body
    order.refresh_from_db()
    assert order.receipt_sent_at


def test_no_receipt_goes_out_for_an_order_that_is_not_paid(order: Order) -> None:
    tasks.send_receipt(str(order.pk))
    tasks.send_receipt(str(uuid.uuid4()))

    assert not mail.outbox


def test_a_receipt_that_could_not_be_sent_is_sent_by_the_next_try(
    order: Order, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pay(order)

    def down(*args: object, **kwargs: object) -> int:
        raise ConnectionRefusedError

    with monkeypatch.context() as broken:
        broken.setattr(receipts, "send_mail", down)
        with pytest.raises(ConnectionRefusedError):
            receipts.send(order)
    tasks.tidy()

    assert sent == [str(order.pk)] * 2
    assert receipts.send(order)


def test_the_receiver_is_connected_to_the_packages_signal(
    order: Order, redpin_webhook: RedpinWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueued: list[Any] = []
    monkeypatch.setattr(
        tasks.deposit_paid, "apply_async", lambda args, **options: enqueued.append(args)
    )
    assert order.session is not None

    redpin_webhook(order.session, "PAYMENT_COMPLETED")

    transition = StatusTransition.objects.get(to_value="PAYMENT_COMPLETED")
    assert enqueued == [(transition.pk,)]


@pytest.mark.parametrize(
    ("what", "holds"),
    [("CANCELLED", False), ("REFUNDED", False), ("expired", False), ("BOUNCED_BACK", True)],
)
def test_the_unit_is_let_go_when_the_money_will_not_come(
    order: Order, what: str, holds: bool
) -> None:
    tasks.session_ended(news(order, what))

    order.refresh_from_db()
    assert (order.holds is not None) is holds


def test_a_paid_unit_is_never_let_go(order: Order, sent: list[str]) -> None:
    pay(order)

    tasks.session_ended(news(order, "REFUNDED"))

    order.refresh_from_db()
    assert order.is_paid
    assert order.holds == order.unit


def test_an_expired_session_is_renewed_and_late_news_of_it_changes_nothing(
    shop: FakeRedpin, order: Order
) -> None:
    assert order.session is not None
    old_news = news(order, "expired")
    PaymentSession.objects.update(expires_at=timezone.now() - timedelta(minutes=1), state="expired")
    client = Client()
    assert "The payment session has expired" in words(client.get(f"/orders/{order.pk}/"))

    answer = client.post(f"/orders/{order.pk}/renew/")
    tasks.session_ended(old_news)

    renewed = Order.objects.get()
    assert answer["Location"] == f"/orders/{order.pk}/pay/"
    assert renewed.session is not None
    assert renewed.session.renews == order.session
    assert renewed.holds == order.unit


def test_a_session_that_replaced_the_orders_own_is_found(order: Order) -> None:
    assert order.session is not None
    old = order.session
    PaymentSession.objects.update(state="superseded", idempotency_key=None)
    new = PaymentSession.objects.create(
        client_reference_id="new", amount=1, currency="AED", due_date="2030-01-01", renews=old
    )

    Client().get(f"/orders/{order.pk}/")

    order.refresh_from_db()
    assert order.session == new


def test_a_payment_under_way_is_not_started_again(shop: FakeRedpin, order: Order) -> None:
    assert order.session is not None
    shop.advance(order.session, "RECEIVED_FUNDS")
    PaymentSession.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    client = Client()

    answer = client.post(f"/orders/{order.pk}/renew/", follow=True)

    assert "A payment for this order is under way already." in words(answer)
    assert len(shop.creates) == 1


def test_a_session_that_the_order_lost_is_found_though_its_details_are_wrong_by_now(
    order: Order, settings: Settings
) -> None:
    """As after a crash between the session's creation and the order's row."""
    session = order.session
    Order.objects.update(session=None)
    settings.REDPIN = {**settings.REDPIN, "PURPOSES_OF_TRANSACTION": ["TUITION"]}

    Client().post(f"/orders/{order.pk}/renew/")

    order.refresh_from_db()
    assert order.session == session
    assert order.holds == order.unit, "The session can be paid: nobody else may have the home."


def test_starting_again_needs_the_unit_to_be_free(order: Order, reserve: Reserve) -> None:
    PaymentSession.objects.update(state="expired")
    tasks.session_ended(news(order, "expired"))
    reserve(buyer_name="The next buyer")

    page = Client().post(f"/orders/{order.pk}/renew/", follow=True)

    assert "Somebody else has reserved this home in the meantime." in words(page)
    order.refresh_from_db()
    assert order.holds is None


def test_money_that_comes_after_the_unit_went_is_kept_and_reported(
    order: Order, reserve: Reserve, sent: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    tasks.session_ended(news(order, "expired"))
    reserve(buyer_name="The next buyer")

    with caplog.at_level(logging.ERROR):
        pay(order)

    assert order.is_paid
    assert order.holds is None
    assert "its unit is held by another order" in caplog.text


def test_a_unit_held_for_nothing_is_free_again_after_an_hour(unit: Unit) -> None:
    order, _ = orders.place(unit, uuid.uuid4(), orders.Buyer(*BUYER.values()))
    tasks.tidy()
    order.refresh_from_db()
    assert order.status == "pending"

    Order.objects.update(held_at=timezone.now() - timedelta(hours=1, seconds=1))
    tasks.tidy()

    order.refresh_from_db()
    assert order.status == "released"
    assert order.holds is None


def test_the_status_tells_a_program_everything_in_order(order: Order, sent: list[str]) -> None:
    news(order, "AWAITING_FUNDS")
    news(order, "RECEIVED_FUNDS")
    PaymentSession.objects.update(payment_status="PAYMENT_COMPLETED", state="closed")
    pay(order)
    receipts.send(order)

    assert Client().get(f"/orders/{order.pk}/status.json").json() == {
        "order": "paid",
        "state": "closed",
        "payment_status": "PAYMENT_COMPLETED",
        "transitions": ["AWAITING_FUNDS", "RECEIVED_FUNDS", "PAYMENT_COMPLETED"],
        "receipt": "done",
    }


@pytest.mark.parametrize("page", ["", "pay/", "status.json"])
def test_an_order_can_not_be_guessed(shop: FakeRedpin, page: str) -> None:
    assert Client().get(f"/orders/{uuid.uuid4()}/{page}").status_code == 404


@pytest.mark.parametrize("status", ["", *RANKS, "A_NEW_ONE"])
def test_the_order_page_gives_no_verdict_and_looks_again_until_it_is_over(
    order: Order, status: str
) -> None:
    PaymentSession.objects.update(payment_status=status)
    if status:
        news(order, status)

    answer = Client().get(f"/orders/{order.pk}/")

    assert "fail" not in words(answer).lower()
    looks_again = '<meta http-equiv="refresh"' in answer.content.decode()
    assert looks_again is (status not in ("CANCELLED", "REFUNDED"))
    if status == "A_NEW_ONE":
        assert "Redpin reports: A_NEW_ONE" in words(answer)


def test_the_page_of_a_settled_order_stays_still(order: Order, sent: list[str]) -> None:
    pay(order)
    receipts.send(order)

    assert "refresh" not in Client().get(f"/orders/{order.pk}/").content.decode()
    assert Client().get(f"/orders/{order.pk}/pay/")["Location"] == f"/orders/{order.pk}/"
    assert order.session is not None
    order.session.payment_status = "PAYMENT_COMPLETED"
    order.session.save()
    assert "The payment of AED" in words(Client().get(f"/orders/{order.pk}/pay/"))


def test_when_every_home_is_gone_the_next_release_goes_on_sale(shop: FakeRedpin) -> None:
    for home in Unit.objects.all():
        orders.place(home, uuid.uuid4(), orders.Buyer(*BUYER.values()))

    seed()
    seed()

    assert Unit.objects.filter(holder=None).count() == 6
    assert Unit.objects.count() == 12


def test_the_admin_shows_orders_and_lets_nobody_change_them(order: Order, client: Client) -> None:
    client.force_login(get_user_model().objects.create_superuser("demo", "", "x"))

    for page in ("", f"{order.pk}/change/"):
        assert client.get(f"/admin/properties/order/{page}").status_code == 200
    assert client.get("/admin/properties/unit/").status_code == 200
    assert client.post(f"/admin/properties/order/{order.pk}/delete/").status_code == 403
