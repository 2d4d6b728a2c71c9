"""An app starts a payment again whose page expired."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory, force_authenticate

from django_redpin.models import PaymentSession
from django_redpin.rest import PaymentSessionRenewView
from tests.redpin_server import FakeRedpin

from .shop import PAY, RENEW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("order")]


@pytest.fixture
def expired(redpin: FakeRedpin, app: Client) -> dict[str, Any]:
    """What the app was told of a session whose page is over."""
    redpin.lifetime = timedelta(minutes=-5)
    told: dict[str, Any] = app.post(PAY).json()
    redpin.lifetime = timedelta(minutes=30)
    assert (told["view"], told["session_url"]) == ("expired", None)
    return told


def renew(client: Client, reference: str) -> Any:
    return client.post(RENEW.format(reference=reference))


def test_an_expired_session_is_replaced_once_however_often_it_is_asked(
    redpin: FakeRedpin, app: Client, expired: dict[str, Any]
) -> None:
    first, again = (renew(app, expired["reference"]) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["view"] == "open"
    assert first.json()["session_url"] == again.json()["session_url"] != ""
    assert first["Cache-Control"] == "no-store"
    assert PaymentSession.objects.count() == len(redpin.creates) == 2
    old = app.get(expired["status_url"]).json()
    assert (old["replaced"], old["reference"]) == (True, first.json()["reference"])
    # The order's key stands for the new session by now.
    assert app.post(PAY).json()["reference"] == first.json()["reference"]


def test_a_page_that_can_still_be_paid_is_not(redpin: FakeRedpin, app: Client) -> None:
    told = app.post(PAY).json()

    response = renew(app, told["reference"])

    assert (response.status_code, response.json()["code"]) == (409, "PaymentUnderWay")
    assert response.json()["money_may_have_moved"] is True
    assert app.get(response.json()["status_url"]).json()["view"] == "open"
    assert PaymentSession.objects.count() == 1


def test_e24_nobody_elses_session_is_renewed(app: Client, expired: dict[str, Any]) -> None:
    stranger = Client()
    stranger.force_login(User.objects.create_user("other"))

    response, unknown = renew(stranger, expired["reference"]), renew(stranger, "none")

    assert (response.status_code, response.content) == (404, unknown.content)
    assert PaymentSession.objects.count() == 1
    assert renew(Client(), expired["reference"]).status_code == 403


def test_an_order_that_has_no_session_yet_has_none_to_renew(
    redpin: FakeRedpin, payer: User
) -> None:
    response = answer_to(payer, {"session": None})

    assert (response.status_code, set(response.data)) == (404, {"detail"})
    assert redpin.calls == []


@pytest.mark.parametrize("arguments", [{}, None, [], "session", {"session": 7}], ids=repr)
def test_an_override_that_names_no_session_is_told_so_in_the_log(
    redpin: FakeRedpin, payer: User, arguments: Any, caplog: pytest.LogCaptureFixture
) -> None:
    response = answer_to(payer, arguments)

    assert (response.status_code, response.data["code"]) == (500, "ConfigurationError")
    assert "get_session_arguments() of Renewal has to return" in caplog.text


def answer_to(payer: User, arguments: Any) -> Any:
    class Renewal(PaymentSessionRenewView):
        def get_session_arguments(self, request: Request, **kwargs: Any) -> Any:
            return arguments

    request = APIRequestFactory().post("/")
    force_authenticate(request, payer)
    return Renewal.as_view()(request)
