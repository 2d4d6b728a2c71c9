"""The function behind the tag, in Jinja2's templates, by Django's own backend for them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import Client, RequestFactory
from django.urls import path
from jinja2 import Environment
from pytest_django import Settings

from django_redpin.embed import payment_session_html

from .reading import URL, Page, State, make_session

SHOWN = (
    "<main>{{ payment_session_html(session, request=request, renew_url='/renew/', height=720,"
    " title='Pay & go') }}</main>"
)


def environment(**options: Any) -> Environment:
    """What docs/hosted-page.md shows."""
    env = Environment(**options)  # noqa: S701  Django's backend turns autoescape on.
    env.globals["payment_session_html"] = payment_session_html
    return env


def show(request: HttpRequest) -> HttpResponse:
    template = engines["jinja2"].from_string(SHOWN)
    return HttpResponse(template.render({"session": make_session(state=State.EXPIRED)}, request))


def renew(request: HttpRequest) -> HttpResponse:
    return HttpResponse("renewed")


urlpatterns = [path("pay/", show), path("renew/", renew)]


@pytest.fixture(autouse=True)
def _jinja(settings: Settings) -> None:
    jinja = {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "OPTIONS": {"environment": f"{__name__}.environment"},
    }
    settings.TEMPLATES = [jinja, *copy.deepcopy(settings.TEMPLATES)]
    settings.ROOT_URLCONF = __name__


def test_the_frame_is_markup_and_its_options_are_escaped() -> None:
    template = engines["jinja2"].from_string(SHOWN)

    html = template.render({"session": make_session()}, RequestFactory().get("/"))

    frame = Page(html).one("iframe").attributes
    assert html.startswith("<main><link ")
    assert (frame["src"], frame["height"], frame["title"]) == (URL, "720", "Pay & go")


def test_the_form_posts_a_token_that_django_accepts() -> None:
    client = Client(enforce_csrf_checks=True)

    page = Page(client.get("/pay/").content.decode())

    fields = {each.attributes["name"]: each.attributes["value"] for each in page.all("input")}
    assert page.one("form").attributes["action"] == "/renew/"
    assert client.post("/renew/", fields).content == b"renewed"
    assert client.post("/renew/", {}).status_code == 403
