"""The whole way by clicks, in each mode: from a home to an order that is paid."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from datetime import datetime, timedelta, timezone

from playwright.sync_api import BrowserContext, Error, Page, expect

from tests.real.parts import wait_for

from .shop import Shop, enter_code, pay, press, reserve

CANARY = "window.__canary = 1"


def order_is_paid(shop: Shop, order: str) -> bool:
    return bool(shop.status(order)["order"] == "paid")


def staged(shop: Shop, order: str, mode: str) -> str:
    """Return the address of the stage's page that shows the order's session in this mode."""
    return f"{shop.url}/stage/orders/{order.split('/')[-2]}/?mode={mode}"


def view(page: Page) -> str | None:
    return page.locator("[data-redpin-session]").get_attribute("data-redpin-view")


def test_a37_a_home_is_bought_on_one_page(shop: Shop, page: Page, context: BrowserContext) -> None:
    order = reserve(page, shop)
    page.evaluate(CANARY)
    hosted = page.frame_locator("iframe[data-redpin-frame]")
    enter_code(context, hosted)
    pay(hosted)
    expect(page.get_by_role("heading", name="Paid", exact=True)).to_be_visible()

    assert page.evaluate("window.__canary") == 1, "The page was loaded anew."
    assert order_is_paid(shop, order)


def test_the_page_shows_redpins_until_it_says_something_else(
    shop: Shop, page: Page, context: BrowserContext
) -> None:
    """While money is awaited, the hosted page tells how to send it, and is not loaded again."""
    reserve(page, shop)
    hosted = page.frame_locator("iframe[data-redpin-frame]")
    enter_code(context, hosted)
    expect(hosted.get_by_role("heading", name="Pay from")).to_be_visible()
    page.evaluate("document.querySelector('iframe').mark = 1")
    page.wait_for_timeout(3000)

    assert view(page) == "open"
    assert page.evaluate("document.querySelector('iframe').mark") == 1
    expect(hosted.get_by_role("heading", name="Pay from")).to_be_visible()


def test_a35_a_home_is_bought_by_way_of_redpins_site(
    shop: Shop, page: Page, context: BrowserContext
) -> None:
    order = reserve(page, shop)
    page.goto(staged(shop, order, "redirect"))
    page.get_by_role("link", name="Continue to the payment page").click()
    page.wait_for_url(f"{shop.at.sandbox}/**")
    assert page.evaluate("window.opener") is None
    enter_code(context, page)
    pay(page)
    expect(page.get_by_role("heading", name="Payment completed")).to_be_visible()
    page.goto(staged(shop, order, "redirect"))

    expect(page.get_by_role("heading", name="Paid", exact=True)).to_be_visible()
    assert order_is_paid(shop, order)


def test_a35_a_home_is_bought_in_a_window_of_its_own(
    shop: Shop, page: Page, context: BrowserContext
) -> None:
    """Django's default opener policy cuts the two apart, and nothing needs them together."""
    order = reserve(page, shop)
    answer = page.goto(staged(shop, order, "popup"))
    assert answer is not None
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    with context.expect_page() as opened:
        page.get_by_role("link", name="Open the payment page").click()
    window = opened.value
    assert window.evaluate("[window.opener, outerWidth < 600]") == [None, True]
    enter_code(context, window)
    pay(window)
    expect(page.get_by_role("heading", name="Paid", exact=True)).to_be_visible()

    assert order_is_paid(shop, order)


def test_going_back_from_redpins_site_shows_what_became_of_it(
    shop: Shop, page: Page, context: BrowserContext
) -> None:
    order = reserve(page, shop)
    url = staged(shop, order, "redirect")
    page.goto(url)
    page.get_by_role("link", name="Continue to the payment page").click()
    enter_code(context, page)
    pay(page)
    wait_for(lambda: order_is_paid(shop, order))
    expect(page.get_by_role("heading", name="Payment completed")).to_be_visible()

    def is_back() -> bool:
        if page.url != url:
            # A page from the cache does not load, and for a moment can't be asked anything.
            with suppress(Error):
                page.go_back(wait_until="commit")
        return page.url == url

    wait_for(is_back)

    expect(page.get_by_role("heading", name="Paid", exact=True)).to_be_visible()


def test_a37_leaving_without_paying_changes_nothing(
    shop: Shop, page: Page, context: BrowserContext
) -> None:
    order = reserve(page, shop)
    hosted = page.frame_locator("iframe[data-redpin-frame]")
    enter_code(context, hosted)
    press(hosted.get_by_role("button", name="Cancel"))
    expect(hosted.get_by_role("heading", name="You have not paid")).to_be_visible()
    page.get_by_role("link", name="Show my order").click()
    expect(page.get_by_role("heading", name="We have not heard of a payment yet")).to_be_visible()
    before = shop.status(order)
    for _ in range(3):
        page.reload()

    assert shop.status(order) == before
    assert before["state"] == "open"
    assert before["transitions"] == []
    page.get_by_role("link", name="Continue to the payment").click()
    expect(page.locator("iframe[data-redpin-frame]")).to_be_visible()


def expire(shop: Shop) -> None:
    """End the time of the newest session, at Redpin and in the shop, some minutes ago."""
    past = datetime.now(timezone.utc) - timedelta(minutes=5)
    with closing(sqlite3.connect(shop.folder / "sandbox.sqlite3", timeout=20)) as redpin, redpin:
        newest = "(SELECT MAX(id) FROM redpin_sandbox_session)"
        redpin.execute(
            f"UPDATE redpin_sandbox_session SET expires_at = ? WHERE id = {newest}",  # noqa: S608
            [past.strftime("%Y-%m-%d %H:%M:%S.%f")],
        )
    shop.change("redpin.PaymentSession", shop.newest_session(), expires_at=past.isoformat())


def test_a_page_that_expired_is_started_again_in_place(
    shop: Shop, page: Page, context: BrowserContext
) -> None:
    order = reserve(page, shop)
    page.evaluate(CANARY)
    hosted = page.frame_locator("iframe[data-redpin-frame]")
    enter_code(context, hosted)
    expect(hosted.get_by_role("heading", name="Pay from")).to_be_visible()
    first = page.locator("iframe").get_attribute("src")
    expire(shop)
    expect(page.get_by_role("heading", name="This payment page has expired")).to_be_visible(
        timeout=15_000
    )
    page.get_by_role("button", name="Start again").click()
    expect(page.locator("iframe")).to_be_visible()
    assert page.locator("iframe").get_attribute("src") != first
    enter_code(context, hosted)
    pay(hosted)
    expect(page.get_by_role("heading", name="Paid", exact=True)).to_be_visible(timeout=15_000)

    assert page.evaluate("window.__canary") == 1, "The page was loaded anew."
    assert order_is_paid(shop, order)


def test_a_payment_that_is_cancelled_is_started_again_in_place(
    slow_shop: Shop, page: Page, context: BrowserContext
) -> None:
    order = reserve(page, slow_shop)
    page.evaluate(CANARY)
    hosted = page.frame_locator("iframe[data-redpin-frame]")
    enter_code(context, hosted)
    expect(hosted.get_by_role("heading", name="Pay from")).to_be_visible()
    hosted.get_by_role("radio").nth(1).check()
    pay(hosted)
    expect(hosted.get_by_role("heading", name="Your payment is on its way")).to_be_visible()
    first = page.locator("iframe").get_attribute("src")
    press(hosted.get_by_role("button", name="Cancel this payment"))
    expect(page.get_by_role("heading", name="The payment was cancelled")).to_be_visible(
        timeout=15_000
    )
    page.get_by_role("button", name="Start again").click()
    expect(hosted.get_by_role("button", name="Send me a code")).to_be_visible()

    assert page.locator("iframe").get_attribute("src") != first
    assert page.evaluate("window.__canary") == 1, "The page was loaded anew."
    assert slow_shop.status(order)["state"] == "open"


def test_an_answer_that_leads_elsewhere_is_gone_to(shop: Shop, page: Page) -> None:
    """Redpin does not know this session, so it can't be renewed; the shop says so elsewhere."""
    session = shop.add_session(payment_status="CANCELLED", state="closed")
    order = shop.add_order(unit_id=shop.add_unit(), session_id=session)
    page.goto(f"{shop.url}/orders/{order}/pay/")
    page.get_by_role("button", name="Start again").click()
    page.wait_for_url(f"{shop.url}/orders/{order}/")

    expect(page.locator("main")).to_be_visible()
