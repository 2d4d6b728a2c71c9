"""Fixtures: goods on sale, and customers who go through Oscar's checkout over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import pytest
from django.contrib.auth import get_user_model
from oscar.core.loading import get_model
from oscar.test.factories import create_product
from pytest_django.live_server_helper import LiveServer

from django_redpin.models import PaymentSession, Recipient
from example_project.demo.pages import Browser, Page
from tests.integration.sandbox import Sandbox
from tests.real.parts import wait_for

Country = get_model("address", "Country")
Order = get_model("order", "Order")

_ADDRESS: Final = {
    "first_name": "Noor",
    "last_name": "Haddad",
    "line1": "1 Harbour Street",
    "line4": "London",
    "postcode": "N1 9GU",
    "country": "GB",
}


@dataclass
class Customer:
    """A browser, and the way through the checkout."""

    shop: str
    browser: Browser = field(default_factory=Browser)
    is_guest: bool = True

    def add(self, product: Any, quantity: int = 1) -> Page:
        page = self.browser.open(f"{self.shop}{product.get_absolute_url()}")
        form = page.form(holding="quantity")
        return self.browser.submit(form, quantity=str(quantity), next="/basket/")

    def go_to_preview(self) -> Page:
        """Go through the steps, up to the page with the button that places the order."""
        page = self.browser.open(f"{self.shop}/checkout/")
        if self.is_guest:
            form = page.form(holding="username")
            self.browser.submit(form, username="noor@example.com", options="anonymous")
        page = self.browser.open(f"{self.shop}/checkout/shipping-address/")
        page = self.browser.submit(page.form(holding="postcode"), **_ADDRESS)
        assert page.url == f"{self.shop}/checkout/preview/", page.alerts
        return page

    def place_order(self, preview: Page | None = None) -> Page:
        """Press the button; return the page that follows, where the order is paid."""
        preview = preview or self.go_to_preview()
        return self.browser.submit(preview.form(holding="seen_total"))

    def order(self, product: Any, quantity: int = 1) -> tuple[Any, Page]:
        """Order a product; return the order and the page on which it is paid."""
        self.add(product, quantity)
        page = self.place_order()
        assert "/checkout/pay/" in page.url, page.alerts
        return Order.objects.get(number=page.url.split("/")[5]), page


@pytest.fixture
def shop(sandbox: Sandbox, live_server: LiveServer, transactional_db: None) -> str:
    """The shop's address; its money goes to an account in dirhams."""
    Country.objects.create(
        iso_3166_1_a2="GB", printable_name="United Kingdom", is_shipping_country=True
    )
    Recipient.objects.create(
        name="Meridian Goods",
        country_code="ARE",
        currency="AED",
        is_own_account=True,
        bank_details={"iban": "AE070331234567890123456"},
    )
    return str(live_server.url)


@pytest.fixture
def lamp(shop: str) -> Any:
    """A product of which there are two."""
    return create_product(title="Brass lamp", price=Decimal("349.50"), num_in_stock=2)


@pytest.fixture
def guest(shop: str) -> Customer:
    return Customer(shop)


@pytest.fixture
def member(shop: str) -> Customer:
    """A customer who has signed in."""
    get_user_model().objects.create_user("noor", "noor@example.com", "a-long-password-1")
    customer = Customer(shop, is_guest=False)
    page = customer.browser.open(f"{shop}/accounts/login/")
    form = page.form(holding="login-username")
    customer.browser.submit(
        form,
        **{"login-username": "noor@example.com", "login-password": "a-long-password-1"},
        login_submit="Log In",
    )
    return customer


@pytest.fixture
def wait_for_status() -> Callable[[Any, str], None]:
    def wait(order: Any, status: str) -> None:
        wait_for(lambda: Order.objects.get(pk=order.pk).status == status)
        order.refresh_from_db()

    return wait


def session_of(order: Any) -> PaymentSession:
    session: PaymentSession = Order.objects.get(pk=order.pk).payment.newest_session
    return session
