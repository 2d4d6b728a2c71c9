"""The form for payees in the admin, as people see it: faults at their fields, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from django_redpin.models import Recipient

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import NewContext

IBAN: Final = "AE070331234567890123456"
WRONG: Final = "AE080331234567890123456"


@pytest.fixture(scope="module", autouse=True)
def _rows_beside_playwright() -> Iterator[None]:
    """Playwright has a loop in this thread, in which Django would read no rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture
def add_page(
    _rows_beside_playwright: None, transactional_db: None, live_server: Any, new_context: NewContext
) -> Page:
    """The page that adds a payee, open to somebody who may."""
    User.objects.create_superuser("keeper", password="canary-word")
    page = new_context(viewport={"width": 1000, "height": 900}).new_page()
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    page.goto(f"{live_server.url}/admin/redpin/recipient/add/")
    page.get_by_label("Username").fill("keeper")
    page.get_by_label("Password").fill("canary-word")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#id_iban")).to_be_visible()
    return page


def test_a_payee_is_typed_in_told_what_is_wrong_and_masked(add_page: Page, pictures: Path) -> None:
    page = add_page
    page.locator("#id_name").fill("Amal Haddad")
    page.locator("#id_country_code").select_option(label="United Arab Emirates")
    page.locator("#id_currency").select_option("AED")
    page.locator("#id_iban").fill("ae08 0331 2345 6789 0123 456")
    page.get_by_role("button", name="Save", exact=True).click()

    fault = page.get_by_text("This is no IBAN: its check digits don't fit.")
    expect(fault).to_be_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=pictures / f"payee-form-{scheme}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    found = Axe().run(page, context="#recipient_form")
    assert found.violations_count == 0, found.generate_report()

    page.locator("#id_iban").fill("ae07 0331 2345 6789 0123 456")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("iban: ••••••3456")).to_be_visible()
    page.screenshot(path=pictures / "payee.png")
    assert IBAN[:-4] not in page.content()
    assert Recipient.objects.get().bank_details == {"iban": IBAN}
