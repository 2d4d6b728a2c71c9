"""The script follows a session's status: when it asks, when it stops, and what it then shows."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from .site import PAY, SCRIPT, SHOP, STATUS, WAITS, Answer, Site, document, section
from .watching import Watch

CANARY = "window.__canary = (window.__canary ?? 0) + 1"

HIDDEN_LINK = '<p hidden><a href="" data-redpin-reload>Reload this page</a></p>'


def note_changes(page: Page) -> None:
    page.evaluate(
        "window.changes = [];"
        "addEventListener('redpin:change', ({ detail, target }) =>"
        " changes.push([target.dataset.redpinView, detail]))"
    )


def hide(page: Page, *, hidden: bool) -> None:
    """Put another tab in front of the page, as far as the page can tell, or take it away."""
    page.evaluate(
        "hidden => { Object.defineProperty(document, 'hidden', { get: () => hidden,"
        " configurable: true }); document.dispatchEvent(new Event('visibilitychange')); }",
        hidden,
    )


def test_it_asks_at_growing_intervals(site: Site) -> None:
    site.open()
    asked = []
    for wait in WAITS[:10]:
        site.advance(wait - 0.001)
        asked.append(site.asked())
        site.advance(0.001)

    assert asked == list(range(10))
    assert site.asked() == 10


def test_a37_it_only_ever_reads(site: Site) -> None:
    site.open()
    site.advance(60)

    assert {request.method for request in site.requests} == {"GET"}
    assert site.asked("/pay/") == 1


def test_a_change_is_shown_without_loading_the_page_again(site: Site) -> None:
    page = site.open()
    note_changes(page)
    page.evaluate(CANARY)
    site.becomes("under_way", payment_status="PROCESSING")
    site.advance(2)

    assert page.locator("section h2").inner_text() == "Your payment is under way"
    assert page.locator("section").get_attribute("class") == (
        "redpin-session redpin-session--under_way"
    )
    assert page.locator("iframe").count() == 0
    assert page.evaluate("window.__canary") == 1
    detail = {"view": "under_way", "paymentStatus": "PROCESSING", "state": "open"}
    assert page.evaluate("changes") == [["under_way", detail]]


def test_it_goes_on_after_a_change_and_stops_at_the_end(site: Site) -> None:
    page = site.open()
    site.becomes("under_way")
    site.advance(2)
    site.advance(2)
    assert site.asked() == 2
    site.becomes("paid")
    site.advance(3)
    assert page.locator("h2").inner_text() == "Paid"
    site.advance(120)

    assert site.asked() == 3
    assert site.asked("/pay/") == 3


def test_a_page_that_is_final_asks_for_nothing(site: Site) -> None:
    site.sections = [section("paid")]
    site.open()
    site.advance(120)

    assert site.asked() == 0


def test_an_end_that_changes_nothing_to_see_ends_it_too(site: Site) -> None:
    site.sections = [section("attention")]
    site.status.update(view="attention", is_final=True)
    site.open()
    site.advance(120)

    assert (site.asked(), site.asked("/pay/")) == (1, 1)


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_gone_is_not_asked_for_again(site: Site, watch: Watch, status: int) -> None:
    watch.expect("Failed to load resource")
    site.answers[SHOP + STATUS] = lambda request: Answer(status=status)
    page = site.open()
    site.advance(120)

    assert site.asked() == 1
    assert page.locator("iframe").count() == 1


def test_a_page_whose_status_address_is_too_old_shows_the_link_that_loads_it(
    site: Site, watch: Watch
) -> None:
    watch.expect("Failed to load resource")
    site.sections = [section("attention", content=f"<h2>Wait</h2>{HIDDEN_LINK}")]
    site.answers[SHOP + STATUS] = lambda request: Answer(status=404)
    page = site.open()
    site.advance(2)

    assert page.get_by_text("Reload this page").is_visible()


@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(status=0), Answer(status=403), Answer(status=500), Answer("<h1>Log in</h1>")),
        *(Answer("null"), Answer("[]"), Answer("{}"), Answer('{"view": 1}'), Answer('{"view":')),
    ],
    ids=repr,
)
def test_what_is_no_status_changes_nothing_and_is_asked_for_again(
    site: Site, watch: Watch, answer: Answer
) -> None:
    watch.expect("Failed to load resource")
    page = site.open()
    site.answers[SHOP + STATUS] = lambda request: answer
    site.advance(2)
    assert page.locator("iframe").count() == 1
    site.answers[SHOP + STATUS] = lambda request: site.tell()
    site.becomes("paid")
    site.advance(3)

    assert page.locator("h2").inner_text() == "Paid"


def test_a_server_that_asks_for_a_pause_gets_it(site: Site, watch: Watch) -> None:
    watch.expect("Failed to load resource")
    busy = Answer(status=429, headers={"Retry-After": "120"})
    site.answers[SHOP + STATUS] = lambda request: busy
    site.open()
    site.look()
    site.advance(119.999)
    assert site.asked() == 1
    site.advance(0.001)

    assert site.asked() == 2


def test_what_is_known_already_is_asked_for_conditionally(site: Site, watch: Watch) -> None:
    def tell(request: Any) -> Answer:
        tag = f'"{site.status["view"]}"'
        if request.header_value("if-none-match") == tag:
            return Answer(status=304, headers={"ETag": tag})
        answer = site.tell()
        answer.headers["ETag"] = tag
        return answer

    watch.expect("Failed to load resource")
    site.answers[SHOP + STATUS] = tell
    page = site.open()
    site.look(3)
    sent = [r.header_value("if-none-match") for r in site.requests if r.url.endswith(STATUS)]
    assert sent == [None, '"open"', '"open"']
    site.answers[f"{SHOP}/pay/"] = lambda request: Answer(status=500)
    site.becomes("paid")
    site.look()
    assert page.locator("iframe").count() == 1
    site.answers[f"{SHOP}/pay/"] = lambda request: Answer(document(*site.sections))
    site.look()  # Answered 304: what was told is still to be shown.

    assert page.locator("h2").inner_text() == "Paid"


def test_a_hidden_page_asks_for_nothing_until_it_is_seen(site: Site) -> None:
    page = site.open()
    hide(page, hidden=True)
    site.advance(300)
    assert site.asked() == 0
    hide(page, hidden=False)
    site.advance(0.001)
    assert site.asked() == 1
    site.advance(2)

    assert site.asked() == 2


def test_a_page_that_is_back_online_asks_at_once(site: Site, watch: Watch) -> None:
    watch.expect("Failed to load resource")
    page = site.open()
    site.answers[SHOP + STATUS] = lambda request: Answer(status=0)
    site.page.context.set_offline(True)
    site.look(5)
    told = site.asked()
    site.answers[SHOP + STATUS] = lambda request: site.tell()
    site.becomes("paid")
    page.context.set_offline(False)
    page.wait_for_timeout(50)
    site.advance(1)

    assert site.asked() == told + 1
    assert page.locator("h2").inner_text() == "Paid"


def test_a_page_from_the_back_forward_cache_asks_at_once(site: Site) -> None:
    page = site.open()
    page.evaluate(CANARY)
    site.answers[f"{SHOP}/else/"] = lambda request: Answer("<!doctype html><title>Else</title>")
    page.goto(f"{SHOP}/else/")
    site.becomes("paid")
    page.go_back(wait_until="commit")
    site.settle()
    site.advance(0.001)

    assert page.evaluate("window.__canary") == 1, "The page was loaded anew."
    assert page.locator("h2").inner_text() == "Paid"
    assert site.asked() == 1


@pytest.mark.parametrize("status", [0, 403, 502])
def test_a_page_that_can_not_be_had_shows_the_link_that_loads_it(
    site: Site, watch: Watch, status: int
) -> None:
    watch.expect("Failed to load resource")
    site.sections = [section("preparing", content=f"<h2>Wait</h2>{HIDDEN_LINK}")]
    page = site.open()
    site.becomes("paid")
    site.answers[f"{SHOP}/pay/"] = lambda request: Answer("<h2>Trouble</h2>", status=status)
    assert not page.get_by_text("Reload this page").is_visible()
    site.look(2)
    assert page.locator("h2").inner_text() == "Wait"
    site.answers[f"{SHOP}/pay/"] = lambda request: Answer(document(*site.sections))
    page.get_by_text("Reload this page").click()
    page.wait_for_load_state()

    assert page.locator("h2").inner_text() == "Paid"


@pytest.mark.parametrize("count", [0, 2])
def test_a_page_with_other_sections_changes_nothing(site: Site, count: int) -> None:
    page = site.open()
    site.status.update(view="paid", is_final=True)
    site.sections = [section("paid")] * count
    site.advance(2)
    assert page.locator("iframe").count() == 1
    site.sections = [section("paid")]
    site.advance(3)

    assert page.locator("h2").inner_text() == "Paid"


def test_a_page_that_a_cache_kept_is_not_shown_again(site: Site) -> None:
    page = site.open()
    page.evaluate("document.querySelector('iframe').mark = 1")
    site.status.update(view="under_way")
    site.look(3)

    assert page.evaluate("document.querySelector('iframe').mark") == 1
    assert site.asked("/pay/") == 1 + 3


def test_an_open_page_is_left_alone_while_its_view_stays(site: Site) -> None:
    page = site.open()
    page.evaluate("document.querySelector('iframe').mark = 1")
    site.advance(2)
    site.status.update(payment_status="AWAITING_FUNDS", state="closed")
    site.advance(30)

    assert page.evaluate("document.querySelector('iframe').mark") == 1
    assert len([r for r in site.requests if r.url.startswith(PAY)]) == 1


def test_a_session_that_was_replaced_gives_way_to_the_one_in_its_place(site: Site) -> None:
    page = site.open()
    site.advance(2)
    site.status.update(reference="order-7-again", replaced=True)
    site.sections = [section(status_url=STATUS, content="<h2>New</h2>")]
    site.advance(3)
    assert page.locator("h2").inner_text() == "New"
    site.status.update(replaced=False)
    site.advance(30)

    assert site.asked("/pay/") == 2


def test_an_expired_session_that_can_be_renewed_by_now_says_so(site: Site) -> None:
    """Where the view stays and the state moves on, there may be more to do."""
    site.sections = [section("expired")]
    site.status.update(view="expired")
    page = site.open()
    site.advance(2)
    site.status.update(state="expired")
    site.sections = [section("expired", content="<h2>Expired</h2><button>Start again</button>")]
    site.advance(3)

    assert page.get_by_role("button").inner_text() == "Start again"


def test_sections_are_followed_one_by_one(site: Site) -> None:
    other = "/redpin/sessions/token-2/"
    site.sections = [section(), section("preparing", status_url=other)]
    site.answers[SHOP + other] = lambda request: Answer('{"view": "preparing", "is_final": false}')
    page = site.open()
    site.status.update(view="paid", is_final=True)
    site.sections = [section("paid"), section("preparing", status_url=other)]
    site.advance(2)

    assert page.locator("h2").all_inner_texts() == ["Paid", "Your payment is being prepared"]
    site.advance(3)
    assert (site.asked(), site.asked(other)) == (1, 2)


def test_a_section_that_is_taken_away_is_forgotten(site: Site) -> None:
    page = site.open()
    page.evaluate("document.querySelector('section').remove()")
    site.advance(120)

    assert site.asked() == 0


def test_a_section_that_comes_later_is_followed(site: Site) -> None:
    site.sections = []
    page = site.open()
    page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", section("expired"))
    site.advance(2)

    assert site.asked() == 1


def test_a_script_that_comes_twice_asks_once(site: Site) -> None:
    again = f"{SCRIPT}?again"
    site.answers[SHOP + again] = site.answers[SHOP + SCRIPT]
    site.sections = [section(), f'<script type="module" src="{again}"></script>']
    site.open()
    site.advance(2)

    assert site.asked() == 1
    assert site.asked(SCRIPT) == 2


def test_the_script_runs_by_a_nonce(site: Site) -> None:
    policy = "default-src 'none'; script-src 'nonce-n0nce'; connect-src 'self'; frame-src *"
    html = document(section()).replace("<script", '<script nonce="n0nce"')
    site.answers[f"{SHOP}/pay/"] = lambda request: Answer(
        html, headers={"Content-Security-Policy": policy}
    )
    site.open()
    site.advance(2)

    assert site.asked() == 1


@pytest.mark.parametrize(
    "html",
    [
        "<section data-redpin-session></section>",
        '<section data-redpin-session data-redpin-view="open"><iframe data-redpin-frame></iframe>'
        '<a href="/">Home</a><form action="/"></form></section>',
        '<section data-redpin-session data-redpin-expires-at="soon"></section>',
        '<section data-redpin-session data-redpin-expires-at="2026-11-25T20:05:00Z">'
        "<span data-redpin-time-left>Later</span></section>",
        '<section data-redpin-session data-redpin-status-url=""><iframe data-redpin-frame'
        ' data-redpin-origin="*" data-redpin-theme="{}" title="x"></iframe></section>',
    ],
    ids=range(5),
)
def test_nothing_breaks_where_attributes_are_missing(site: Site, html: str) -> None:
    site.sections = [html]
    page = site.open()
    page.evaluate("document.querySelector('section').click()")
    site.advance(330)

    assert page.locator("section").count() == 1


def test_without_a_status_the_end_shows_the_page_anew(site: Site) -> None:
    """Where the project's URLs lack the package's, its own page is all there is to ask."""
    site.sections = [section(status_url="", expires_at="2026-11-25T20:01:00Z")]
    page = site.open()
    site.sections = [section("expired", status_url="")]
    site.advance(70)

    assert page.locator("h2").inner_text() == "This payment page has expired"
    assert site.asked("/pay/") == 2


def test_focus_that_was_inside_goes_to_the_new_heading(site: Site) -> None:
    page = site.open()
    page.locator("iframe").focus()
    site.becomes("paid")
    site.advance(2)

    assert page.evaluate("document.activeElement.outerHTML") == '<h2 tabindex="-1">Paid</h2>'
    assert page.locator("[data-redpin-live]").inner_text() == ""


def test_focus_elsewhere_stays_and_the_change_is_read_out(site: Site) -> None:
    site.sections = ["<button>Else</button>", section()]
    page = site.open()
    page.locator("button").focus()
    page.evaluate("document.querySelector('[data-redpin-live]').mark = 1")
    site.becomes("under_way")
    site.sections.insert(0, "<button>Else</button>")
    site.advance(2)
    live = page.locator("[data-redpin-live]")

    assert page.evaluate("document.activeElement.textContent") == "Else"
    assert (live.count(), live.inner_text()) == (1, "Your payment is under way")
    assert live.evaluate("node => node.mark") == 1, "A new live region is often not read out."
    site.advance(10)
    assert live.inner_text() == ""


def test_scripts_in_the_new_section_do_not_run(site: Site, context: BrowserContext) -> None:
    page = site.open()
    site.becomes("paid")
    site.sections = [section("paid", content=f"<h2>Paid</h2><script>{CANARY}</script>")]
    site.advance(2)

    assert page.locator("h2").inner_text() == "Paid"
    assert page.evaluate("window.__canary") is None
