"""How a session stands, told at its signed address."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core import signing
from django.core.cache import cache
from django.db import connection, connections
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from rest_framework.renderers import JSONRenderer
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from django_redpin.checks import check_settings
from django_redpin.embed import status_url
from django_redpin.embed.serializers import PaymentSessionSerializer
from django_redpin.embed.status import _StatusView
from django_redpin.embed.tokens import read_token
from django_redpin.embed.view_names import VIEWS, view_of
from django_redpin.models import PaymentSession, StatusTransition

from .reading import URL, State, make_session

pytestmark = pytest.mark.django_db

urlpatterns: list[object] = []  # A project that forgot to include the package's URLs.
SECRETS: Final = {
    "review_reason": "canary-review",
    "client_customer_ref": "canary-payer",
    "customer_id": "canary-customer",
    "idempotency_key": "canary-key",
    "session_id": "canary-session-id",
    "payment_id": "canary-payment-id",
    "last_error": "canary-error",
    "metadata": {"canary": "canary-metadata"},
    "callbacks": ["https://canary.test/hook"],
    "purpose_of_transaction": "canary-purpose",
}


@pytest.fixture
def session() -> PaymentSession:
    return stored()


def stored(**changes: Any) -> PaymentSession:
    session = make_session(**changes)
    session.save()
    return session


def test_the_signed_address_tells_how_the_session_stands(
    session: PaymentSession, client: Client
) -> None:
    with CaptureQueriesContext(connection) as captured:
        response = client.get(status_url(session))

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response.json() == {
        "reference": "order-7",
        "view": "open",
        "state": "open",
        "payment_status": "",
        "is_final": False,
        "amount": "250000.00",
        "currency": "AED",
        "due_date": "2026-12-24",
        "expires_at": f"{session.expires_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "replaced": False,
    }
    assert len(captured) == 1


@pytest.mark.parametrize(
    ("changes", "view", "is_final"),
    [
        ({"state": State.CREATING}, "preparing", False),
        ({"state": State.REJECTED}, "attention", True),
        ({"state": State.EXPIRED}, "expired", False),
        ({"payment_status": "PROCESSING"}, "open", False),
        ({"payment_status": "PAYMENT_COMPLETED", "state": State.CLOSED}, "paid", True),
        ({"payment_status": "CANCELLED", "state": State.CLOSED}, "called_off", True),
        ({"review_reason": "odd"}, "attention", False),
        ({"expires_at": None}, "open", False),
    ],
    ids=str,
)
def test_it_tells_what_the_tag_shows(
    client: Client, changes: dict[str, Any], view: str, is_final: bool
) -> None:
    session = stored(**changes)

    told = client.get(status_url(session)).json()

    assert (told["view"], told["is_final"]) == (view, is_final) == (view_of(session), is_final)
    assert told["view"] in VIEWS
    assert told["payment_status"] == session.payment_status
    assert (told["expires_at"] is None) is (session.expires_at is None)


@pytest.mark.parametrize(
    ("amount", "currency", "told"),
    [("250000", "JPY", "250000"), ("0.5", "AED", "0.50"), ("99999999999.001", "KWD", None)],
)
def test_amounts_have_the_decimals_of_their_currency(
    client: Client, amount: str, currency: str, told: str | None
) -> None:
    session = stored(amount=amount, currency=currency)

    assert client.get(status_url(session)).json()["amount"] == (told or amount)


def test_a36_it_tells_nothing_that_the_payer_must_not_see(client: Client) -> None:
    session = stored(**SECRETS)

    response = client.get(status_url(session))

    text = response.content.decode() + str(response.headers)
    assert response.status_code == 200
    assert "canary" not in text
    assert URL not in text
    assert set(response.json()) == set(PaymentSessionSerializer().fields)


def test_a36_no_cache_and_no_search_engine_keeps_it(
    session: PaymentSession, client: Client
) -> None:
    for url, code in ((status_url(session), 200), (status_url(session)[:-2] + "x/", 404)):
        response = client.get(url)
        assert response.status_code == code
        assert response["Cache-Control"] == "private, no-cache"
        assert response["X-Robots-Tag"] == "noindex"
        assert "Access-Control-Allow-Origin" not in response


def test_a37_asking_changes_nothing_however_the_session_stands(client: Client) -> None:
    for state in State:
        stored(client_reference_id=f"order-{state}", state=state, expires_at=None)
    stored(client_reference_id="past", expires_at=datetime.now(timezone.utc) - timedelta(days=2))
    before = list(PaymentSession.objects.values())
    urls = [status_url(session) for session in PaymentSession.objects.all()]

    with CaptureQueriesContext(connection) as captured:
        for url in urls:
            assert client.get(url).status_code == client.head(url).status_code == 200

    assert {query["sql"].split()[0] for query in captured.captured_queries} == {"SELECT"}
    assert list(PaymentSession.objects.values()) == before
    assert not StatusTransition.objects.exists()


def test_a_replaced_session_tells_of_the_one_in_its_place(client: Client) -> None:
    old = stored(state=State.SUPERSEDED, session_url="")
    first = stored(client_reference_id="order-8", state=State.SUPERSEDED, renews=old)
    stored(client_reference_id="order-9", renews=first, amount="7.00")

    told = client.get(status_url(old)).json()

    assert (told["reference"], told["view"], told["amount"]) == ("order-9", "open", "7.00")
    assert told["replaced"] is True


def test_a_serializer_of_the_projects_own_may_hold_it(session: PaymentSession) -> None:
    data = PaymentSessionSerializer([session, session], many=True).data

    assert [each["reference"] for each in data] == ["order-7", "order-7"]


def test_what_the_asker_has_already_is_not_sent_again(
    session: PaymentSession, client: Client
) -> None:
    url = status_url(session)
    first = client.get(url)
    etag = first["ETag"]

    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = client.get(url, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert (again["ETag"], again["Cache-Control"]) == (etag, "private, no-cache")
    for unknown in ('"other"', etag.strip('"'), "", "é", '"' * 500):
        assert client.get(url, headers={"If-None-Match": unknown}).status_code == 200
    # A page signed at another moment has another token, and the same answer.
    assert client.get(status_url(session), headers={"If-None-Match": etag}).status_code == 304

    PaymentSession.objects.update(payment_status="PROCESSING")
    changed = client.get(url, headers={"If-None-Match": etag})
    assert (changed.status_code, changed.json()["payment_status"]) == (200, "PROCESSING")


def test_the_clock_alone_changes_the_answer_too(client: Client) -> None:
    session = stored()
    etag = client.get(status_url(session))["ETag"]
    PaymentSession.objects.update(expires_at=datetime.now(timezone.utc) - timedelta(seconds=1))

    response = client.get(status_url(session), headers={"If-None-Match": etag})

    assert (response.status_code, response.json()["view"]) == (200, "expired")


@pytest.mark.parametrize("header", ["If-Match", "If-Unmodified-Since", "If-Modified-Since"])
def test_no_other_condition_is_heard(session: PaymentSession, client: Client, header: str) -> None:
    response = client.get(status_url(session), headers={header: '"other"'})

    assert response.status_code == 200


def test_the_other_methods(session: PaymentSession, client: Client) -> None:
    url = status_url(session)

    head = client.head(url)
    assert (head.status_code, head.content, head["ETag"]) == (200, b"", client.get(url)["ETag"])
    with CaptureQueriesContext(connection) as captured:
        for address in (url, url[:-2] + "x/"):
            options = client.options(address)
            assert (options.status_code, options.content) == (204, b"")
            assert options["Allow"] == "GET, HEAD, OPTIONS"
    assert len(captured) == 0
    for method in ("post", "put", "patch", "delete"):
        refused = getattr(client, method)(url, {"state": "closed"}, content_type="application/json")
        assert (refused.status_code, refused["Content-Type"]) == (405, "application/json")
        assert set(refused.json()) == {"detail"}
    assert client.generic("TRACE", url).status_code == 405


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense", "*/*;q=0", ""])
def test_it_answers_in_json_whatever_is_asked_for(
    session: PaymentSession, client: Client, accept: str
) -> None:
    for query in ("", "?format=api", "?format=json", "?format="):
        response = client.get(status_url(session) + query, headers={"Accept": accept})
        assert (response.status_code, response["Content-Type"]) == (200, "application/json")


def test_a_project_without_the_urls_has_no_address_and_no_error(
    session: PaymentSession, settings: Settings
) -> None:
    assert status_url(session)
    settings.ROOT_URLCONF = __name__

    assert status_url(session) == ""


def test_a_session_that_is_not_stored_has_no_address() -> None:
    assert status_url(make_session()) == ""


def test_the_token_holds_the_key_and_the_account_alone(session: PaymentSession) -> None:
    token = status_url(session).split("/")[-2]

    assert read_token(token) == (session.pk, "default")
    assert json.loads(signing.b64_decode(token.split(".")[0].encode())) == [session.pk, "default"]
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def test_an_older_secret_key_is_honoured_while_it_is_listed(
    session: PaymentSession, settings: Settings, client: Client
) -> None:
    url = status_url(session)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    assert client.get(url).status_code == 200

    settings.SECRET_KEY_FALLBACKS = []
    assert client.get(url).status_code == 404


def test_the_address_is_good_for_as_long_as_the_settings_say(
    session: PaymentSession,
    settings: Settings,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.REDPIN = {**settings.REDPIN, "STATUS_TOKEN_MAX_AGE": 60}
    now = time.time()
    url = status_url(session)

    monkeypatch.setattr("django.core.signing.time.time", lambda: now + 59)
    assert client.get(url).status_code == 200
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + 62)
    assert client.get(url).status_code == 404


def test_it_is_asked_about_often_but_not_without_end(
    session: PaymentSession, client: Client
) -> None:
    url = status_url(session)
    codes = [client.get(url).status_code for _ in range(120)]
    assert set(codes) == {200}

    with CaptureQueriesContext(connection) as captured:
        response = client.get(status_url(session))

    assert (response.status_code, len(captured)) == (429, 0)
    assert int(response["Retry-After"]) >= 1
    assert set(response.json()) == {"detail"}
    other = stored(client_reference_id="order-8")
    assert client.get(status_url(other)).status_code == 200


def test_no_token_is_a_key_of_the_cache(session: PaymentSession, client: Client) -> None:
    url = status_url(session)
    client.get(url)

    keys = list(cache._cache)  # type: ignore[attr-defined]
    assert any("redpin_status" in key for key in keys)
    assert not any(url.split("/")[-2] in key for key in keys)


def test_a_cache_that_is_away_hides_no_payment(
    session: PaymentSession, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(cache, "get", away)

    assert client.get(status_url(session)).status_code == 200


def test_what_breaks_is_503_and_no_report_holds_the_address(
    session: PaymentSession,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = status_url(session)
    monkeypatch.setattr(
        "django_redpin.embed.status.PaymentSessionSerializer.data",
        property(lambda self: 1 / 0),
    )

    response = client.get(url)

    assert (response.status_code, response["Retry-After"]) == (503, "30")
    assert response.json() == {"detail": "Try again."}
    (record,) = caplog.records
    assert "ZeroDivisionError" in record.getMessage()
    assert record.exc_info is None
    assert url.split("/")[-2] not in str(vars(record))


def test_settings_that_are_wrong_are_no_traceback(
    session: PaymentSession, settings: Settings, client: Client
) -> None:
    url = status_url(session)
    settings.REDPIN = {**settings.REDPIN, "STATUS_TOKEN_MAX_AGE": "long"}

    assert client.get(url).status_code == 503


@pytest.mark.parametrize("age", ["long", 59, 31 * 86_400 + 1, 60.5, True, None, -1])
def test_an_age_that_is_none_is_named_by_the_checks(settings: Settings, age: object) -> None:
    settings.REDPIN = {**settings.REDPIN, "STATUS_TOKEN_MAX_AGE": age}

    (message,) = check_settings()

    assert message.id == "redpin.E003"
    assert "STATUS_TOKEN_MAX_AGE" in message.msg
    assert "seconds" in str(message.hint)


def test_no_token_is_logged_whatever_the_answer_is(
    session: PaymentSession, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    url = status_url(session)
    client.get(url)
    client.post(url)
    client.get(url.rstrip("/"))
    PaymentSession.objects.all().delete()
    assert client.get(url).status_code == 404

    said = [str(vars(each)) for each in caplog.records if each.name != "django.db.backends"]
    assert not any(url.split("/")[-2] in each for each in said)


class _Locked(BaseThrottle):
    def allow_request(self, request: Any, view: APIView) -> bool:
        return False


@pytest.fixture(params=["LoginRequiredMiddleware", "ATOMIC_REQUESTS", "REST framework", "no users"])
def project(request: pytest.FixtureRequest, settings: Settings) -> Iterator[str]:
    login = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    if request.param == "LoginRequiredMiddleware":
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, login]
    if request.param == "no users":
        settings.MIDDLEWARE = []
    if request.param == "REST framework":
        settings.REST_FRAMEWORK = {
            "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.BrowsableAPIRenderer"],
            "DEFAULT_THROTTLE_CLASSES": [f"{__name__}._Locked"],
            "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.URLPathVersioning",
            "EXCEPTION_HANDLER": "tests.nowhere",
            "DATETIME_FORMAT": "%d.%m.%Y",
            "DATE_FORMAT": "%d.%m.%Y",
            "COERCE_DECIMAL_TO_STRING": False,
        }
        settings.TIME_ZONE = "Asia/Dubai"
    if request.param == "ATOMIC_REQUESTS":
        connections["default"].settings_dict["ATOMIC_REQUESTS"] = True
    yield request.param
    connections["default"].settings_dict["ATOMIC_REQUESTS"] = False


def test_every_project_gets_the_same_answer(
    session: PaymentSession, client: Client, project: str
) -> None:
    with CaptureQueriesContext(connection) as captured:
        response = client.get(status_url(session))

    assert response.status_code == 200, project
    assert response.json()["expires_at"] == f"{session.expires_at:%Y-%m-%dT%H:%M:%S.%fZ}"
    assert response.json()["due_date"] == "2026-12-24"
    assert len(captured) == 1
    assert client.get(status_url(session)[:-2] + "x/").json() == {"detail": "Not found."}


def test_every_policy_is_pinned() -> None:
    """What REST framework's settings decide for a view that says nothing of its own."""
    decided = [name for name in vars(APIView) if name.endswith(("_classes", "_class"))]

    assert set(decided) <= set(vars(_StatusView))
    assert _StatusView.renderer_classes == (JSONRenderer,)


def test_it_answers_by_asgi_too(session: PaymentSession) -> None:
    async def ask() -> int:
        response = await AsyncClient().get(status_url(session))
        return response.status_code

    assert async_to_sync(ask)() == 200  # In this thread, with its connection.


def test_whoever_is_logged_in_makes_no_difference(session: PaymentSession, client: Client) -> None:
    client.force_login(User.objects.create_user("other"))

    with CaptureQueriesContext(connection) as captured:
        assert client.get(status_url(session)).status_code == 200

    assert len(captured) == 1
