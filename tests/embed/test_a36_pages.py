"""Pages that carry the address of a session: who may keep them, and when they carry it no more."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import Any, Final

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import cache_control, cache_page
from pytest_django import Settings

from django_redpin.decorators import payment_page
from django_redpin.embed.options import MODES
from django_redpin.models import PaymentSession
from django_redpin.rules.statuses import FINAL

from .reading import URL, State, make_session, render

HEADERS: Final = {
    "Cache-Control": "no-store, private",
    "X-Robots-Tag": "noindex",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
served: list[str] = []


@payment_page
def plain(request: HttpRequest) -> HttpResponse:
    """Show it."""
    served.append(request.path)
    return HttpResponse("page")


@payment_page
async def asynchronous(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(0)
    return HttpResponse("page")


@method_decorator(payment_page, name="dispatch")
class ClassBased(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("page")


@method_decorator(payment_page, name="dispatch")
class AsyncClassBased(View):
    async def get(self, request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(0)
        return HttpResponse("page")


urlpatterns = [
    path("plain/", plain),
    path("async-class/", AsyncClassBased.as_view()),
    path("async-class-as-function/", payment_page(AsyncClassBased.as_view())),
    path("async/", asynchronous),
    path("class/", ClassBased.as_view()),
    path("public/", payment_page(cache_control(public=True, max_age=600)(plain))),
    path("cached/", cache_page(600)(plain)),
    path("redpin/", include("django_redpin.urls")),
]


@pytest.fixture(autouse=True)
def _urls(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    served.clear()


ADDRESSES: Final = [
    *("/plain/", "/async/", "/class/", "/public/", "/async-class/", "/async-class-as-function/"),
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a36_a_decorated_page_is_kept_by_nobody_and_tells_its_origin_alone(address: str) -> None:
    response = Client().get(address)

    assert response.content == b"page"
    assert {name: response[name] for name in HEADERS} == HEADERS


async def _get(address: str) -> HttpResponse:
    return await AsyncClient().get(address)  # type: ignore[return-value]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a36_so_it_is_where_django_runs_asynchronously(address: str) -> None:
    response = asyncio.run(_get(address))

    assert {name: response[name] for name in HEADERS} == HEADERS


def test_a36_djangos_own_cache_keeps_no_such_page() -> None:
    for _ in range(2):
        Client().get("/cached/")

    assert len(served) == 2


def test_a_decorated_view_stays_what_it_is() -> None:
    assert (plain.__name__, plain.__doc__) == ("plain", "Show it.")
    assert asyncio.iscoroutinefunction(asynchronous)


def ended() -> list[dict[str, Any]]:
    past = datetime(2026, 1, 1, tzinfo=timezone.utc)
    return [
        *({"state": state} for state in State if state != State.OPEN),
        *({"payment_status": status} for status in sorted(FINAL)),
        *({"payment_status": status, "state": State.CLOSED} for status in sorted(FINAL)),
        {"expires_at": past},
        {"expires_at": past, "payment_status": "PROCESSING"},
        {"review_reason": "Redpin says otherwise"},
    ]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("changes", ended(), ids=str)
def test_a36_where_nobody_can_pay_any_more_the_address_is_in_no_page(
    changes: dict[str, Any], mode: str
) -> None:
    """Even where the row still has it, as between its end and the sweep that wipes it."""
    page = render(make_session(**changes), mode=mode, renew_url="/renew/", theme="dark")

    assert page.kind != "open"
    assert URL not in page.html
    assert "pay.redpin.test" not in page.html


@pytest.mark.parametrize("mode", MODES)
def test_a36_the_address_is_in_no_attribute_that_a_script_would_report(mode: str) -> None:
    page = render(make_session(), mode=mode)

    held = {
        (each.tag, name)
        for each in page.elements
        for name, value in each.attributes.items()
        if URL in value
    }
    assert held == ({("iframe", "src"), ("a", "href")} if mode == "iframe" else {("a", "href")})


@pytest.mark.django_db
def test_a36_no_address_in_the_page_has_anything_in_its_query() -> None:
    session = make_session()
    session.save()

    page = render(session, renew_url="/renew/")

    status = page.one("section").attributes["data-redpin-status-url"]
    assert status.startswith("/redpin/sessions/")
    assert "?" not in status
    assert PaymentSession.objects.get().session_url == URL  # Showing it changed nothing.
