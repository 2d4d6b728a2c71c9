"""Starting again: a form that Django accepts, and that no other site can send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import Context, Engine, RequestContext
from django.test import Client, RequestFactory
from django.urls import path
from pytest_django import Settings

from django_redpin.models import PaymentSession
from django_redpin.services import create_payment_session, renew_payment_session
from tests.redpin_server import FakeRedpin

from .reading import TAG, Element, Page, State, make_session, render

RENEW: Final = "/orders/7/renew/"


def show(request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        render(make_session(state=State.EXPIRED), renew_url=RENEW, request=request).html
    )


def renew(request: HttpRequest) -> HttpResponse:
    return HttpResponse("renewed")


urlpatterns = [path("pay/", show), path("orders/7/renew/", renew)]


def form_of(page: Page) -> tuple[Element, dict[str, str]]:
    fields = {each.attributes["name"]: each.attributes["value"] for each in page.all("input")}
    return page.one("form"), fields


def test_the_form_posts_a_token_that_django_accepts(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    client = Client(enforce_csrf_checks=True)

    form, fields = form_of(Page(client.get("/pay/").content.decode()))

    assert form.attributes == {"method": "post", "action": RENEW, "data-redpin-renew": ""}
    assert client.post(RENEW, fields).content == b"renewed"
    assert client.post(RENEW, {}).status_code == 403


def test_the_button_says_what_it_does() -> None:
    page = render(make_session(state=State.EXPIRED), renew_url=RENEW)

    button = page.one("button")
    assert button.text == "Start again"
    assert button.attributes["type"] == "submit"


def test_the_form_has_its_token_without_the_request_context_processor() -> None:
    """`{% csrf_token %}` in a project's own templates needs no context processor either."""
    engine = Engine(libraries={"redpin": "django_redpin.templatetags.redpin"})
    values = {"session": make_session(state=State.EXPIRED), "renew_url": RENEW}
    context = RequestContext(RequestFactory().get("/"), values)

    _, fields = form_of(Page(engine.from_string(TAG).render(context)))

    assert fields["csrfmiddlewaretoken"]


@pytest.mark.parametrize("changes", [{}, {"state": State.EXPIRED}, {"state": State.CREATING}])
def test_the_tag_works_in_a_template_that_has_no_request(changes: dict[str, Any]) -> None:
    engine = Engine(libraries={"redpin": "django_redpin.templatetags.redpin"})
    context = Context({"session": make_session(**changes), "renew_url": ""})

    assert Page(engine.from_string(TAG).render(context)).one("section")


@pytest.mark.parametrize("address", ['"><script>alert(1)</script>', "/a?b=1&c='2'", "/ü/"])
def test_the_forms_address_stays_an_attribute(address: str) -> None:
    page = render(make_session(state=State.EXPIRED), renew_url=address)

    assert page.one("form").attributes["action"] == address
    assert len(page.all("script")) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["CANCELLED", "REFUNDED"])
def test_what_offers_to_start_again_can_be_renewed(
    redpin: FakeRedpin, arguments: dict[str, Any], settle: Callable[[], None], status: str
) -> None:
    session = create_payment_session(**arguments)
    redpin.pay(session.client_reference_id, status)
    PaymentSession.objects.update(payment_status=status, state=State.CLOSED)
    session.refresh_from_db()
    assert render(session, renew_url=RENEW).all("form")

    renewal = renew_payment_session(session)

    assert renewal.renews == session
    assert render(renewal).kind == "open"


@pytest.mark.django_db
def test_a_page_that_expired_a_moment_ago_does_not_offer_what_is_then_refused(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    """A payment may still be on its way to Redpin for a short while after the page's end."""
    redpin.lifetime = timedelta(seconds=-2)
    session = create_payment_session(**arguments)
    assert session.expires_at is not None
    assert session.expires_at < datetime.now(timezone.utc)

    if render(session, renew_url=RENEW).all("form"):
        assert renew_payment_session(session).renews == session


@pytest.mark.django_db
def test_a_page_that_expired_and_was_renewed_leads_to_its_renewal(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    redpin.lifetime = timedelta(minutes=-5)
    session = create_payment_session(**arguments)
    redpin.lifetime = timedelta(minutes=30)
    assert render(session, renew_url=RENEW).all("form")

    first = renew_payment_session(session)
    session.refresh_from_db()
    assert session.state == State.SUPERSEDED
    page = render(session, renew_url=RENEW)
    assert page.kind == "open"  # Whoever comes back to the old page sees the new one.
    assert first.session_url in page.html
    assert renew_payment_session(session) == first
