"""Starting again in place: the form's answer gives the new section, or leads elsewhere."""

from __future__ import annotations

import pytest
from playwright.sync_api import Request

from .site import EVIL, RENEWAL, SHOP, Answer, Site, document, section
from .watching import Watch

EXPIRED = section("expired", content=f"<h2>Expired</h2>{RENEWAL}")
NEW = section(content="<h2>New</h2>")
BODY = 'name="csrfmiddlewaretoken"\r\n\r\nc1\r\n'


def posted(site: Site) -> list[Request]:
    return [request for request in site.requests if request.method == "POST"]


@pytest.fixture
def expired(site: Site) -> Site:
    site.sections = [EXPIRED]
    site.status.update(view="expired")
    site.answers[f"{SHOP}/renew/"] = lambda request: Answer(document(NEW))
    site.open()
    site.page.evaluate("window.__canary = 1")
    return site


def test_the_answers_section_takes_the_old_ones_place(expired: Site) -> None:
    page = expired.page
    page.evaluate("addEventListener('redpin:change', ({ detail }) => (window.told = detail))")
    page.get_by_role("button").click()
    page.get_by_role("heading", name="New").wait_for()

    assert page.evaluate("window.__canary") == 1
    assert page.evaluate("document.activeElement.textContent") == "New"
    assert page.evaluate("told") == {"view": "open", "paymentStatus": None, "state": None}
    assert [BODY in (request.post_data or "") for request in posted(expired)] == [True]
    expired.status.update(view="open")
    expired.advance(2)
    assert expired.asked() == 1, "The new session is followed."


@pytest.mark.parametrize("status", [200, 403, 500])
def test_an_answer_without_a_section_is_left_to_the_browser(
    expired: Site, watch: Watch, status: int
) -> None:
    """Such as the page of an error, which would be lost otherwise."""
    watch.expect("Failed to load resource")
    where = f"{SHOP}/renew/"
    expired.answers[where] = lambda request: Answer("<title>Sorry</title>Sorry", status=status)
    expired.page.get_by_role("button").click()
    expired.page.wait_for_url(where)

    assert expired.page.title() == "Sorry"
    assert [r.method for r in expired.requests if r.url == where] == ["POST", "POST"]


def test_two_clicks_send_it_once(expired: Site) -> None:
    expired.page.get_by_role("button").dblclick()
    expired.page.get_by_role("heading", name="New").wait_for()

    assert len(posted(expired)) == 1


def test_a_page_that_was_asked_for_before_comes_too_late(expired: Site) -> None:
    """It would take the new session's page from whoever pays on it by then."""
    page = expired.page
    page.evaluate(
        """() => {
          const fetched = window.fetch;
          window.fetch = async (url, options) => {
            const response = await fetched(url, options);
            if (url === location.href) await new Promise((done) => (window.deliver = done));
            return response;
          };
        }"""
    )
    expired.advance(2)
    expired.status.update(state="expired")
    expired.advance(3)
    assert page.evaluate("Boolean(window.deliver)")
    page.get_by_role("button").click()
    page.get_by_role("heading", name="New").wait_for()
    page.evaluate("deliver()")
    expired.settle()

    assert page.get_by_role("heading").inner_text() == "New"


def test_where_it_fails_the_browser_sends_it_itself(expired: Site, watch: Watch) -> None:
    watch.expect("Failed to load resource")
    answers = [Answer(status=0), Answer("<!doctype html><title>Started</title>")]
    expired.answers[f"{SHOP}/renew/"] = lambda request: answers.pop(0)
    expired.page.get_by_role("button").click()
    expired.page.wait_for_url(f"{SHOP}/renew/")

    assert expired.page.title() == "Started"


def test_a_form_to_another_site_is_the_browsers_alone(site: Site, watch: Watch) -> None:
    """A request of the script's would carry the form's token there unseen."""
    watch.expect('Request mode is "same-origin"')
    form = RENEWAL.replace("/renew/", f"{EVIL}/renew/")
    site.answers[f"{SHOP}/pay/"] = lambda request: Answer(
        document(section("expired", content=form)),
        headers={"Content-Security-Policy": "script-src 'self'"},
    )
    site.answers[f"{EVIL}/renew/"] = lambda request: Answer("<title>Evil</title>")
    site.open()
    site.page.get_by_role("button").click()
    site.page.wait_for_url(f"{EVIL}/renew/")

    assert [request.is_navigation_request() for request in posted(site)] == [True]


def test_another_form_in_the_section_is_the_browsers(site: Site) -> None:
    site.sections = [section("expired", content=RENEWAL.replace(" data-redpin-renew", ""))]
    site.answers[f"{SHOP}/renew/"] = lambda request: Answer(document(NEW))
    site.open()
    site.page.get_by_role("button").click()
    site.page.wait_for_url(f"{SHOP}/renew/")

    assert site.page.locator("h2").inner_text() == "New"


def test_a_window_of_its_own_is_opened_and_can_not_reach_back(site: Site) -> None:
    site.sections = [
        section(content='<a href="https://pay.test/s/" target="_blank" data-redpin-popup>Pay</a>')
    ]
    page = site.open()
    with page.context.expect_page() as opened:
        page.get_by_text("Pay", exact=True).click()
    popup = opened.value
    popup.wait_for_load_state()

    assert popup.url == "https://pay.test/s/"
    assert popup.evaluate("[window.opener, window.outerWidth < 600]") == [None, True]
    assert page.url == f"{SHOP}/pay/"
