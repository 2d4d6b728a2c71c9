"""The admin by clicks and keys: list, filters, a session, actions, payees, events; both looks."""

from __future__ import annotations

import re
from typing import Final, Literal

import pytest
from playwright.sync_api import Page, expect

from .admin import EVENTS, OVERVIEW, RECIPIENTS, SESSIONS, TRANSITIONS, open_admin
from .shop import Shop, free_number

PAGES: Final = (SESSIONS, EVENTS, TRANSITIONS, RECIPIENTS, f"{RECIPIENTS}add/", OVERVIEW)
RESULTS: Final = "#result_list tbody tr"


@pytest.fixture(scope="module", autouse=True)
def _samples(shop: Shop) -> None:
    shop.add_samples()


def choose(page: Page, words: str) -> None:
    """Choose the action of these words for the rows that are ticked, and confirm it."""
    actions = page.locator("select[name=action]").first
    value = actions.locator("option").filter(has_text=words).get_attribute("value")
    actions.select_option(str(value))
    page.locator("button[name=index], .actions [type=submit]").first.click()
    page.locator("form:has(input[type=hidden][name=rows]) [type=submit]").click()


def test_the_list_is_filtered_and_leads_to_a_session_and_on_to_its_payee(
    shop: Shop, page: Page
) -> None:
    open_admin(shop, page, SESSIONS)
    assert page.locator(RESULTS).count() > 10
    page.goto(f"{page.url}?payment_status=REFUNDED")

    for text in page.locator(RESULTS).all_inner_texts():
        assert re.search("refunded", text, re.IGNORECASE)
    page.locator(f"{RESULTS} th a").first.click()

    expect(page.get_by_role("heading", name=re.compile("SAMPLE-")).first).to_be_visible()
    page.get_by_text("All fields").click()
    expect(page.get_by_text("PROPERTY_PURCHASE").first).to_be_visible()
    page.locator("#content").get_by_role("link", name=re.compile("Escrow")).first.click()
    expect(page.get_by_text("••••••").first).to_be_visible()
    assert "AE0703" not in page.content()


def test_a_search_finds_the_one_session(shop: Shop, page: Page) -> None:
    open_admin(shop, page, SESSIONS)
    page.locator("[name=q]").first.fill("SAMPLE-0007")
    page.locator("[name=q]").first.press("Enter")

    expect(page.locator(RESULTS)).to_have_count(1)
    expect(page.locator(RESULTS)).to_contain_text("SAMPLE-0007")


def test_an_event_that_was_given_up_is_made_due_again(shop: Shop, page: Page) -> None:
    open_admin(shop, page, f"{EVENTS}?q=sample-event-stray-3")
    expect(page.locator(RESULTS)).to_have_count(1)
    expect(page.locator(RESULTS)).to_contain_text("given up")

    page.locator(f"{RESULTS} input[type=checkbox]").check()
    choose(page, "rocess")

    expect(page.get_by_text(re.compile("1 done, 0 not done")).first).to_be_visible()
    expect(page.locator(RESULTS).first).not_to_contain_text("given up")


def test_a_payee_is_added_and_what_is_wrong_is_told_where_it_was_typed(
    shop: Shop, page: Page
) -> None:
    open_admin(shop, page, f"{RECIPIENTS}add/")
    name = f"Payee {free_number()}"
    page.locator("[name=name]").fill(name)
    currency = page.locator("[name=currency]")
    if currency.evaluate("field => field.tagName") == "INPUT":
        currency.fill("Gold")
        page.locator("[name=_save]").click()
        expect(page.locator(".errorlist").first).to_be_visible()
        currency.fill("aed")
    else:
        currency.select_option("AED")
    country = page.locator("[name=country_code]")
    if country.evaluate("field => field.tagName") == "INPUT":
        country.fill("ARE")
    else:
        country.select_option("ARE")
    page.locator("[name=recipient_id]").fill(str(5000 + free_number()))
    page.locator("[name=_save]").click()

    expect(page.get_by_text(re.compile("was added successfully")).first).to_be_visible()
    expect(page.locator(RESULTS).filter(has_text=name)).to_have_count(1)


def test_an_events_body_is_shown_as_text(shop: Shop, page: Page) -> None:
    open_admin(shop, page, f"{EVENTS}?q=sample-event-0-1")
    page.locator(f"{RESULTS} th a").first.click()

    expect(page.locator("pre").first).to_contain_text('"event_id"')


def test_the_apps_page_and_the_list_lead_to_the_overview(shop: Shop, page: Page) -> None:
    open_admin(shop, page, "/admin/redpin/")
    page.get_by_role("link", name="Overview of payments").click()
    expect(page.get_by_role("heading", name="What waits for somebody")).to_be_visible()
    page.get_by_role("link", name="List of sessions").click()
    page.get_by_role("link", name="Overview", exact=True).click()

    page.wait_for_url(f"**{OVERVIEW}")


def test_a_session_is_reached_by_keys_alone(shop: Shop, page: Page) -> None:
    open_admin(shop, page, SESSIONS)
    first = page.locator(f"{RESULTS} th a").first
    first.evaluate("link => link.setAttribute('data-wanted', '')")
    page.locator("body").press("Tab")
    for _ in range(120):
        if page.evaluate("document.activeElement.hasAttribute('data-wanted')"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    page.wait_for_url("**/change/**")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_every_page_fits_its_window(
    shop: Shop, page: Page, width: int, scheme: Literal["light", "dark"]
) -> None:
    """Lists scroll within themselves; nothing that is ours makes the page wider."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    open_admin(shop, page, SESSIONS)
    for path in PAGES:
        page.goto(shop.url + path)
        if path == OVERVIEW:
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        expect(page.locator("#content")).to_be_visible()


def test_with_unfold_every_page_stands(unfold_shop: Shop, page: Page) -> None:
    unfold_shop.add_samples()
    open_admin(unfold_shop, page, SESSIONS)
    for path in PAGES:
        page.goto(unfold_shop.url + path)
        expect(page.locator("#content")).to_be_visible()
    expect(page.locator(".redpin-overview canvas").first).to_be_visible()
