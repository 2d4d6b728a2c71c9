"""The time that is left: in words of the page's language, and read out before it is over."""

from __future__ import annotations

import pytest

from .site import SHOP, Answer, Site, document, section
from .watching import Watch

ENDS = "2026-11-25T20:06:01Z"  # Six minutes after the tests' clock.
ENGLISH = "This page closes {when}."
ARABIC = "تُغلق هذه الصفحة {when}."


def left(text: str = ENGLISH, ends: str = ENDS) -> str:
    content = f'<p><span data-redpin-time-left data-redpin-time-left-text="{text}">Valid</span></p>'
    return section(content=content, expires_at=ends)


def shown(site: Site) -> str:
    return site.page.locator("[data-redpin-time-left]").inner_text()


def read_out(site: Site) -> str:
    return site.page.locator("[data-redpin-live]").inner_text()


def test_the_time_left_is_told_in_words(site: Site) -> None:
    site.sections = [left()]
    site.open()
    told = [shown(site)]
    for seconds in (0.999, 0.001, 59, 180, 60, 30, 30):
        site.advance(seconds)
        told.append(shown(site))

    assert told == [
        "This page closes in 6 minutes.",
        "This page closes in 6 minutes.",
        "This page closes in 6 minutes.",
        "This page closes in 5 minutes.",
        "This page closes in 2 minutes.",
        "This page closes in 60 seconds.",
        "This page closes in 30 seconds.",
        "This page closes now.",
    ]


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ("2026-11-28T20:00:01Z", "in 3 days"),
        ("2026-11-26T20:00:01Z", "in 24 hours"),
        ("2026-11-25T22:00:01Z", "in 120 minutes"),
        ("2026-11-25T20:01:02Z", "in 2 minutes"),
        ("2026-11-25T19:00:00Z", "now"),
    ],
)
def test_long_times_are_told_in_longer_units(site: Site, ends: str, words: str) -> None:
    site.sections = [left(ends=ends)]
    site.open()

    assert shown(site) == f"This page closes {words}."


@pytest.mark.parametrize(
    ("language", "text", "five", "one"),
    [
        ("en-gb", ENGLISH, "This page closes in 5 minutes.", "This page closes in 60 seconds."),
        ("ar", ARABIC, "تُغلق هذه الصفحة خلال 5 دقائق.", "تُغلق هذه الصفحة خلال 60 ثانية."),
    ],
)
def test_five_minutes_and_one_are_read_out(
    site: Site, language: str, text: str, five: str, one: str
) -> None:
    site.sections = [left(text)]
    site.answers[f"{SHOP}/pay/"] = lambda request: Answer(
        document(*site.sections, language=language)
    )
    site.open()
    heard = []
    for seconds in (59.999, 0.001, 9.999, 0.001, 229.999, 0.001, 9.999, 0.001):
        site.advance(seconds)
        heard.append(read_out(site))

    assert heard == ["", five, five, "", "", one, one, ""]


def test_whoever_comes_late_is_not_told_at_once(site: Site) -> None:
    site.sections = [left(ends="2026-11-25T20:04:00Z")]
    site.open()

    assert read_out(site) == ""


def test_a_machine_that_slept_tells_it_once_it_wakes(site: Site) -> None:
    site.sections = [left()]
    page = site.open()
    page.clock.fast_forward(260_000)
    site.settle()

    assert shown(site) == read_out(site) == "This page closes in 2 minutes."


def test_at_the_end_the_page_turns_into_the_expired_one(site: Site) -> None:
    site.sections = [left(ends="2026-11-25T20:00:31Z")]
    page = site.open()
    site.advance(30)
    site.becomes("expired")
    site.advance(1.1)

    assert page.locator("h2").inner_text() == read_out(site) == "This payment page has expired"


def test_a_browser_whose_clock_is_wrong_tells_the_servers_time(site: Site) -> None:
    """Its clock is an hour ahead."""

    def tell(request: object) -> Answer:
        answer = site.tell()
        answer.headers["Date"] = "Wed, 25 Nov 2026 19:00:03 GMT"
        return answer

    site.sections = [left(ends="2026-11-25T19:30:30Z")]
    site.answers[f"{SHOP}/redpin/sessions/token-1/"] = tell
    site.open()
    site.advance(2)
    site.advance(60)

    assert shown(site) == "This page closes in 30 minutes."
    assert site.page.locator("h2").count() == 0


@pytest.mark.parametrize("language", ["", "en_GB", "no such language"])
def test_a_language_that_there_is_not_breaks_nothing(
    site: Site, watch: Watch, language: str
) -> None:
    site.sections = [left()]
    site.answers[f"{SHOP}/pay/"] = lambda request: Answer(
        document(*site.sections, language=language)
    )
    site.open()
    site.advance(2)

    assert shown(site) == ("Valid" if language else "This page closes in 6 minutes.")
    assert site.asked() == 1
