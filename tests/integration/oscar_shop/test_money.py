"""What can go wrong with the money of an order, and what the shop then has in its books."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from oscar.core.loading import get_model
from oscar.test.factories import create_product, create_stockrecord

from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.services import expire_payment_session, release_from_review
from django_redpin.services.sweeps import (
    complete_due_sessions,
    dispatch_due_transitions,
    process_due_events,
)
from django_redpin.signals import payment_completed
from example_project.demo.pages import PageProblem
from tests.integration.sandbox import Sandbox
from tests.real.parts import wait_for

from .checkout import views
from .conftest import Customer, session_of
from .paying import books
from .paying.models import BookedTransition
from .paying.statuses import ATTENTION, CANCELLED, NOT_PAID, PAID, PENDING, REFUNDED

Basket = get_model("basket", "Basket")
Order = get_model("order", "Order")
StockRecord = get_model("partner", "StockRecord")

WaitForStatus = Callable[[Any, str], None]
Cancelled = Callable[[int], tuple[Any, Any]]


def held(product: Any) -> int:
    """Return how many of the product orders hold."""
    return StockRecord.objects.get(product=product).num_allocated or 0


def balances(order: Any) -> list[tuple[Any, Any]]:
    """Return what each source of the order's money took in, and gave back."""
    return list(order.sources.values_list("amount_debited", "amount_refunded"))


def pay(order: Any, sandbox: Sandbox) -> PaymentSession:
    """Begin the payment of the order's newest session; return it."""
    session = session_of(order)
    sandbox.tell(session, "pay")
    return session


def complete_what_waits() -> None:
    """Have the sweep open the one session that Redpin could not open, as a minute later."""
    past = timezone.now() - timedelta(minutes=1)
    waiting = PaymentSession.objects.filter(state=PaymentSession.State.UNKNOWN)
    waiting.update(next_attempt_at=past, unanswered_at=past, leased_until=None)
    assert complete_due_sessions() == 1


# --- Before the order is placed


def test_a_basket_that_another_tab_changed_is_shown_before_it_is_ordered(
    guest: Customer, lamp: Any
) -> None:
    guest.add(lamp)
    preview = guest.go_to_preview()
    guest.add(lamp)

    page = guest.place_order(preview)

    assert page.url.endswith("/checkout/preview/")
    assert "Your basket has changed" in page.html
    assert not Order.objects.exists()
    assert "/checkout/pay/" in guest.place_order(page).url
    assert Order.objects.get().total_incl_tax == session_of(Order.objects.get()).amount == 699


def test_the_button_pressed_in_two_tabs_places_one_order_with_one_session(
    guest: Customer, lamp: Any
) -> None:
    guest.add(lamp)
    preview = guest.go_to_preview()

    with ThreadPoolExecutor(2) as tabs:
        pages = list(tabs.map(guest.place_order, [preview, preview]))

    assert any("/checkout/pay/" in page.url for page in pages)
    assert Order.objects.count() == PaymentSession.objects.count() == 1
    assert held(lamp) == 1
    assert not Basket.objects.filter(status__in=[Basket.OPEN, Basket.FROZEN], lines__gt=0).exists()


def test_what_redpin_would_not_take_is_told_and_the_basket_is_given_back(
    guest: Customer, shop: str
) -> None:
    foreign = create_product(title="Felt hat", num_in_stock=2)
    foreign.stockrecords.all().delete()
    create_stockrecord(foreign, Decimal("80.00"), num_in_stock=2, currency="USD")
    guest.add(foreign)

    page = guest.place_order()

    assert "Some details of this payment are not right" in page.html
    assert not Order.objects.exists()
    assert not PaymentSession.objects.exists()
    assert held(foreign) == 0
    assert Basket.objects.get().status == Basket.OPEN


def test_the_last_lamp_is_sold_once(
    guest: Customer, lamp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest.add(lamp, 2)
    preview = guest.go_to_preview()
    # Somebody else orders one at the very moment after Oscar has looked.
    StockRecord.objects.filter(product=lamp).update(num_allocated=1)
    monkeypatch.setattr(views.PaymentDetailsView, "check_basket_is_valid", lambda *args: None)

    page = guest.place_order(preview)

    assert "has just been sold out" in page.html
    assert not Order.objects.exists()
    assert not PaymentSession.objects.exists()
    assert held(lamp) == 1
    assert Basket.objects.get().status == Basket.OPEN


def test_an_order_that_costs_nothing_is_paid_at_once(guest: Customer, shop: str) -> None:
    leaflet = create_product(title="Leaflet", price=Decimal("0.00"), num_in_stock=5)
    guest.add(leaflet)

    page = guest.place_order()

    assert page.url.endswith("/checkout/thank-you/")
    assert Order.objects.get().status == PAID
    assert not PaymentSession.objects.exists()


def test_redpin_out_of_reach_leaves_an_order_whose_page_comes_later(
    guest: Customer, lamp: Any, sandbox: Sandbox
) -> None:
    with sandbox.out_of_order():
        order, page = guest.order(lamp)
    assert 'data-redpin-view="preparing"' in page.html
    assert (order.status, held(lamp)) == (PENDING, 1)

    complete_what_waits()

    assert guest.browser.open(page.url).frames == [session_of(order).session_url]


# --- While it is open


def test_the_order_is_paid_as_it_was_placed_whatever_is_put_in_a_basket_meanwhile(
    guest: Customer, lamp: Any, sandbox: Sandbox, wait_for_status: WaitForStatus
) -> None:
    order, _ = guest.order(lamp)
    guest.add(lamp)
    session = pay(order, sandbox)
    sandbox.tell(session, "finish")
    wait_for_status(order, PAID)

    assert order.total_incl_tax == session.amount == Decimal("349.50")
    assert balances(order) == [(Decimal("349.50"), 0)]
    assert order.num_items == 1


def test_the_payer_leaves_and_comes_back_to_the_same_session(
    guest: Customer, lamp: Any, shop: str
) -> None:
    _, page = guest.order(lamp)
    elsewhere = Customer(shop)  # Another device, with the address from a mail.

    assert elsewhere.browser.open(page.url).frames == page.frames
    assert guest.browser.open(f"{shop}/checkout/thank-you/").frames == page.frames
    assert PaymentSession.objects.count() == 1


def test_nobody_else_gets_to_see_where_a_member_pays(
    member: Customer, guest: Customer, lamp: Any
) -> None:
    _, page = member.order(lamp)

    with pytest.raises(PageProblem, match="404"):
        guest.browser.open(page.url)


def test_a_forged_hash_shows_no_payment(guest: Customer, lamp: Any) -> None:
    order, page = guest.order(lamp)
    number = f"/{order.number}/"

    with pytest.raises(PageProblem, match="404"):
        guest.browser.open(page.url.replace(number, f"{number}x"))


def test_every_webhook_sent_three_times_pays_once(
    guest: Customer,
    lamp: Any,
    sandbox: Sandbox,
    wait_for_status: WaitForStatus,
    mailoutbox: list[Any],
) -> None:
    order, _ = guest.order(lamp)
    session = session_of(order)
    sandbox.tell(session, "callback-fault", kind="duplicate", value=3, events=9)
    sandbox.tell(session, "pay")
    sandbox.tell(session, "finish")
    wait_for_status(order, PAID)
    sandbox.tell(session, "post-again")
    wait_for(lambda: not WebhookEvent.objects.filter(outcome="pending").exists())

    assert balances(order) == [(order.total_incl_tax, 0)]
    assert order.payment_events.count() == 1
    assert [change.new_status for change in order.status_changes.all()] == [PAID]
    assert len(mailoutbox) == 1


def test_a_signal_that_comes_again_books_nothing_more(
    guest: Customer, lamp: Any, sandbox: Sandbox, wait_for_status: WaitForStatus
) -> None:
    order, _ = guest.order(lamp)
    session = pay(order, sandbox)
    sandbox.tell(session, "finish")
    wait_for_status(order, PAID)
    completed = StatusTransition.objects.get(to_value="PAYMENT_COMPLETED")

    for _again in range(2):
        payment_completed.send(
            PaymentSession, session=session, transition=completed, event=None, share=None
        )

    assert balances(order) == [(order.total_incl_tax, 0)]


def test_a_receiver_that_broke_half_way_booked_nothing_and_is_told_again(
    guest: Customer,
    lamp: Any,
    sandbox: Sandbox,
    wait_for_status: WaitForStatus,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order, _ = guest.order(lamp)
    with monkeypatch.context() as broken:
        broken.setattr(books, "paid", lambda order, note: 1 / 0)
        session = pay(order, sandbox)
        sandbox.tell(session, "finish")
        told = StatusTransition.objects.filter(to_value="PAYMENT_COMPLETED", attempts__gt=0)
        wait_for(lambda: told.exclude(last_error="").exists())
        assert balances(order) == []
        assert not BookedTransition.objects.filter(transition__in=told).exists()

    StatusTransition.objects.update(next_attempt_at=timezone.now(), leased_until=None)
    dispatch_due_transitions()
    wait_for_status(order, PAID)

    assert balances(order) == [(order.total_incl_tax, 0)]


# --- The session ends unpaid


@pytest.fixture
def cancelled(
    guest: Customer, lamp: Any, sandbox: Sandbox, wait_for_status: WaitForStatus
) -> Cancelled:
    """Return what orders so many, and calls the payment off: the order, and its page."""

    def run(quantity: int) -> tuple[Any, Any]:
        order, page = guest.order(lamp, quantity)
        sandbox.tell(pay(order, sandbox), "status", status="CANCELLED", reason="Changed my mind")
        wait_for_status(order, NOT_PAID)
        return order, page

    return run


def test_a_cancelled_payment_lets_the_goods_go_and_can_be_started_again(
    guest: Customer,
    lamp: Any,
    sandbox: Sandbox,
    wait_for_status: WaitForStatus,
    cancelled: Cancelled,
) -> None:
    order, page = cancelled(2)
    first = session_of(order)
    assert held(lamp) == 0

    page = guest.browser.open(page.url)
    page = guest.browser.submit(_again(page))

    second = session_of(order)
    order.refresh_from_db()
    assert second.pk != first.pk
    assert page.frames == [second.session_url]
    assert (order.status, held(lamp)) == (PENDING, 2)
    sandbox.tell(second, "pay")
    sandbox.tell(second, "finish")
    wait_for_status(order, PAID)
    assert balances(order) == [(order.total_incl_tax, 0)]


def test_an_expired_session_lets_the_goods_go_and_two_tabs_start_it_again_once(
    guest: Customer, lamp: Any, sandbox: Sandbox, wait_for_status: WaitForStatus
) -> None:
    order, page = guest.order(lamp)
    first = session_of(order)
    sandbox.end(first)
    expire_payment_session(PaymentSession.objects.get(pk=first.pk))
    wait_for_status(order, NOT_PAID)
    assert held(lamp) == 0

    page = guest.browser.open(page.url)
    assert not page.frames
    for _tab in range(2):
        again = guest.browser.submit(_again(page))

    assert PaymentSession.objects.count() == 2
    assert again.frames == [session_of(order).session_url]
    assert held(lamp) == 1


def test_goods_that_were_sold_meanwhile_are_not_paid_again(
    guest: Customer, lamp: Any, cancelled: Cancelled
) -> None:
    order, page = cancelled(2)
    StockRecord.objects.update(num_allocated=1)

    page = guest.browser.submit(_again(guest.browser.open(page.url)))

    assert "has just been sold out" in page.html
    assert not page.frames
    assert held(lamp) == 1
    order.refresh_from_db()
    assert order.status == NOT_PAID


def test_redpin_out_of_reach_when_it_is_started_again_leaves_an_order_that_can_be_paid_later(
    guest: Customer, lamp: Any, sandbox: Sandbox, cancelled: Cancelled
) -> None:
    order, page = cancelled(1)

    with sandbox.out_of_order():
        page = guest.browser.submit(_again(guest.browser.open(page.url)))

    order.refresh_from_db()
    assert (order.status, held(lamp)) == (PENDING, 1)
    assert 'data-redpin-view="preparing"' in page.html
    complete_what_waits()
    assert guest.browser.open(page.url).frames == [session_of(order).session_url]


def test_a_page_that_is_about_to_open_is_not_shown_for_goods_that_are_gone(
    guest: Customer, sandbox: Sandbox, cancelled: Cancelled
) -> None:
    order, page = cancelled(2)
    StockRecord.objects.update(num_allocated=1)

    with sandbox.out_of_order():
        page = guest.browser.submit(_again(guest.browser.open(page.url)))

    assert session_of(order).state == PaymentSession.State.UNKNOWN
    assert "has just been sold out" in page.html
    assert 'data-redpin-view="preparing"' not in page.html


def test_late_news_of_the_former_session_does_not_end_the_order(
    guest: Customer, lamp: Any, cancelled: Cancelled
) -> None:
    order, page = cancelled(1)
    guest.browser.submit(_again(guest.browser.open(page.url)))
    news = StatusTransition.objects.get(to_value="CANCELLED")
    BookedTransition.objects.filter(transition=news).delete()  # As if it came now.
    StatusTransition.objects.filter(pk=news.pk).update(
        outcome="pending", next_attempt_at=timezone.now()
    )

    assert dispatch_due_transitions() == 1

    order.refresh_from_db()
    assert (order.status, held(lamp)) == (PENDING, 1)


def test_money_that_bounced_back_waits_for_a_person_and_its_refund_ends_the_order(
    guest: Customer, lamp: Any, sandbox: Sandbox, wait_for_status: WaitForStatus
) -> None:
    order, _ = guest.order(lamp)
    session = pay(order, sandbox)
    sandbox.tell(session, "status", status="PAYOUT_INITIATED")
    sandbox.tell(session, "status", status="BOUNCED_BACK", reason="Account closed")
    wait_for_status(order, ATTENTION)
    assert (balances(order), held(lamp)) == ([], 1)

    sandbox.tell(session, "status", status="REFUNDED")
    wait_for_status(order, NOT_PAID)

    assert (balances(order), held(lamp)) == ([], 0)


# --- After it was paid


def test_a_refund_is_booked_once(
    guest: Customer, lamp: Any, sandbox: Sandbox, wait_for_status: WaitForStatus
) -> None:
    order, _ = guest.order(lamp)
    session = pay(order, sandbox)
    sandbox.tell(session, "finish")
    wait_for_status(order, PAID)

    sandbox.tell(session, "status", status="REFUNDED")
    wait_for_status(order, REFUNDED)
    sandbox.tell(session, "post-again")
    process_due_events()

    total = order.total_incl_tax
    assert balances(order) == [(total, total)]
    types = {event.event_type.name: event.amount for event in order.payment_events.all()}
    assert types == {PAID: total, REFUNDED: total}


def test_a_payment_that_is_told_after_its_refund_sends_nothing(
    guest: Customer,
    lamp: Any,
    sandbox: Sandbox,
    wait_for_status: WaitForStatus,
    monkeypatch: pytest.MonkeyPatch,
    mailoutbox: list[Any],
) -> None:
    order, _ = guest.order(lamp)
    with monkeypatch.context() as broken:
        broken.setattr(books, "paid", lambda order, note: 1 / 0)
        session = pay(order, sandbox)
        sandbox.tell(session, "finish")
        completed = StatusTransition.objects.filter(to_value="PAYMENT_COMPLETED")
        wait_for(lambda: completed.exclude(last_error="").exists())
    sandbox.tell(session, "status", status="REFUNDED")
    wait_for_status(order, NOT_PAID)

    # That a payment was refunded after its end is new: the rest is held until somebody has looked.
    release_from_review(PaymentSession.objects.get(pk=session.pk))
    completed.update(outcome="pending", next_attempt_at=timezone.now(), leased_until=None)
    dispatch_due_transitions()

    order.refresh_from_db()
    total = order.total_incl_tax
    assert BookedTransition.objects.filter(transition__in=completed).exists()
    assert (order.status, held(lamp), balances(order)) == (NOT_PAID, 0, [(total, total)])
    assert not mailoutbox


def test_money_for_an_order_that_was_given_up_is_booked_and_the_goods_are_found_again(
    guest: Customer, lamp: Any, sandbox: Sandbox, wait_for_status: WaitForStatus
) -> None:
    order, _ = guest.order(lamp)
    session = session_of(order)
    books.move(order, NOT_PAID, "By hand.")
    assert held(lamp) == 0

    sandbox.tell(session, "pay")
    sandbox.tell(session, "finish")
    wait_for_status(order, PAID)

    assert (balances(order), held(lamp)) == ([(order.total_incl_tax, 0)], 1)


@pytest.mark.parametrize("status", [NOT_PAID, CANCELLED])
def test_money_for_goods_that_are_gone_is_booked_and_calls_for_a_person(
    status: str,
    guest: Customer,
    lamp: Any,
    sandbox: Sandbox,
    wait_for_status: WaitForStatus,
    mailoutbox: list[Any],
) -> None:
    order, page = guest.order(lamp)
    books.move(order, status, "By hand.")  # As the dashboard does.
    assert held(lamp) == 0
    assert not guest.browser.open(page.url).frames
    StockRecord.objects.update(num_in_stock=0)

    session = pay(order, sandbox)
    sandbox.tell(session, "finish")
    wait_for_status(order, ATTENTION)

    assert balances(order) == [(order.total_incl_tax, 0)]
    assert "deliver, or pay back" in order.notes.latest("pk").message
    assert not mailoutbox


def test_money_that_is_not_the_orders_total_is_booked_and_calls_for_a_person(
    guest: Customer, lamp: Any, sandbox: Sandbox, wait_for_status: WaitForStatus
) -> None:
    order, _ = guest.order(lamp)
    # Somebody adds what it costs to send it, while it is being paid.
    Order.objects.filter(pk=order.pk).update(total_incl_tax=Decimal("400.00"))

    session = pay(order, sandbox)
    sandbox.tell(session, "finish")
    wait_for_status(order, ATTENTION)

    assert balances(order) == [(Decimal("349.50"), 0)]


def test_an_order_that_was_paid_twice_calls_for_a_person_and_is_paid_once_again_by_a_refund(
    guest: Customer, lamp: Any, sandbox: Sandbox, wait_for_status: WaitForStatus
) -> None:
    order, _ = guest.order(lamp)
    first = pay(order, sandbox)
    sandbox.tell(first, "finish")
    wait_for_status(order, PAID)
    second = PaymentSession.objects.create(
        client_reference_id="second", amount=first.amount, currency="AED", renews=first,
        due_date=first.due_date, state="closed", payment_id="second",
    )  # fmt: skip

    books.money_came(books.lock(order.pk), second)

    order.refresh_from_db()
    assert order.status == ATTENTION
    assert balances(order) == [(order.total_incl_tax, 0)] * 2

    books.money_failed(books.lock(order.pk), second, "REFUNDED")

    order.refresh_from_db()
    assert order.status == PAID


def _again(page: Any) -> Any:
    [form] = [form for form in page.forms if form.url.endswith("/again/")]
    return form
