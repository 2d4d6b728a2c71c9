"""The iframe: its attributes, and the addresses that never get into it."""

from __future__ import annotations

from typing import Final

import pytest
from pytest_django import Settings

from django_redpin.embed import frame_source

from .reading import URL, make_session, render

ORIGIN: Final = "https://pay.redpin.test"
HOSTILE: Final = [
    *("", " ", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,<script>1</script>"),
    *("vbscript:x", "blob:https://pay.redpin.test/1", "about:blank", "file:///etc/passwd", "/pay/"),
    *("//pay.redpin.test/s/", "//evil.test/", "///pay.redpin.test/", "https:pay.redpin.test/s/"),
    *("https:///pay.redpin.test/s/", "https:/pay.redpin.test/s/", "pay.redpin.test/s/"),
    *("http://pay.redpin.test/s/", "https://pay.redpin.test:8443/s/", "ftp://pay.redpin.test/"),
    *("https://pay.redpin.test@evil.test/", "https://pay.redpin.test:x@evil.test/s/"),
    *("https://evil@pay.redpin.test/", "https://@pay.redpin.test/", "https://:@pay.redpin.test/"),
    *("https://pay.redpin.test.evil.test/", "https://evil-pay.redpin.test/", "https://e.test/"),
    *("https://pay.redpin.test./s/", "https://.pay.redpin.test/", "https://redpin.test/s/"),
    *("https://pay.redpin.test\\@evil.test/", "https://evil.test\\pay.redpin.test/", "https:\\\\x"),
    *("https://pay.redpin.test\r\nX:y", "https://pay.redpin.test/\n", "\thttps://pay.redpin.test"),
    *("https://pay.redpin.test/a b", " https://pay.redpin.test/", "https://pay.redpin.test/ "),
    *('https://pay.redpin.test"onload="alert(1)', "https://pay.redpin.test'><script>", "\x00"),
    *("https://pay.redpin.test%2eevil.test/", "https://pay.redpin.test%00/", "https://[::1]/s/"),
    *("https://pay.redp\u0131n.test/", "https://pay.redpin.test/é", "https://pay.redpin\u3002test"),
    *("https://pay.redpin.test:port/", "https://pay.redpin.test:-1/", "https://[", "https://x]/"),
    *("https://pay.redpin.test:99999/", "https://pay.redpin.test\u2028/"),
    "https://pay.redpin.test\x7f/",
    "https://pay.redpin.test/" + "a" * 2048,
    *("view-source:https://pay.redpin.test/", "https://evil.test/#https://pay.redpin.test/"),
    *("https://evil.test/?https://pay.redpin.test/", "\udc80", "https://pay.redpin.test/\udc80"),
]  # fmt: skip
ATTRIBUTES: Final = {
    *("class", "src", "title", "sandbox", "allow", "referrerpolicy", "loading"),
    *("data-redpin-frame", "data-redpin-origin"),
}


def test_a32_the_frame_shows_the_hosted_page_and_trusts_it_no_further() -> None:
    frame = render(make_session()).one("iframe").attributes

    assert frame["src"] == URL
    assert frame["title"] == "Secure payment page by Redpin"
    assert frame["allow"] == f"payment {ORIGIN}"
    assert frame["referrerpolicy"] == "strict-origin"
    assert frame["loading"] == "eager"  # A script that makes pages lazy leaves it alone then.
    assert set(frame["sandbox"].split()) == {
        "allow-scripts",
        "allow-forms",
        "allow-same-origin",
        "allow-popups",
        "allow-popups-to-escape-sandbox",
        "allow-top-navigation-by-user-activation",
    }
    assert set(frame) == ATTRIBUTES


def test_the_page_can_be_opened_in_a_window_that_can_not_reach_back() -> None:
    link = render(make_session()).all("a")[0].attributes

    assert (link["href"], link["target"], link["rel"]) == (URL, "_blank", "noopener")
    assert link["referrerpolicy"] == "strict-origin"


@pytest.mark.parametrize("url", HOSTILE, ids=ascii)
def test_a31_a_hostile_address_shows_the_attention_block(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", "django_redpin")
    session = make_session(session_url=url)

    page = render(session)

    assert frame_source(session) is None
    assert page.kind == "attention"
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == bool(url)  # An empty one was wiped, or never came.
    assert all("order-7" in each and "HOSTED_PAGE_ORIGINS" in each for each in told)
    assert "pay.redpin" not in str(told)
    assert "evil" not in str(told)
    assert page.all("iframe") == page.all("a") == []
    assert "Please do not pay again" in page.text


@pytest.mark.parametrize("url", HOSTILE, ids=ascii)
def test_a_hostile_address_is_not_shown_while_money_is_under_way(url: str) -> None:
    page = render(make_session(session_url=url, payment_status="PROCESSING"))

    assert page.kind == "under_way"
    assert [link.attributes["href"] for link in page.all("a")] == [""]


@pytest.mark.parametrize(
    "url",
    [
        *(f"{ORIGIN}/s/?a=1&b=2", f"{ORIGIN}:443/s/", "https://PAY.redpin.test/s/", ORIGIN),
        *("HTTPS://pay.redpin.test/", f"{ORIGIN}/a;b=1/~x/%20/", f"{ORIGIN}/" + "a" * 1900),
    ],
)
def test_an_address_of_redpins_is_shown_as_it_came(url: str) -> None:
    page = render(make_session(session_url=url))

    assert page.one("iframe").attributes["src"] == url
    assert page.one("iframe").attributes["allow"] == f"payment {ORIGIN}"


@pytest.mark.parametrize("path", ["/#/s/4f1c", "/s/#token=4f1c"])
def test_an_address_that_ends_in_a_fragment_is_shown(path: str) -> None:
    """Nothing in Redpin's page rules one out, and pages that are one script often have one."""
    page = render(make_session(session_url=ORIGIN + path))

    assert page.kind == "open"
    assert page.one("iframe").attributes["src"] == ORIGIN + path


def test_no_address_is_shown_where_no_origin_is_trusted(settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "HOSTED_PAGE_ORIGINS": []}

    assert render(make_session()).kind == "attention"


def test_each_account_trusts_its_own_origins(settings: Settings) -> None:
    accounts = {"gulf": {"HOSTED_PAGE_ORIGINS": ["https://gulf.redpin.test"]}}
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": accounts}
    url = "https://gulf.redpin.test/s/"

    assert render(make_session(account="gulf", session_url=url)).kind == "open"
    assert render(make_session(session_url=url)).kind == "attention"
    assert render(make_session(account="gulf")).kind == "attention"


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8001", "http://localhost", "http://[::1]:9"])
def test_plain_http_to_this_machine_is_for_debug(settings: Settings, origin: str) -> None:
    settings.REDPIN = {**settings.REDPIN, "HOSTED_PAGE_ORIGINS": [origin]}
    session = make_session(session_url=f"{origin}/pay/")

    assert render(session).kind == "attention"
    settings.DEBUG = True
    assert render(session).one("iframe").attributes["src"] == f"{origin}/pay/"


def test_plain_http_to_another_machine_is_not_even_for_debug(settings: Settings) -> None:
    settings.DEBUG = True
    settings.REDPIN = {**settings.REDPIN, "HOSTED_PAGE_ORIGINS": ["http://pay.redpin.test"]}

    assert render(make_session(session_url="http://pay.redpin.test/s/")).kind == "attention"
