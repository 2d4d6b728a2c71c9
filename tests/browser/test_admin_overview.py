"""The overview in a browser: pictures under a strict policy, tables without scripts, no barrier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.sync_api import Page, expect

from .admin import OVERVIEW, numbers, open_admin, without_icon
from .shop import Shop
from .test_accessibility import look_at

if TYPE_CHECKING:
    from .conftest import NewContext

# What is around it is Django's.
OURS: Final = ".redpin-overview"
# How many colours there are among a picture's pixels; an empty one has one.
COLOURS: Final = """canvas => {
  const pixels = new Uint32Array(
    canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  return new Set(pixels).size;
}"""
POLICY: Final = "default-src 'self'"
HEADINGS: Final = ("Sessions", "Amounts in AED", "From created to paid", "From created to credited")


@pytest.fixture(scope="module", autouse=True)
def _samples(shop: Shop) -> None:
    shop.add_samples()


def strict(page: Page) -> list[str]:
    """Have every page of the admin sent with the strictest policy; return what was asked for."""
    asked: list[str] = []

    def send(route: Any) -> None:
        asked.append(route.request.url)
        answer = route.fetch()
        headers = {**answer.headers, "content-security-policy": POLICY}
        route.fulfill(response=answer, headers=headers)

    page.route("**/overview/*", send)
    return asked


def test_the_pictures_are_drawn_under_a_strict_policy(shop: Shop, page: Page) -> None:
    asked = strict(page)
    open_admin(shop, page, f"{OVERVIEW}?days=30")

    canvases = page.locator(".redpin-overview canvas")
    expect(canvases.first).to_be_visible()
    assert len(asked) == 1
    assert canvases.count() >= 4
    for place in range(canvases.count()):
        assert canvases.nth(place).evaluate(COLOURS) > 5


def test_the_pictures_show_what_the_tables_tell(shop: Shop, page: Page) -> None:
    open_admin(shop, page, OVERVIEW)

    for heading in HEADINGS:
        head, *rows = numbers(page, heading)
        canvas = page.get_by_role("img", name=f"{heading}: a picture")
        drawn: dict[str, list[float | None]] = canvas.evaluate(
            """canvas => Object.fromEntries(
                 Chart.getChart(canvas).data.datasets.map(each => [each.label, each.data]))"""
        )
        assert drawn
        for name, values in drawn.items():
            column = [row[head.index(name)] for row in rows[:-1]]
            assert len(values) == len(column) == 30
            assert [bool(value) for value in values] == [
                any(digit in cell for digit in "123456789") for cell in column
            ], (heading, name)


def test_without_scripts_the_same_numbers_stand_open_in_tables(
    shop: Shop, page: Page, new_context: NewContext
) -> None:
    open_admin(shop, page, OVERVIEW)
    told = {heading: numbers(page, heading) for heading in HEADINGS}
    plain = new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    without_icon(plain)
    other = plain.new_page()

    other.goto(shop.url + OVERVIEW)

    expect(other.get_by_role("img", name="picture")).to_have_count(0)
    for heading in HEADINGS:
        region = other.get_by_role("region", name=heading).locator("table").first
        expect(region).to_be_visible()
        cells = [row.locator("th, td").all_inner_texts() for row in region.locator("tr").all()]
        assert cells == told[heading]


def test_whatever_the_look_the_pictures_take_its_colours(shop: Shop, page: Page) -> None:
    open_admin(shop, page, OVERVIEW)
    canvas = page.locator(".redpin-overview canvas").first
    colour = "canvas => Chart.getChart(canvas).data.datasets[0].borderColor"
    light = canvas.evaluate(colour)

    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "light => Chart.getChart(document.querySelector('.redpin-overview canvas'))"
        ".data.datasets[0].borderColor !== light",
        arg=light,
    )
    page.get_by_role("button", name="Toggle theme").click()  # Light, whatever the browser's.

    page.wait_for_function(
        "light => Chart.getChart(document.querySelector('.redpin-overview canvas'))"
        ".data.datasets[0].borderColor === light",
        arg=light,
    )


def test_it_moves_for_nobody(shop: Shop, page: Page) -> None:
    open_admin(shop, page, OVERVIEW)

    still = "Object.values(Chart.instances).every(each => each.options.animation === false)"
    assert page.evaluate(still)


def test_it_is_accessible(shop: Shop, page: Page) -> None:
    open_admin(shop, page, OVERVIEW)
    look_at(page, within=OURS)
    for summary in page.locator(".redpin-overview summary").all():
        summary.click()
    look_at(page, within=OURS)


def test_all_of_it_can_be_reached_by_keys(shop: Shop, page: Page) -> None:
    open_admin(shop, page, OVERVIEW)
    page.get_by_label("Period").focus()
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    expect(page.get_by_label("by", exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Show")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**days=7**")

    summary = page.locator("summary").filter(has_text="Sessions")
    summary.focus()
    page.keyboard.press("Enter")
    region = page.get_by_role("region", name="Sessions").locator("table").first
    expect(region).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "region"


def test_a_number_that_waits_leads_to_its_list(shop: Shop, page: Page) -> None:
    open_admin(shop, page, OVERVIEW)
    page.get_by_role("link", name="Events given up").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("webhook event")
