"""Messages between the page and the hosted one: whose are heard, and what comes of them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Frame, Page

from .site import EVIL, FRAME, PAY, SHOP, Answer, Site, document, section
from .watching import Watch

BLANK = Answer("<!doctype html><title>Blank</title>")
PAID = {"type": "paid", "status": "PAYMENT_COMPLETED", "view": "paid", "is_final": True}
TELL = "data => parent.postMessage(data, '*')"
LISTEN = (
    "addEventListener('message', ({ data, origin }) => (window.heard ??= []).push([data, origin]))"
)
THEME = {"type": "redpin:theme", "theme": "dark"}


def frame_at(page: Page, url: str) -> Frame:
    (found,) = [frame for frame in page.frames if frame.url == url]
    return found


def test_a34_a_message_of_the_hosted_page_has_the_server_asked_once(site: Site) -> None:
    page = site.open()
    site.advance(1.5)
    frame_at(page, f"{PAY}/s/").evaluate(TELL, PAID)
    site.advance(0.001)
    assert site.asked() == 1
    site.advance(1.9)

    assert site.asked() == 1
    assert page.locator("section").get_attribute("data-redpin-view") == "open"
    assert page.locator("iframe").count() == 1
    assert site.asked("/pay/") == 1
    assert [request.post_data for request in site.requests] == [None] * len(site.requests)


def test_a34_a_hosted_page_that_talks_all_the_time_costs_a_request_a_second(site: Site) -> None:
    page = site.open()
    frame = frame_at(page, f"{PAY}/s/")
    for _ in range(50):
        frame.evaluate(TELL, PAID)
        site.advance(0.1)

    assert 4 <= site.asked() <= 6


@pytest.mark.parametrize(
    "data",
    ["null", "'paid'", "1", "true", "undefined", "[]", "[{}]", "new Map()", "new Date()"],
)
def test_a34_what_is_no_object_is_not_heard(site: Site, data: str) -> None:
    page = site.open()
    frame_at(page, f"{PAY}/s/").evaluate(f"parent.postMessage({data}, '*')")
    site.advance(1.9)

    assert site.asked() == 0


def another_frame(url: str) -> Callable[[Site], Frame]:
    def open_it(site: Site) -> Frame:
        site.sections = [section(), f'<iframe src="{url}" title="Another"></iframe>']
        site.open()
        return frame_at(site.page, url)

    return open_it


def nested(site: Site) -> Frame:
    site.answers[f"{PAY}/s/"] = lambda request: Answer(
        f'<!doctype html><title>Hosted</title><iframe src="{PAY}/nested/" title="Nested"></iframe>'
    )
    site.open()
    return frame_at(site.page, f"{PAY}/nested/")


def navigated(site: Site) -> Frame:
    page = site.open()
    frame = frame_at(page, f"{PAY}/s/")
    frame.goto(f"{EVIL}/")
    return frame


def itself(site: Site) -> Frame:
    return site.open().main_frame


def popup(site: Site) -> Frame:
    page = site.open()
    with page.expect_popup() as opened:
        page.evaluate("url => { window.open(url) }", f"{PAY}/popup/")
    opened.value.wait_for_load_state()
    return opened.value.main_frame


@pytest.mark.parametrize(
    ("find", "receiver"),
    [
        (another_frame(f"{EVIL}/"), "parent"),
        (another_frame(f"{PAY}/another/"), "parent"),
        (nested, "top"),
        (navigated, "parent"),
        (itself, "window"),
        (popup, "opener"),
    ],
    ids=["evil origin", "another frame", "nested frame", "navigated", "the page", "popup"],
)
def test_a34_e23_nobody_else_is_heard(
    site: Site, find: Callable[[Site], Frame], receiver: str
) -> None:
    for url in (f"{EVIL}/", f"{PAY}/another/", f"{PAY}/nested/", f"{PAY}/popup/"):
        site.answers[url] = lambda request: BLANK
    sender = find(site)
    site.page.evaluate(LISTEN)
    sender.evaluate(f"data => {receiver}.postMessage(data, '*')", PAID)
    site.page.wait_for_function("() => window.heard?.length === 1")  # It did arrive.
    site.advance(1.9)

    assert site.asked() == 0
    assert site.page.locator("section").get_attribute("data-redpin-view") == "open"


def themed(theme: str = json.dumps(THEME), origin: str = PAY) -> str:
    frame = FRAME.replace(f'data-redpin-origin="{PAY}"', f'data-redpin-origin="{origin}"')
    return section(content=f"{frame} data-redpin-theme='{theme}'></iframe>")


def listening(title: str) -> Answer:
    return Answer(f"<!doctype html><title>{title}</title><script>{LISTEN}</script>")


@pytest.mark.parametrize("is_late", [False, True], ids=["first", "late"])
def test_a34_the_hosted_page_gets_its_theme(site: Site, is_late: bool) -> None:
    site.sections = [themed()]
    site.answers[f"{PAY}/s/"] = lambda request: listening("Hosted")
    if is_late:  # The script comes when the frame has loaded already.
        site.answers[f"{SHOP}/pay/"] = lambda request: Answer(
            document(*site.sections).replace("<script", "<template").replace("/script", "/template")
        )
    page = site.open()
    if is_late:
        page.wait_for_load_state()
        page.add_script_tag(url="/static/redpin/session.js", type="module")
    frame = frame_at(page, f"{PAY}/s/")
    frame.wait_for_function("() => window.heard?.length >= 1")

    assert frame.evaluate("heard[0]") == [THEME, SHOP]


def test_a34_a_frame_that_went_elsewhere_gets_no_theme(site: Site, watch: Watch) -> None:
    watch.expect("Failed to execute 'postMessage' on 'DOMWindow'")
    site.sections = [themed()]
    site.answers[f"{PAY}/s/"] = lambda request: listening("Hosted")
    site.answers[f"{EVIL}/"] = lambda request: listening("Evil")
    page = site.open()
    frame = frame_at(page, f"{PAY}/s/")
    frame.wait_for_function("() => window.heard?.length >= 1")
    frame.goto(f"{EVIL}/")
    page.wait_for_timeout(100)

    assert frame.evaluate("window.heard ?? []") == []


@pytest.mark.parametrize("origin", ["*", "/", ""])
def test_a34_no_theme_goes_to_whoever_is_there(site: Site, origin: str) -> None:
    site.sections = [themed(origin=origin)]
    site.answers[f"{PAY}/s/"] = lambda request: listening("Hosted")
    page = site.open()
    page.wait_for_timeout(100)

    assert frame_at(page, f"{PAY}/s/").evaluate("window.heard ?? []") == []
