"""Every page: nothing that axe finds, light and dark, at three widths; and room at 320 pixels."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

from tests.real.parts import wait_for

from .shop import Shop, pay, reserve
from .watching import Watch

WIDTHS: Final = (360, 768, 1280)
SCHEMES: Final = ("light", "dark")
IS_CHANGING: Final = "document.getAnimations().some((each) => each instanceof CSSTransition)"
# WCAG 2.2 at level AA, and what axe calls best practice.
RULES: Final = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
}
PAST: Final = "2020-01-01T00:00:00Z"
VIEWS: Final[dict[str, dict[str, str]]] = {
    "open": {},
    "preparing": {"state": "unknown"},
    "under_way": {"payment_status": "PROCESSING", "session_url": ""},
    "paid": {"payment_status": "PAYMENT_COMPLETED", "state": "closed"},
    "called_off": {"payment_status": "CANCELLED", "state": "closed"},
    "refunded": {"payment_status": "REFUNDED", "state": "closed"},
    "expired": {"state": "expired", "expires_at": PAST},
    "rejected": {"state": "rejected"},
    "attention": {"review_reason": "The amounts differ."},
}


@pytest.fixture(autouse=True)
def _hosted_pages_may_be_missing(watch: Watch) -> None:
    watch.expect("Failed to load resource")


def look_at(page: Page, *, within: str | None = None, **options: Any) -> None:
    """Fail if axe finds anything in the page, or if it is wider than its window of 320 pixels.

    Where a selector says `within` what, the rest of the page is somebody else's.
    """
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            # A colour on its way to another has the contrast of neither; Django's admin lets them
            # change slowly, whatever the browser says of motion.
            while page.evaluate(IS_CHANGING):
                page.wait_for_timeout(50)
            found = Axe().run(page, within, RULES | options).response["violations"]
            told = [
                (rule["id"], [(node["target"], node["failureSummary"]) for node in rule["nodes"]])
                for rule in found
            ]
            assert told == [], f"{scheme}, {width} px: {page.url}"
    page.set_viewport_size({"width": 320, "height": 900})
    for _ in range(30):  # Pictures follow the window's width a moment later.
        width = page.evaluate("document.documentElement.scrollWidth")
        if width <= 320:
            break
        page.wait_for_timeout(100)
    assert width <= 320, f"{page.url} scrolls sideways: {width} px"


@pytest.mark.parametrize(
    ("view", "mode"),
    [*((view, "iframe") for view in VIEWS), ("open", "redirect"), ("open", "popup")],
)
def test_every_view_of_the_tag_is_accessible(shop: Shop, page: Page, view: str, mode: str) -> None:
    pk = shop.add_session(**VIEWS[view])
    page.goto(f"{shop.url}/stage/sessions/{pk}/?mode={mode}")
    look_at(page)


def test_the_tag_is_accessible_from_right_to_left(shop: Shop, page: Page) -> None:
    pk = shop.add_session()
    page.goto(f"{shop.url}/stage/sessions/{pk}/?language=ar")
    look_at(page)

    assert page.locator("[data-redpin-session]").evaluate("e => getComputedStyle(e).direction") == (
        "rtl"
    )


def test_the_shops_pages_are_accessible(shop: Shop, page: Page) -> None:
    page.goto(f"{shop.url}/")
    look_at(page)
    page.get_by_role("link", name="Reserve").first.click()
    look_at(page)
    page.get_by_role("button", name="Continue to the deposit").click()
    look_at(page)
    page.goto(f"{shop.url}/nothing-here/")


@pytest.mark.parametrize("view", ["open", "under_way", "paid", "called_off", "expired"])
def test_an_orders_pages_are_accessible(shop: Shop, page: Page, view: str) -> None:
    session = shop.add_session(**VIEWS[view])
    order = shop.add_order(unit_id=shop.add_unit(), session_id=session)
    for path in ("", "pay/"):
        page.goto(f"{shop.url}/orders/{order}/{path}")
        look_at(page)


def test_the_hosted_pages_are_accessible(shop: Shop, page: Page, context: BrowserContext) -> None:
    """But that they renew themselves: without scripts there is no other way to be up to date."""
    look = partial(look_at, rules={"meta-refresh": {"enabled": False}})
    order = reserve(page, shop)
    page.goto(str(page.locator("iframe").get_attribute("src")))
    look(page)
    page.get_by_role("button", name="Send me a code").click()
    look(page)
    page.get_by_label("Six-digit code").fill("000000")
    page.get_by_role("button", name="Continue").click()
    look(page)
    enter_code_again(context, page)
    look(page)
    pay(page)
    wait_for(lambda: shop.status(order)["order"] == "paid")
    page.reload()
    look(page)
    for path in ("/", "/outbox/", "/nothing-here/"):
        page.goto(shop.at.sandbox + path)
        look(page)


@pytest.mark.parametrize("language", ["ar", "de"])
def test_the_hosted_pages_are_accessible_in_other_languages(
    shop: Shop, page: Page, context: BrowserContext, language: str
) -> None:
    look = partial(look_at, rules={"meta-refresh": {"enabled": False}})
    order = reserve(page, shop)
    page.goto(f"{page.locator('iframe').get_attribute('src')}?lang={language}")
    page.locator("[data-step=send-code] button").click()
    look(page)
    outbox = context.new_page()
    outbox.goto(shop.at.sandbox + "/outbox/")
    page.locator("#code").fill(outbox.locator(".otp").first.inner_text())
    page.locator("[data-step=verify-code] button").click()
    look(page)
    page.locator("[data-step=review] button[value=pay]").click()
    wait_for(lambda: shop.status(order)["order"] == "paid")
    page.reload()  # The last page, which renews itself no more.
    look(page)

    assert page.locator("html").get_attribute("lang") == language


def enter_code_again(context: BrowserContext, page: Page) -> None:
    outbox = context.new_page()
    outbox.goto(page.url.partition("/pay/")[0] + "/outbox/")
    code = outbox.locator(".otp").first.inner_text()
    outbox.close()
    page.get_by_label("Six-digit code").fill(code)
    page.get_by_role("button", name="Continue").click()
