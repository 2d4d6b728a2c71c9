"""Every page of the admin answers, whatever the rows hold, and shows nothing that it must not."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.text import capfirst

from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent

from .world import (
    HOSTILE,
    IBAN,
    MODELS,
    REDPINS,
    Row,
    World,
    make_event,
    make_session,
    make_transition,
    may,
    page,
)


class Links(HTMLParser):
    """The addresses and texts of a page's links, its scripts, and its handlers."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.handlers: list[str] = []
        self.scripts: list[str] = []
        self._tag = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag == "a":
            self.found.append((dict(attrs).get("href") or "", ""))

    def handle_endtag(self, tag: str) -> None:
        self._tag = ""

    def handle_data(self, data: str) -> None:
        if self._tag == "script":
            self.scripts.append(data)
        if self._tag == "a":
            address, text = self.found[-1]
            self.found[-1] = (address, text + data)


def html_of(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return response.content.decode()


@pytest.mark.heavy
def test_every_page_answers_without_a_secret_and_without_foreign_markup(
    admin_client: Client, world: World
) -> None:
    assert "canary-session-url" in world.hostile.session_url

    for address in world.pages():
        html = html_of(admin_client, address)
        links = Links(html)
        assert "canary-session-url" not in html, address
        assert IBAN[:-4] not in html, address
        assert "<script>alert" not in html, address
        assert "<img src=x" not in html, address
        assert links.handlers == [], address
        assert not any("canary" in script for script in links.scripts), address


@pytest.mark.heavy
def test_every_filter_of_every_list_answers(admin_client: Client, world: World) -> None:
    for model in MODELS:
        html = html_of(admin_client, page(model))
        filters = {address for address, _ in Links(html).found if address.startswith("?")}
        assert len(filters) > 2
        for address in filters:
            html_of(admin_client, page(model) + address)


SEARCHES: Final[list[tuple[type[Row], str, int]]] = [
    *((PaymentSession, term, 1) for term in ("order-3", "session-3", "payment-3", "CUST_3")),
    (PaymentSession, "key-3", 1),
    (PaymentSession, "order-", 0),
    *((WebhookEvent, term, 1) for term in ("order-3", "event-3", "payment-3")),
    (StatusTransition, "order-3", 4),
    (Recipient, "onerror", 1),
    (Recipient, "nobody", 0),
    *((model, HOSTILE, 0 if model is StatusTransition else 1) for model in MODELS),
]


def test_search_finds_exactly_what_was_asked_for(admin_client: Client, world: World) -> None:
    for model, term, found in SEARCHES:
        response = admin_client.get(page(model), {"q": term})
        assert response.status_code == 200
        assert response.context["cl"].result_count == found, (model, term)
        assert "<script>alert" not in response.content.decode()


def test_a_sessions_page_shows_its_parts_and_its_history(
    admin_client: Client, world: World
) -> None:
    session = PaymentSession.objects.get(client_reference_id="order-5")
    html = html_of(admin_client, page(PaymentSession, "change", session.pk))

    event = session.events.get()
    assert re.search(r"AED\s?250,?000\.00", html)
    assert "UNIT-1204" in html
    assert html.count("PROPERTY_PURCHASE") == 1
    for row in (event, world.recipient):
        assert page(type(row), "change", row.pk) in html
    for subject in StatusTransition.Subject:
        assert capfirst(str(subject.label)) in html


def test_a_renewal_and_what_it_replaces_lead_to_each_other(
    admin_client: Client, world: World
) -> None:
    old, new = world.hostile.renews, world.hostile
    assert old is not None

    assert page(PaymentSession, "change", new.pk) in html_of(
        admin_client, page(PaymentSession, "change", old.pk)
    )
    assert page(PaymentSession, "change", old.pk) in html_of(
        admin_client, page(PaymentSession, "change", new.pk)
    )


def test_a_body_that_is_no_utf_8_is_shown_as_far_as_it_can_be_read(
    admin_client: Client, world: World
) -> None:
    html = html_of(admin_client, page(WebhookEvent, "change", world.stray.pk))

    assert "&lt;script&gt;alert(&#x27;canary&#x27;)&lt;/script&gt;" in html
    assert "\N{REPLACEMENT CHARACTER}" in html


@pytest.mark.parametrize("body", [b"", b"\x00", b"\xff" * 9, b"[" * 60_000, "ü".encode("utf-16")])
def test_any_body_can_be_shown(admin_client: Client, body: bytes) -> None:
    event = make_event(1, body=body)

    html_of(admin_client, page(WebhookEvent, "change", event.pk))


def test_an_event_that_names_nothing_can_still_be_clicked(
    admin_client: Client, world: World
) -> None:
    blank = make_event(9000, event_type="", status="", event_id="", session=world.hostile)
    review = StatusTransition.Subject.REVIEW
    transition = make_transition(world.hostile, review, event=blank)

    html = html_of(admin_client, page(StatusTransition, "change", transition.pk))

    texts = dict(Links(html).found)
    assert texts[page(WebhookEvent, "change", blank.pk)].strip()


@pytest.mark.parametrize("model", MODELS)
def test_a_list_asks_as_many_queries_for_thirty_rows_as_for_three(
    admin_client: Client, escrow: Recipient, model: type[Row]
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            html_of(admin_client, page(model))
        return len(captured)

    def grow(numbers: range) -> None:
        for number in numbers:
            payee = Recipient.objects.create(name=f"Payee {number}", currency="AED")
            make_session(number, payee, payer=User.objects.get(username="admin"))

    grow(range(3))
    few = queries()
    grow(range(3, 30))

    assert model._default_manager.count() >= 30
    assert queries() == few


def test_a_sessions_page_asks_as_many_queries_for_a_long_history(
    admin_client: Client, escrow: Recipient
) -> None:
    session = make_session(1, escrow)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            html_of(admin_client, page(PaymentSession, "change", session.pk))
        return len(captured)

    queries()  # Django looks content types up once.
    few = queries()
    share = session.shares.get()
    for number in range(2, 12):
        event = make_event(number, session=session)
        make_transition(session, StatusTransition.Subject.PAYOUT, event=event, share=share)

    assert queries() == few


@pytest.mark.parametrize("model", REDPINS)
def test_staff_see_what_they_may_and_no_more(
    client: Client, escrow: Recipient, model: type[Row]
) -> None:
    make_session(1, escrow)
    person = User.objects.create_user("clerk", password="x", is_staff=True)
    client.force_login(person)
    pk = model._default_manager.values_list("pk", flat=True)[0]
    addresses = [page(model), page(model, "change", pk)]
    assert [client.get(address).status_code for address in addresses] == [403, 403]

    person.user_permissions.add(may(f"view_{model._meta.model_name}"))
    assert [client.get(address).status_code for address in addresses] == [200, 200]


def test_a_stranger_is_asked_to_sign_in(client: Client, world: World) -> None:
    for address in world.pages():
        response = client.get(address)
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("admin:login"))
