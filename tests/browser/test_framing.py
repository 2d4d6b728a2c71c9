"""Who may frame whom, and what a frame may do to the page around it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import django
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from .shop import Shop, enter_code, press, reserve
from .site import FRAME, PAY, SHOP, Answer, Site, document, section
from .watching import Watch

SANDBOX: Final = {
    "allow-scripts",
    "allow-forms",
    "allow-same-origin",
    "allow-popups",
    "allow-popups-to-escape-sandbox",
    "allow-top-navigation-by-user-activation",
}


@pytest.fixture(scope="module")
def evil() -> Iterator[str]:
    """A site of somebody else's, which frames the page that the query names."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = self.path.partition("?")[2]
            body = f'<iframe src="{url}" width="900" height="900"></iframe>'
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f"<!doctype html><title>Evil</title>{body}".encode())

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("path", ["/", "/orders/{order}/", "/orders/{order}/pay/", "/admin/"])
def test_e23_no_other_site_frames_a_page_of_ours(
    shop: Shop, page: Page, watch: Watch, evil: str, path: str
) -> None:
    watch.expect("Refused to display", "frame-ancestors", "X-Frame-Options")
    order = shop.add_order(unit_id=shop.add_unit(), session_id=shop.add_session())
    page.goto(f"{evil}/frame?{shop.url}{path.format(order=order)}")
    frame = page.frames[1]

    assert len(watch.expected_found) >= 1
    assert "Meridian" not in frame.content()


def test_a32_the_frame_in_the_page_has_no_more_rights_than_it_needs(
    shop: Shop, page: Page, context: BrowserContext
) -> None:
    reserve(page, shop)
    frame = page.locator("iframe")

    assert set(str(frame.get_attribute("sandbox")).split()) == SANDBOX
    assert frame.evaluate("frame => frame.sandbox.length") == len(SANDBOX)
    assert frame.evaluate("frame => frame.referrerPolicy") == "strict-origin"
    assert frame.get_attribute("allow") == f"payment {shop.at.sandbox}"
    assert frame.get_attribute("title")
    features = "frame => ['camera', 'microphone', 'geolocation'].filter((name) =>"
    assert frame.evaluate(f"{features} frame.featurePolicy?.allowsFeature(name))") == []


def test_a32_a_frame_of_the_pages_own_origin_is_refused(shop: Shop, page: Page) -> None:
    own = shop.add_session(session_url=f"{shop.url}/pay/none/")
    page.goto(f"{shop.url}/stage/sessions/{own}/")

    assert page.locator("iframe").count() == 0
    expect(page.get_by_role("heading", name="We are looking into this payment")).to_be_visible()


def test_a35_a_window_that_the_frame_opens_can_do_its_work(
    shop: Shop, page: Page, context: BrowserContext
) -> None:
    """As a bank's page does that asks for a confirmation, under Django's default opener policy."""
    answer = page.goto(f"{shop.url}/")
    assert answer is not None
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    reserve(page, shop)
    frame = page.frames[1]
    hosted = page.frame_locator("iframe")
    press(hosted.get_by_role("button", name="Send me a code"))
    with context.expect_page() as opened:
        hosted.get_by_role("link", name="Read the code in the outbox").click()
    bank = opened.value
    # Out of the frame's sandbox: it has its own origin, scripts and forms.
    assert bank.evaluate("[origin, isSecureContext]") == [shop.at.sandbox, True]
    code = bank.locator(".otp").first.inner_text()
    bank.close()
    hosted.get_by_label("Six-digit code").fill(code)
    press(hosted.get_by_role("button", name="Continue"))
    expect(hosted.get_by_role("heading", name="Pay from")).to_be_visible()

    assert frame.url.startswith(f"{shop.at.sandbox}/")


@pytest.mark.parametrize(
    ("policy", "reaches_back"), [("same-origin", False), ("same-origin-allow-popups", True)]
)
def test_a35_a_banks_window_opens_and_finds_the_frame_where_the_policy_lets_it(
    site: Site, policy: str, reaches_back: bool
) -> None:
    """Django's default cuts it off: its flow can end only at the bank's and Redpin's servers."""
    rights = f'sandbox="{" ".join(sorted(SANDBOX))}"'
    site.sections = [section(content=f"{FRAME} {rights}></iframe>")]
    site.answers[f"{SHOP}/pay/"] = lambda request: Answer(
        document(*site.sections), headers={"Cross-Origin-Opener-Policy": policy}
    )
    site.answers[f"{PAY}/bank/"] = lambda request: Answer("<!doctype html><title>Bank</title>")
    page = site.open()
    with page.context.expect_page() as opened:
        page.frames[1].evaluate("() => { window.open('/bank/') }")
    bank = opened.value
    bank.wait_for_load_state()

    assert bank.title() == "Bank"
    assert bank.evaluate("[origin, opener !== null]") == [PAY, reaches_back]


@pytest.mark.parametrize("script", ["top.location = '/gone'", "parent.location.replace('/gone')"])
def test_e23_a_hosted_page_can_not_take_the_page_away_by_itself(
    site: Site, watch: Watch, script: str
) -> None:
    """Only where whoever pays has clicked in it, as a bank's way back may need it."""
    watch.expect("Unsafe attempt to initiate navigation", "permission to navigate")
    rights = f'sandbox="{" ".join(sorted(SANDBOX))}"'
    site.sections = [section(content=f"{FRAME} {rights}></iframe>")]
    tries = f"<script>try {{ {script} }} catch {{ }} window.tried = 1</script>"
    site.answers[f"{PAY}/s/"] = lambda request: Answer(f"<!doctype html><title>H</title>{tries}")
    page = site.open()
    page.frames[1].wait_for_function("() => window.tried === 1")
    site.advance(1)

    assert page.url == f"{SHOP}/pay/"
    assert len(watch.expected_found) >= 1


@pytest.mark.skipif(django.VERSION < (6,), reason="The example's policy is that of Django 6.")
def test_e23_a_frame_that_goes_elsewhere_is_stopped(
    shop: Shop, page: Page, watch: Watch, evil: str
) -> None:
    watch.expect("frame-src", "Content Security Policy")
    reserve(page, shop)
    url = page.url
    page.frames[1].evaluate("url => { location.href = url }", f"{evil}/frame")
    page.wait_for_timeout(300)

    assert page.url == url
    assert not page.frames[1].url.startswith(evil), "The policy knows Redpin's origins alone."
    assert any("frame-src" in said for said in watch.expected_found)


def test_e23_a_code_that_was_entered_is_not_in_the_pages_reach(
    shop: Shop, page: Page, context: BrowserContext
) -> None:
    """Two sites: neither sees the other's document, and the frame has no cookie of the shop's."""
    reserve(page, shop)
    hosted = page.frame_locator("iframe")
    with page.expect_request(f"{shop.at.sandbox}/**") as asked:
        enter_code(context, hosted)
    expect(hosted.get_by_role("heading", name="Pay from")).to_be_visible()

    assert "cookie" not in asked.value.all_headers()
    assert page.evaluate("document.querySelector('iframe').contentDocument") is None
    assert page.frames[1].evaluate("() => { try { return top.document } catch { return 0 } }") == 0
