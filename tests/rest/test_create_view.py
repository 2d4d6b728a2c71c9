"""An app has a session created, and gets the address of its page, once or again."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.versioning import AcceptHeaderVersioning

from django_redpin.embed.serializers import PaymentSessionSerializer
from django_redpin.models import PaymentSession
from tests.redpin_server import FakeRedpin, Handler

from . import shop
from .shop import PAY

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("order")]
State = PaymentSession.State

HOSTILE: Final = {
    "amount": {"value": "0.01", "currency": "AED"},
    "currency": "JPY",
    "recipients": [{"recipient": 1, "amount": "0.01"}],
    "recipient_details": [],
    "state": "closed",
    "status": "PAYMENT_COMPLETED",
    "payment_status": "PAYMENT_COMPLETED",
    "payer": 1,
    "payer_id": 1,
    "account": "gulf",
    "idempotency_key": "another",
    "client_reference_id": "chosen-by-the-payer",
    "client_customer_ref": "somebody-else",
    "session_url": "https://evil.test/",
    "callbacks": ["https://evil.test/"],
    "allowed_origins": ["https://evil.test"],
    "metadata": {"order": 8},
    "due_date": "2099-01-01",
    "defer": True,
    "number": 8,
    "return_url": "https://evil.test/",
    "next": "//evil.test/",
}


def test_a_new_session_is_201_with_what_an_app_needs(
    redpin: FakeRedpin, app: Client, payer: User
) -> None:
    response = app.post(PAY)

    session = PaymentSession.objects.get()
    told = response.json()
    assert (response.status_code, response["Content-Type"]) == (201, "application/json")
    assert told["session_url"] == session.session_url != ""
    assert (told["view"], told["amount"], told["detail"]) == ("open", "250000.00", "")
    assert app.get(told["status_url"]).json() == dict(PaymentSessionSerializer(session).data)
    assert set(told) == {*PaymentSessionSerializer().fields, "session_url", "status_url", "detail"}
    assert session.payer == payer
    assert response["Cache-Control"] == "no-store"


def test_the_same_order_again_is_200_and_the_same_session(redpin: FakeRedpin, app: Client) -> None:
    first, again = app.post(PAY), app.post(PAY)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["session_url"] == first.json()["session_url"]
    assert len(redpin.creates) == PaymentSession.objects.count() == 1


@pytest.mark.parametrize("kind", ["json", "form", "query", "garbage"])
def test_e25_nothing_of_a_request_says_what_is_paid(
    redpin: FakeRedpin, app: Client, payer: User, kind: str
) -> None:
    response = {
        "json": lambda: app.post(PAY, json.dumps(HOSTILE), content_type="application/json"),
        "form": lambda: app.post(PAY, {name: str(value) for name, value in HOSTILE.items()}),
        "query": lambda: app.post(PAY, query_params={n: str(v) for n, v in HOSTILE.items()}),
        "garbage": lambda: app.post(PAY, b"\xff{", content_type="application/xml"),
    }[kind]()

    assert response.status_code == 201
    session = PaymentSession.objects.get()
    assert (session.amount, session.currency) == (Decimal(250000), "AED")
    assert {share.recipient.name for share in session.shares.all()} == {"Escrow", "Agent"}
    assert (session.state, session.payment_status) == (State.OPEN, "")
    assert (session.payer, session.account, session.idempotency_key) == (
        payer,
        "default",
        "order-7",
    )
    assert (session.allowed_origins, session.callbacks, session.metadata) == ([], [], {})
    assert session.client_customer_ref == "CUST_001"
    assert session.session_url.startswith(redpin.url)
    assert "evil" not in response.content.decode() + str(response.headers)


def test_e21_no_parameter_leads_anywhere_else(redpin: FakeRedpin, app: Client) -> None:
    response = app.post(f"{PAY}?next=//evil.test&return_url=https://evil.test&redirect=evil")

    assert response.status_code == 201
    assert "Location" not in response
    assert "evil" not in response.content.decode()


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://evil.test/pay/",
        "https://localhost/admin/",
        "//pay.redpin.test/",
    ],
)
def test_e20_an_address_that_is_not_redpins_is_never_given_out(
    redpin: FakeRedpin, app: Client, url: str
) -> None:
    def lead_astray(handler: Handler) -> None:
        record = redpin.store(handler.call.json, "0201001008132685")
        handler.json(201, {**redpin.created(record), "session_url": url})

    redpin.create_script.append(lead_astray)

    for response in (app.post(PAY), app.post(PAY)):
        assert response.status_code in (200, 201, 202)
        assert response.json()["session_url"] is None
        assert url not in response.content.decode()


def test_e20_nor_is_one_that_got_into_the_row(redpin: FakeRedpin, app: Client) -> None:
    app.post(PAY)
    PaymentSession.objects.update(session_url="https://169.254.169.254/")

    told = app.post(PAY).json()

    assert (told["session_url"], told["view"]) == (None, "attention")


@pytest.mark.parametrize(
    "changes",
    [
        {"payment_status": "PAYMENT_COMPLETED", "state": State.CLOSED},
        {"review_reason": "canary"},
        {"expires_at": datetime(2026, 1, 1, tzinfo=timezone.utc)},
        {"state": State.EXPIRED},
    ],
    ids=str,
)
def test_a36_the_page_is_given_only_while_it_can_be_paid_on(
    redpin: FakeRedpin, app: Client, changes: dict[str, Any]
) -> None:
    url = app.post(PAY).json()["session_url"]
    PaymentSession.objects.update(**changes)

    response = app.post(PAY)

    assert (response.status_code, response.json()["session_url"]) == (200, None)
    assert url not in response.content.decode()
    assert "canary" not in response.content.decode()


@pytest.mark.parametrize("who", ["anonymous", "another user", "staff"])
def test_e24_nobody_elses_order_is_paid_or_seen(
    redpin: FakeRedpin, app: Client, client: Client, who: str
) -> None:
    app.post(PAY)
    stranger = Client()
    if who != "anonymous":
        user = User.objects.create_user("other", is_staff=who == "staff")
        stranger.force_login(user)

    response, unknown = stranger.post(PAY), stranger.post(PAY.replace("7", "8"))

    assert response.status_code == (403 if who == "anonymous" else 404)
    assert response.content == unknown.content
    assert "pay/" not in response.content.decode()


def test_e24_an_override_that_forgets_whose_order_it_is_gives_no_page_away(
    redpin: FakeRedpin, app: Client, caplog: pytest.LogCaptureFixture
) -> None:
    page = app.post(PAY).json()["session_url"]
    stranger = Client()
    stranger.force_login(User.objects.create_user("other"))

    response = stranger.post("/anybodys/7/")

    assert response.status_code == 409
    assert response.json()["code"] == "IdempotencyConflict"
    assert response.json()["status_url"] is None
    assert page not in response.content.decode() + caplog.text
    assert app.post("/anybodys/7/").json()["session_url"] == page


def test_e24_nor_the_status_while_the_session_is_not_there_yet(
    redpin: FakeRedpin, app: Client
) -> None:
    def fail(handler: Handler) -> None:
        handler.raw(500, b"{}")

    redpin.create_script.extend([fail] * 20)
    assert app.post(PAY).status_code == 202
    stranger = Client()
    stranger.force_login(User.objects.create_user("other"))

    response = stranger.post("/anybodys/7/")

    assert (response.status_code, response.json()["status_url"]) == (409, None)


def test_a_session_without_a_payer_is_shared_by_whoever_has_its_order(
    redpin: FakeRedpin, app: Client, order: dict[str, Any]
) -> None:
    """A guest pays, logs in, and goes on."""
    order["payer"] = None
    first = app.post(PAY).json()
    del order["payer"]

    again = app.post(PAY)

    assert (again.status_code, again.json()["session_url"]) == (200, first["session_url"])


def test_another_payer_can_be_named(redpin: FakeRedpin, app: Client, order: dict[str, Any]) -> None:
    other = User.objects.create_user("other")
    order["payer"] = other

    assert [app.post(PAY).status_code for _ in range(2)] == [201, 200]
    assert PaymentSession.objects.get().payer == other


def test_what_is_deferred_is_202_and_the_app_asks_on(
    redpin: FakeRedpin, app: Client, order: dict[str, Any], settings: Settings
) -> None:
    order["defer"] = True

    response = app.post(PAY)

    told = response.json()
    assert (response.status_code, told["view"], told["session_url"]) == (202, "preparing", None)
    assert app.get(told["status_url"]).json()["view"] == "preparing"
    del order["defer"]
    again = app.post(PAY)
    assert (again.status_code, again.json()["view"]) == (200, "open")


@pytest.mark.django_db(transaction=True)
def test_a_transaction_for_each_request_does_no_harm(redpin: FakeRedpin, app: Client) -> None:
    settings = connections["default"].settings_dict
    settings["ATOMIC_REQUESTS"] = True
    try:
        assert app.post(PAY).status_code == 201
    finally:
        settings["ATOMIC_REQUESTS"] = False


def test_it_stands_under_a_login_and_csrf(
    redpin: FakeRedpin, payer: User, settings: Settings
) -> None:
    login = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, login]
    browser = Client(enforce_csrf_checks=True)
    assert browser.post(PAY).status_code == 403
    browser.force_login(payer)

    assert browser.post(PAY).status_code == 403  # Another site's form, with the payer's cookies.
    browser.cookies["csrftoken"] = "a" * 32
    assert browser.post(PAY, headers={"X-CSRFToken": "a" * 32}).status_code == 201


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_a37_to_get_it_changes_nothing(redpin: FakeRedpin, app: Client, method: str) -> None:
    response = getattr(app, method)(PAY)

    assert (response.status_code, response["Content-Type"]) == (405, "application/json")
    assert response["Cache-Control"] == "no-store"
    assert not PaymentSession.objects.exists()


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense"])
def test_it_answers_in_json_whatever_is_asked_for(
    redpin: FakeRedpin, app: Client, accept: str
) -> None:
    response = app.post(PAY, headers={"Accept": accept})

    assert (response.status_code, response["Content-Type"]) == (201, "application/json")


@pytest.mark.parametrize(
    ("accept", "status", "version"),
    [
        ("application/json; version=2.0", 201, "2.0"),
        ("text/html, application/json; version=2.0; q=0.1", 201, "2.0"),
        ("application/json; version=3.0", 406, None),
        ("application/json", 406, None),
        ("text/html; version=2.0", 406, None),
    ],
)
def test_a_project_may_have_its_versions_in_the_accept_header(
    redpin: FakeRedpin, payer: User, accept: str, status: int, version: str | None
) -> None:
    seen: list[str] = []

    class TwoPointOh(AcceptHeaderVersioning):
        allowed_versions = ("2.0",)

    class Versioned(shop.Pay):
        versioning_class = TwoPointOh

        def get_session_arguments(self, request: Any, **kwargs: Any) -> Any:
            seen.append(request.version)
            return super().get_session_arguments(request, **kwargs)

    request = APIRequestFactory().post("/", headers={"Accept": accept})
    force_authenticate(request, payer)
    response = Versioned.as_view()(request, number=7).render()

    assert response.status_code == status
    assert seen == ([version] if version else [])
    assert response["Content-Type"] == "application/json"


def test_an_override_may_read_the_body(redpin: FakeRedpin, app: Client, payer: User) -> None:
    """A due date that the payer has chosen, say, which the override checks."""

    class Chosen(shop.Pay):
        def get_session_arguments(self, request: Any, **kwargs: Any) -> Any:
            days = int(request.data["days"])
            due = datetime.now(timezone.utc).date() + timedelta(days=days)
            return {**super().get_session_arguments(request, **kwargs), "due_date": due}

    request = APIRequestFactory().post("/", {"days": 12}, format="json")
    force_authenticate(request, payer)
    response = Chosen.as_view()(request, number=7)

    assert response.status_code == 201
    assert PaymentSession.objects.get().due_date > datetime.now(timezone.utc).date()


@pytest.mark.parametrize("arguments", [None, [], "order"], ids=repr)
def test_an_override_that_returns_no_arguments_is_told_so_in_the_log(
    redpin: FakeRedpin,
    app: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    arguments: Any,
) -> None:
    """One without a `return`, say."""
    monkeypatch.setattr(shop.Pay, "get_session_arguments", lambda *args, **kwargs: arguments)

    response = app.post(PAY)

    assert (response.status_code, response.json()["code"]) == (500, "ConfigurationError")
    assert "get_session_arguments() of Pay has to return a dict" in caplog.text
