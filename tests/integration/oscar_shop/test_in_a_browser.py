"""The same by clicks, in Chromium: what only a browser can tell of the pages around Redpin's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from oscar.core.loading import get_model

from django_redpin.models import PaymentSession
from tests.integration.sandbox import Sandbox
from tests.real.parts import wait_for

from .paying.statuses import PAID

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

    from tests.browser.watching import Watch

Order = get_model("order", "Order")

pytest.importorskip("playwright")
pytestmark = pytest.mark.browser


def test_a_guest_buys_a_lamp(
    page: Page,
    context: BrowserContext,
    watches: list[Watch],
    shop: str,
    lamp: Any,
    sandbox: Sandbox,
    pictures: Path,
) -> None:
    from playwright.sync_api import expect

    from tests.browser.shop import enter_code, pay

    # Oscar's own pages load jQuery from elsewhere, and do without.
    context.route("https://ajax.googleapis.com/**", lambda route: route.abort())
    watches[0].expect("net::ERR_FAILED")

    page.goto(f"{shop}{lamp.get_absolute_url()}")
    page.get_by_role("button", name="Add to basket").first.click()
    page.goto(f"{shop}/checkout/")
    page.get_by_label("My email address is").fill("noor@example.com")
    page.get_by_role("button", name="Continue").click()
    for label, text in {
        "First name": "Noor",
        "Last name": "Haddad",
        "First line of address": "1 Harbour Street",
        "City": "London",
        "Post/Zip-code": "N1 9GU",
    }.items():
        page.get_by_label(label).fill(text)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/checkout/preview/")
    page.screenshot(path=pictures / "oscar-preview.png", full_page=True)
    page.get_by_role("button", name="Place order").click()
    page.wait_for_url("**/checkout/pay/**")

    hosted = page.frame_locator("iframe[data-redpin-frame]")
    expect(page.get_by_role("link", name="Continue", exact=True)).to_be_hidden()
    enter_code(context, hosted)
    page.screenshot(path=pictures / "oscar-pay.png", full_page=True)
    pay(hosted)
    wait_for(lambda: PaymentSession.objects.get().payment_status)
    sandbox.tell(PaymentSession.objects.get(), "finish")
    expect(page.get_by_role("heading", name="Paid", exact=True)).to_be_visible()
    page.screenshot(path=pictures / "oscar-paid.png", full_page=True)
    wait_for(lambda: Order.objects.get().status == PAID)
    page.get_by_role("link", name="Continue", exact=True).click()

    expect(page.get_by_text("Your order has been placed")).to_be_visible()
    page.screenshot(path=pictures / "oscar-thank-you.png", full_page=True)
