"""The shop's admin: where its pages are, and what its tables tell."""

from __future__ import annotations

from typing import Any, Final

from playwright.sync_api import BrowserContext, Page

from .shop import Shop

SESSIONS: Final = "/admin/redpin/paymentsession/"
OVERVIEW: Final = f"{SESSIONS}overview/"
EVENTS: Final = "/admin/redpin/webhookevent/"
TRANSITIONS: Final = "/admin/redpin/statustransition/"
RECIPIENTS: Final = "/admin/redpin/recipient/"


def without_icon(context: BrowserContext) -> None:
    """Answer what browsers ask for unasked, and Django's admin does not have."""
    context.route("**/favicon.ico", lambda route: route.fulfill(status=204))


def open_admin(shop: Shop, page: Page, path: str) -> Page:
    """Log in, and open one of the admin's pages."""
    without_icon(page.context)
    shop.log_in(page)
    page.goto(shop.url + path)
    return page


def numbers(page: Page, heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading of the overview, seen or not."""
    table = page.get_by_role("region", name=heading, include_hidden=True).locator("table").first
    script = "table => [...table.rows].map(row => [...row.cells].map(cell => cell.textContent))"
    found: Any = table.evaluate(script)
    return [[str(cell) for cell in row] for row in found]
