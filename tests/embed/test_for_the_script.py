"""What the page's script goes by: attributes, and links that it may show."""

from __future__ import annotations

from typing import Any, Final

import pytest
from pytest_django import Settings

from django_redpin.embed.tokens import read_token

from .reading import Page, State, make_session, render

pytestmark = pytest.mark.django_db

urlpatterns: list[object] = []  # A project that forgot to include the package's URLs.

VISIBLE, HIDDEN, NONE = "visible", "hidden", "none"
VIEWS: Final[list[tuple[dict[str, Any], str, str, bool]]] = [
    ({}, "open", VISIBLE, False),
    ({"state": State.CREATING}, "preparing", VISIBLE, False),
    ({"payment_status": "PROCESSING", "session_url": ""}, "under_way", VISIBLE, False),
    ({"state": State.EXPIRED}, "expired", HIDDEN, False),
    ({"review_reason": "odd"}, "attention", HIDDEN, False),
    ({"state": State.REJECTED}, "attention", NONE, True),
    ({"payment_status": "PAYMENT_COMPLETED"}, "paid", NONE, True),
    ({"payment_status": "CANCELLED"}, "called_off", NONE, True),
]


def reload_of(page: Page) -> str:
    links = [each for each in page.all("a") if "data-redpin-reload" in each.attributes]
    if not links:
        return NONE
    (link,) = links
    assert link.attributes["href"] == ""
    hidden = [each for each in page.all("p") if "hidden" in each.attributes]
    return HIDDEN if any(link.text in each.text for each in hidden) else VISIBLE


@pytest.mark.parametrize(("changes", "view", "reload", "is_final"), VIEWS)
def test_a37_every_view_says_where_its_status_is_and_whether_that_is_the_end(
    changes: dict[str, Any], view: str, reload: str, is_final: bool
) -> None:
    session = make_session(**changes)
    session.save()

    page = render(session)

    section = page.one("section").attributes
    assert page.kind == view
    assert "data-redpin-session" in section
    assert read_token(section["data-redpin-status-url"].split("/")[-2]) == (
        session.pk,
        session.account,
    )
    assert ("data-redpin-final" in section) is is_final
    assert ("data-redpin-expires-at" in section) is (view == "open")
    assert reload_of(page) == reload


def test_where_the_project_lacks_our_urls_the_page_shows_all_the_same(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    session = make_session()
    session.save()

    page = render(session)

    assert page.kind == "open"
    assert "data-redpin-status-url" not in page.one("section").attributes


def test_the_words_for_the_time_left_come_with_the_page() -> None:
    (place,) = (
        each
        for each in render(make_session()).all("span")
        if "data-redpin-time-left" in each.attributes
    )

    assert place.attributes["data-redpin-time-left-text"] == "This page closes {when}."


def test_a_payment_under_way_has_no_time_to_count_down() -> None:
    page = render(make_session(payment_status="AWAITING_FUNDS"))

    assert page.kind == "open"
    assert page.all("time") == page.all("span") == []
    assert page.one("section").attributes["data-redpin-expires-at"]
