"""The docs' pictures, taken anew where `SCREENSHOTS` names a folder; small enough in any case."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from .admin import OVERVIEW, SESSIONS, open_admin
from .shop import Shop, enter_code, pay

if TYPE_CHECKING:
    from .conftest import NewContext

LARGEST: Final = 150_000


def take(page: Page, folder: Path, name: str) -> None:
    path = folder / f"{name}.png"
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=path, animations="disabled", caret="hide")

    assert path.stat().st_size <= LARGEST, path.name


def test_the_way_of_a_payment_in_pictures(
    shop: Shop, new_context: NewContext, pictures: Path
) -> None:
    context = new_context(viewport={"width": 920, "height": 580})
    page = context.new_page()
    page.goto(f"{shop.url}/")
    page.get_by_role("link", name="Reserve").nth(2).click()
    page.get_by_label("Full name").fill("Amal Haddad")
    page.get_by_label("E-mail").fill("amal@example.com")
    page.get_by_label("Buyer's reference").fill("MQ-2041")
    page.get_by_role("button", name="Continue to the deposit").click()
    page.wait_for_url("**/pay/")
    key = page.url.split("/")[-3]
    hosted = page.frame_locator("iframe")
    enter_code(context, hosted)
    expect(hosted.get_by_role("heading", name="Pay from")).to_be_visible()
    take(page, pictures, "payment-page")
    page.emulate_media(color_scheme="dark")
    take(page, pictures, "payment-page-dark")
    page.emulate_media(color_scheme="light")
    other = context.new_page()
    other.set_viewport_size({"width": 920, "height": 600})
    for mode in ("redirect", "popup"):
        other.goto(f"{shop.url}/stage/orders/{key}/?mode={mode}")
        take(other, pictures, f"mode-{mode}")
    pay(hosted)
    expect(page.get_by_role("heading", name="Paid", exact=True)).to_be_visible()
    page.wait_for_timeout(200)
    take(page, pictures, "paid")


@pytest.mark.parametrize("view", ["called_off", "expired"])
def test_what_else_there_is_to_see_in_pictures(
    shop: Shop, new_context: NewContext, pictures: Path, view: str
) -> None:
    fields = {
        "called_off": {"payment_status": "CANCELLED", "state": "closed"},
        "expired": {"state": "expired", "expires_at": "2020-01-01T00:00:00Z"},
    }
    page = new_context(viewport={"width": 920, "height": 480}).new_page()
    order = shop.add_order(unit_id=shop.add_unit(), session_id=shop.add_session(**fields[view]))
    page.goto(f"{shop.url}/orders/{order}/pay/")
    take(page, pictures, view.replace("_", "-"))


def test_the_admin_in_pictures(
    shop: Shop, unfold_shop: Shop, new_context: NewContext, pictures: Path
) -> None:
    small, tall = ViewportSize(width=1060, height=620), ViewportSize(width=1060, height=900)
    for site, name, look in ((shop, "admin", "light"), (unfold_shop, "admin-unfold", "dark")):
        site.add_samples()
        page = new_context(viewport=small, color_scheme=look).new_page()
        open_admin(site, page, SESSIONS)
        toggle = page.locator("#toggle-nav-sidebar")
        if toggle.count():
            toggle.click()  # The list of all apps, which is not ours.
        take(page, pictures, f"{name}-list")
        page.goto(f"{site.url}{SESSIONS}?q=SAMPLE-0013")
        page.locator("#result_list tbody th a").first.click()
        page.wait_for_url("**/change/**")
        take(page, pictures, f"{name}-session")
        page.goto(site.url + OVERVIEW)
        page.set_viewport_size(tall)
        take(page, pictures, f"{name}-overview")
