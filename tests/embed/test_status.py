"""How a session stands, told by its signed address."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from django.core import signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from django_redpin.embed import status_url
from django_redpin.embed.tokens import read_token
from django_redpin.models import PaymentSession

from .reading import make_session

pytestmark = pytest.mark.django_db

urlpatterns: list[object] = []  # A project that forgot to include the package's URLs.


@pytest.fixture
def session() -> PaymentSession:
    session = make_session(expires_at=datetime.now(timezone.utc) + timedelta(minutes=30))
    session.save()
    return session


def test_the_signed_address_tells_how_the_session_stands(
    session: PaymentSession, client: Client
) -> None:
    with CaptureQueriesContext(connection) as captured:
        response = client.get(status_url(session))

    assert response.status_code == 200
    assert response.json() == {
        "reference": "order-7",
        "view": "open",
        "state": "open",
        "payment_status": "",
        "is_final": False,
        "amount": "250000.00",
        "currency": "AED",
        "due_date": "2026-12-24",
        "expires_at": str(session.expires_at).replace(" ", "T").replace("+00:00", "Z"),
        "replaced": False,
    }
    assert len(captured) == 1


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
    assert session.client_reference_id not in str(signing.b64_decode(token.split(".")[0].encode()))
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
    now = signing.time.time()
    url = status_url(session)

    monkeypatch.setattr(signing.time, "time", lambda: now + 59)
    assert client.get(url).status_code == 200
    monkeypatch.setattr(signing.time, "time", lambda: now + 61)
    assert client.get(url).status_code == 404
