"""What a payer sees in each state of a session, and at each status of its payment."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from django_redpin.models import PaymentSession
from django_redpin.rules.statuses import RANKS

from .reading import State, make_session, render

BY_STATE: Final[dict[str, tuple[str, str]]] = {
    State.CREATING: ("preparing", "Your payment is being prepared"),
    State.UNKNOWN: ("preparing", "Nothing has been charged"),
    State.OPEN: ("open", "Open the payment page in a window of its own"),
    State.EXPIRED: ("expired", "This payment page has expired"),
    State.SUPERSEDED: ("expired", "do not pay again"),
    State.REJECTED: ("attention", "order-7"),
    State.CLOSED: ("attention", "Contact us"),
}
UNDER_WAY: Final = ("under_way", "Your payment is under way")
BY_STATUS: Final[dict[str, tuple[str, str]]] = {
    "AWAITING_FUNDS": UNDER_WAY,
    "PROCESSING": UNDER_WAY,
    "RECEIVED_FUNDS": UNDER_WAY,
    "FX_COMPLETED": UNDER_WAY,
    "PAYOUT_INITIATED": UNDER_WAY,
    "PAYOUT_CREDITED": UNDER_WAY,
    "ON_HOLD": UNDER_WAY,
    "PAYMENT_COMPLETED": ("paid", "is complete. Thank you."),
    "CANCELLED": ("called_off", "The payment was cancelled"),
    "REFUNDED": ("called_off", "The payment was refunded"),
    "BOUNCED_BACK": ("attention", "We are looking into this payment"),
}
RENEWABLE: Final = {"expired", "called_off"}
AMOUNT: Final = re.compile(r"AED\s250,?000\.00")


def every_kind() -> list[dict[str, Any]]:
    by_state = [{"state": state} for state in State]
    by_status = [{"payment_status": status, "session_url": ""} for status in BY_STATUS]
    return [*by_state, *by_status, {"review_reason": "odd"}]


def test_the_tables_here_leave_out_no_state_and_no_documented_status() -> None:
    assert set(BY_STATE) == set(State)
    assert set(BY_STATUS) > set(RANKS)


@pytest.mark.parametrize("state", State)
def test_each_state_before_any_payment(state: State) -> None:
    kind, words = BY_STATE[state]

    page = render(make_session(state=state))

    assert (page.kind, len(page.all("iframe"))) == (kind, 1 if state == State.OPEN else 0)
    assert words in page.text


@pytest.mark.parametrize("status", BY_STATUS)
def test_each_status_of_a_payment_without_its_page(status: str) -> None:
    kind, words = BY_STATUS[status]
    state = State.OPEN if kind == "under_way" else State.CLOSED

    page = render(make_session(state=state, payment_status=status, session_url=""))

    assert page.kind == kind
    assert words in page.text
    assert page.all("iframe") == []


@pytest.mark.parametrize("status", BY_STATUS)
def test_a_payment_under_way_keeps_its_page_and_an_ended_one_does_not(status: str) -> None:
    kind, _ = BY_STATUS[status]

    page = render(make_session(payment_status=status))

    assert page.kind == ("open" if kind == "under_way" else kind)
    assert len(page.all("iframe")) == (kind == "under_way")


@pytest.mark.parametrize("kind", ["paid", "under_way"])
def test_the_amount_is_said(kind: str) -> None:
    status = {"paid": "PAYMENT_COMPLETED", "under_way": "PROCESSING"}[kind]

    page = render(make_session(payment_status=status, session_url=""))

    assert page.kind == kind
    assert AMOUNT.search(page.text)


@pytest.mark.parametrize("status", ["", *BY_STATUS])
def test_what_a_person_has_to_look_at_is_never_paid_again(status: str) -> None:
    page = render(make_session(payment_status=status, review_reason="Redpin says otherwise"))

    assert page.kind == "attention"
    assert "Please do not pay again" in page.text
    assert "Redpin says otherwise" not in page.html


@pytest.mark.django_db
def test_a_page_past_its_time_shows_expired_and_changes_nothing() -> None:
    session = make_session(expires_at=timezone.now() - timedelta(seconds=1))
    session.save()
    before = PaymentSession.objects.values().get()

    with CaptureQueriesContext(connection) as captured:
        page = render(session)

    assert page.kind == "expired"
    assert page.all("iframe") == []
    assert len(captured) == 0
    assert PaymentSession.objects.values().get() == before
    assert session.state == State.OPEN


def test_a_payment_under_way_is_not_expired_by_the_clock() -> None:
    past = timezone.now() - timedelta(seconds=1)

    page = render(make_session(payment_status="PROCESSING", expires_at=past))

    assert (page.kind, page.all("iframe")) == ("under_way", [])


def test_a_page_without_an_end_is_shown() -> None:
    page = render(make_session(expires_at=None))

    assert page.kind == "open"
    assert "until" not in page.text


@pytest.mark.parametrize("zone", ["UTC", "Asia/Dubai"])
def test_the_end_is_told_with_its_time_zone(zone: str) -> None:
    """Payer and merchant live in different countries: a bare hour means nothing to either."""
    with timezone.override(zone):
        page = render(make_session())

    assert re.search(r"until .*(UTC|GMT|\+04|GST|\+0000|Dubai)", page.text)


@pytest.mark.parametrize("status", ["PAYMENT_COMPLETED", "CANCELLED"])
def test_an_ended_payment_is_shown_after_its_account_left_the_settings(status: str) -> None:
    page = render(make_session(account="gone", payment_status=status, state=State.CLOSED))

    assert page.kind == BY_STATUS[status][0]


@pytest.mark.parametrize("changes", every_kind(), ids=str)
def test_a33_no_page_needs_what_a_strict_policy_forbids(
    settings: Settings, changes: dict[str, Any]
) -> None:
    page = render(make_session(**changes), renew_url="/renew/")

    script = page.one("script")
    assert script.attributes == {
        "type": "module",
        "src": f"{settings.STATIC_URL}redpin/session.js",
    }
    assert script.text == ""
    assert page.all("style") == []
    for element in page.elements:
        assert not any(name == "style" or name.startswith("on") for name in element.attributes)
        assert "javascript:" not in "".join(element.attributes.values())
    sheet = page.one("link").attributes
    assert sheet == {"rel": "stylesheet", "href": f"{settings.STATIC_URL}redpin/session.css"}
    assert finders.find("redpin/session.css")


@pytest.mark.parametrize("changes", every_kind(), ids=str)
def test_every_page_is_a_named_region_that_tells_its_news(changes: dict[str, Any]) -> None:
    page = render(make_session(**changes))

    assert page.one("section").attributes["aria-label"] == "Payment"
    (live,) = (each for each in page.elements if each.attributes.get("role") == "status")
    assert (live.tag, live.text) == ("p", "")  # The script speaks in it; nothing else is there yet.
    assert "data-redpin-live" in live.attributes
    if page.kind != "open":
        assert page.one("h2").text.strip()


@pytest.mark.parametrize("changes", every_kind(), ids=str)
def test_a_page_offers_to_start_again_only_where_that_can_be_done(changes: dict[str, Any]) -> None:
    session = make_session(**changes)

    page = render(session, renew_url="/orders/7/renew/")

    assert len(page.all("form")) == (page.kind in RENEWABLE)
    assert render(session).all("form") == []
