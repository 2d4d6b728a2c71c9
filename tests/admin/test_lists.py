"""The lists: what a row shows, and pages that go by keys and count nothing."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_redpin.admin import badges
from django_redpin.admin.sessions import PaymentSessionAdmin
from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from django_redpin.rules.statuses import RANKS

from .world import MODELS, Row, World, make_event, make_session, page


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PaymentSessionAdmin, "list_per_page", 3)


def listed(client: Client, query: str = "", model: type[Row] = PaymentSession) -> list[Any]:
    """Return the keys of the listed rows, as they are listed."""
    response = client.get(page(model) + query)
    assert response.status_code == 200
    return [row.pk for row in response.context["cl"].result_list]


def link(client: Client, query: str, text: str) -> str | None:
    """Return where the link with this text below the list leads, or None."""
    html = client.get(page(PaymentSession) + query).content.decode()
    pages = re.search(r'<nav class="paginator redpin-pages".*?</nav>', html, re.DOTALL)
    assert pages
    found = re.search(rf'<a href="([^"]*)"[^>]*>(?:&larr; )?{text}', pages[0])
    return unescape(found[1]) if found else None


def walk(client: Client, query: str, text: str) -> list[list[Any]]:
    """Return the keys of each page, from this one on, for as long as the link is there."""
    found = [listed(client, query)]
    while following := link(client, query, text):
        query = following
        found.append(listed(client, query))
    return found


def test_a_row_shows_states_as_badges_and_who_pays(admin_client: Client, escrow: Recipient) -> None:
    payer = User.objects.create_user("amal", first_name="Amal", last_name="Haddad")
    state, status = PaymentSession.State.OPEN, "BOUNCED_BACK"
    make_session(1, escrow, payer=payer, state=state, payment_status=status, review_reason="Odd.")

    html = admin_client.get(page(PaymentSession)).content.decode()

    assert '<span class="redpin-badge redpin-badge--good">open</span>' in html
    assert '<span class="redpin-badge redpin-badge--bad">BOUNCED_BACK</span>' in html
    assert '<span class="redpin-badge redpin-badge--bad">needs review</span>' in html
    assert 'Amal Haddad<small class="redpin-detail">CUST_1</small>' in html
    assert "redpin/admin.css" in html


@pytest.mark.parametrize(
    ("language", "amount"), [("en", "AED\xa0250,000.00"), ("de", "250.000,00\xa0AED")]
)
def test_amounts_are_written_as_the_reader_writes_them(
    admin_client: Client, escrow: Recipient, language: str, amount: str, settings: Any
) -> None:
    settings.LANGUAGE_CODE = language
    make_session(1, escrow)

    assert amount in admin_client.get(page(PaymentSession)).content.decode()


def test_the_hosted_pages_address_is_not_even_read_for_a_list(
    admin_client: Client, world: World
) -> None:
    with CaptureQueriesContext(connection) as captured:
        admin_client.get(page(PaymentSession))

    assert not any("session_url" in query["sql"] for query in captured)


def test_every_state_and_outcome_has_a_tone_and_what_nobody_knows_is_plain() -> None:
    assert set(badges.STATE_TONES) == set(PaymentSession.State)
    assert set(badges.PAYMENT_STATUS_TONES) == set(RANKS)
    assert set(badges.EVENT_TONES) == set(WebhookEvent.Outcome)
    assert set(badges.DISPATCH_TONES) == set(StatusTransition.Outcome)
    assert "redpin-badge--plain" in badges.payment_status_badge("ON_HOLD")
    assert badges.payment_status_badge("") == "-"
    assert badges.badge("<b>", "good").endswith(">&lt;b&gt;</span>")


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("query", ["", "?state__in=open,closed", "?o=created"])
def test_one_can_walk_to_the_end_and_back_and_meets_each_row_once(
    admin_client: Client, escrow: Recipient, query: str
) -> None:
    sessions = [make_session(number, escrow, state="open").pk for number in range(8)]
    columns = admin_client.get(page(PaymentSession)).context["cl"].list_display
    query = query.replace("created", str(columns.index("shown_created")))
    rises = "o=" in query
    forwards = walk(admin_client, query, "Newer" if rises else "Older")
    last = f"?p=after.{forwards[-2][-1]}&{query[1:]}"
    backwards = walk(admin_client, last, "Older" if rises else "Newer")

    assert sum(forwards, []) == sorted(sessions, reverse=not rises)  # noqa: RUF017
    assert [len(keys) for keys in forwards] == [3, 3, 2]
    assert backwards == forwards[::-1]


@pytest.mark.usefixtures("small_pages")
def test_a_page_keeps_the_filter_and_a_filter_begins_at_the_first_page(
    admin_client: Client, escrow: Recipient
) -> None:
    for number in range(8):
        make_session(number, escrow, state="open")

    older = link(admin_client, "?state__in=open", "Older")
    assert older is not None
    assert "state__in=open" in older
    html = admin_client.get(page(PaymentSession) + older).content.decode()

    filters = set(re.findall(r'href="(\?[^"]*state__in=open%2Cclosed[^"]*)"', html))
    assert len(filters) == 1
    assert "p=" not in filters.pop()
    assert 'name="p"' not in html
    assert '<input type="hidden" name="state__in" value="open">' in html


def test_a_page_that_is_beyond_the_end_says_so_and_leads_back(
    admin_client: Client, escrow: Recipient
) -> None:
    session = make_session(1, escrow)

    html = admin_client.get(f"{page(PaymentSession)}?p=after.{session.pk}").content.decode()

    assert "Nothing here." in html
    assert link(admin_client, f"?p=after.{session.pk}", "Newest") == "?"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("query", ["", "?q=order-3", "?all=", "?_facets=True", "?p=after.4"])
def test_nothing_is_counted(
    admin_client: Client, world: World, model: type[Row], query: str
) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert admin_client.get(page(model) + query).status_code == 200

    assert not any("COUNT(" in query["sql"].upper() for query in captured)


@pytest.mark.heavy
@pytest.mark.parametrize("model", MODELS)
def test_a_list_asks_as_many_queries_for_a_hundred_rows_as_for_25(
    admin_client: Client, escrow: Recipient, model: type[Row]
) -> None:
    def grow(numbers: range) -> None:
        for number in numbers:
            payer = User.objects.create(username=f"payer-{number}")
            payee = Recipient.objects.create(name=f"Payee {number}", currency="AED")
            make_session(number, payee, payer=payer)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert len(listed(admin_client, model=model)) >= rows
        return len(captured)

    rows = 25
    grow(range(rows))
    few = queries()
    rows = 100
    grow(range(25, rows))

    assert queries() == few


def test_an_action_takes_what_is_ticked_and_never_all_there_is(
    admin_client: Client, escrow: Recipient
) -> None:
    events = [make_event(number, outcome="dead") for number in range(3)]
    form = {
        "action": "redrive",
        "select_across": "1",
        "index": "0",
        ACTION_CHECKBOX_NAME: [events[0].pk],
    }

    with CaptureQueriesContext(connection) as captured:
        html = admin_client.post(page(WebhookEvent), form).content.decode()

    assert f'name="rows" value="{events[0].pk}"' in html
    counts = [query["sql"] for query in captured if "COUNT(" in query["sql"].upper()]
    assert all(f'"id" IN ({events[0].pk})' in sql.replace("`", '"') for sql in counts)


def test_no_list_offers_to_select_more_than_it_shows(
    admin_client: Client, escrow: Recipient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_redpin.admin import WebhookEventAdmin

    monkeypatch.setattr(WebhookEventAdmin, "list_per_page", 2)
    for number in range(5):
        make_event(number, outcome="dead")

    html = admin_client.get(page(WebhookEvent)).content.decode()

    assert "0 of 2 selected" in html
    assert "Select all" not in html.replace("Select all objects on this page", "")
