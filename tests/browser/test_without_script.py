"""The whole way with scripts turned off, and with nothing but a keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import Page, expect

from tests.real.parts import wait_for

from .shop import Shop, enter_code, free_number, pay, reserve

if TYPE_CHECKING:
    from .conftest import NewContext


def test_without_scripts_a_home_is_bought_all_the_same(shop: Shop, new_context: NewContext) -> None:
    context = new_context(java_script_enabled=False)
    page = context.new_page()
    order = reserve(page, shop)
    expect(page.get_by_text("Valid until")).to_be_visible()
    hosted = page.frame_locator("iframe")
    enter_code(context, hosted)
    pay(hosted)
    wait_for(lambda: shop.status(order)["order"] == "paid")
    page.get_by_role("link", name="Reload this page").click()
    expect(page.get_by_role("heading", name="Paid", exact=True)).to_be_visible()
    page.get_by_role("link", name="Show my order").click()

    expect(page.get_by_role("heading", name="Your deposit has arrived")).to_be_visible()


def test_without_scripts_a_window_of_its_own_is_a_tab(shop: Shop, new_context: NewContext) -> None:
    context = new_context(java_script_enabled=False)
    page = context.new_page()
    key = reserve(page, shop).split("/")[-2]
    page.goto(f"{shop.url}/stage/orders/{key}/?mode=popup")
    with context.expect_page() as opened:
        page.get_by_role("link", name="Open the payment page").click()
    tab = opened.value
    enter_code(context, tab)
    pay(tab)
    wait_for(lambda: shop.status(f"{shop.url}/orders/{key}/")["order"] == "paid")
    page.get_by_role("link", name="Reload this page").click()

    expect(page.get_by_role("heading", name="Paid", exact=True)).to_be_visible()


def test_without_scripts_a_cancelled_payment_is_started_again(
    shop: Shop, new_context: NewContext
) -> None:
    context = new_context(java_script_enabled=False)
    page = context.new_page()
    session = shop.add_session(payment_status="CANCELLED", state="closed")
    order = shop.add_order(unit_id=shop.add_unit(), session_id=session)
    page.goto(f"{shop.url}/orders/{order}/pay/")
    page.get_by_role("button", name="Start again").click()

    # Redpin does not know this session, and says so in the shop's own page.
    expect(page.get_by_role("main")).to_be_visible()
    assert page.url.startswith(f"{shop.url}/orders/{order}/")


def press_until(page: Page, name: str, role: str = "link") -> None:
    """Go on by Tab until the element with this role and name has the focus."""
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        for frame in page.frames:
            wanted = frame.get_by_role(role, name=name)  # type: ignore[arg-type]
            for element in wanted.all():
                if element.evaluate("element => element.matches(':focus')"):
                    return
        seen.append(page.evaluate("document.activeElement?.textContent?.trim().slice(0, 30)"))
    raise AssertionError(f"No {role} {name!r} on the way: {seen}")


def test_a_home_is_bought_by_keyboard_alone(shop: Shop, new_context: NewContext) -> None:
    context = new_context()
    page = context.new_page()
    reference = f"X-{free_number()}"
    shop.add_unit(reference=reference)
    page.goto(f"{shop.url}/units/{reference}/")
    press_until(page, "Reserve this home")
    page.keyboard.press("Enter")
    page.wait_for_url("**/reserve/")
    for label, text in (
        ("Full name", "Amal Haddad"),
        ("E-mail", "amal@example.com"),
        ("Buyer's reference", "MQ-2041"),
    ):
        press_until(page, label, "textbox")
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.wait_for_url("**/pay/")
    order = page.url.removesuffix("pay/")
    press_until(page, "Send me a code", "button")
    page.keyboard.press("Enter")
    hosted = page.frame_locator("iframe")
    expect(hosted.get_by_label("Six-digit code")).to_be_visible()
    outbox = context.new_page()
    outbox.goto(f"{shop.at.sandbox}/outbox/")
    code = outbox.locator(".otp").first.inner_text()
    outbox.close()
    page.bring_to_front()
    press_until(page, "Six-digit code", "textbox")
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    expect(hosted.get_by_role("heading", name="Pay from")).to_be_visible()
    press_until(page, "Pay", "button")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Paid", exact=True)).to_be_visible()

    # The focus was in the frame, which is gone; it did not fall back to the top of the page.
    expect(page.get_by_role("heading", name="Paid", exact=True)).to_be_focused()
    assert shop.status(order)["order"] == "paid"
