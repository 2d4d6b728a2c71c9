"""The kit's names, its fixtures, and what is told where something is missing."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable

import pytest
from django.apps import apps
from moneyed import Money
from pytest_django import Settings

from django_redpin import testing
from django_redpin.client import RedpinClient
from django_redpin.client.adapter import open_session
from django_redpin.conf import get_account
from django_redpin.models import PaymentSession
from django_redpin.testing import FakeRedpin, library, plugin
from django_redpin.testing.plugin import RedpinWebhook

from .test_faults import REQUEST


def test_each_name_of_the_kit_is_there_and_no_other() -> None:
    assert {*testing.__all__} <= {*dir(testing)}
    assert all(getattr(testing, name) is not None for name in testing.__all__)
    with pytest.raises(AttributeError, match="no attribute 'believe'"):
        testing.believe  # noqa: B018


def test_the_fixtures_pay_a_session(
    redpin: FakeRedpin,
    redpin_session: Callable[..., PaymentSession],
    redpin_webhook: RedpinWebhook,
) -> None:
    session = redpin_session(Money("10.00", "EUR"))

    posted = redpin_webhook(session, "PAYMENT_COMPLETED")

    assert (posted.status_code, posted.outcome) == (200, "applied")
    assert redpin.status_of(session) == "PAYMENT_COMPLETED"


def test_what_the_fixture_returns_is_of_the_event_that_was_asked_for(
    redpin: FakeRedpin,
    redpin_session: Callable[..., PaymentSession],
    redpin_webhook: RedpinWebhook,
) -> None:
    session = redpin_session()
    redpin.fail("webhook", "reorder")
    redpin.pay(session, post=True)
    redpin.fail("webhook", "duplicate")

    posted = redpin_webhook(session, "PAYMENT_COMPLETED")

    assert [transition.to_value for transition in posted.transitions][:1] == ["PAYMENT_COMPLETED"]


@pytest.mark.parametrize("fault", ["drop", "delay", "reorder"])
def test_a_webhook_that_is_not_posted_is_not_taken_for_the_one_before(
    redpin: FakeRedpin,
    redpin_session: Callable[..., PaymentSession],
    redpin_webhook: RedpinWebhook,
    fault: str,
) -> None:
    session = redpin_session()
    redpin_webhook(session, "PROCESSING")
    redpin.fail("webhook", fault)

    with pytest.raises(pytest.fail.Exception, match="PAYMENT_COMPLETED was not posted"):
        redpin_webhook(session, "PAYMENT_COMPLETED")


def test_without_a_database_the_cure_is_named(request: pytest.FixtureRequest) -> None:
    class Bare:
        def getfixturevalue(self, name: str) -> object:
            raise pytest.FixtureLookupError(name, request)

    with pytest.raises(pytest.fail.Exception, match="pip install pytest-django"):
        plugin._use_database(Bare())  # type: ignore[arg-type]


def test_without_responses_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as bare:
        bare.setitem(sys.modules, "responses", None)
        with pytest.raises(ImportError, match=r"pip install 'django-redpin\[testing\]'"):
            importlib.reload(library)
    importlib.reload(library)


def test_the_fake_answers_before_the_apps_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apps, "ready", False)

    with FakeRedpin() as redpin:
        assert RedpinClient(get_account()).create_session(REQUEST).session_url

    assert len(redpin.creates) == 1


def test_what_redpin_is_not_known_to_have_is_not_found(redpin: FakeRedpin) -> None:
    RedpinClient(get_account()).require_token()
    headers = {"Authorization": "Bearer token-of-the-fake-1"}
    with open_session() as session:
        for path in ("/", "/v1/customers/1/sessions/2", "/v1/clients/1/sessions"):
            answer = session.get(
                f"https://api.redpin.test{path}",
                headers=headers,
                timeout=(1, 1, 1),  # type: ignore[arg-type]
            )
            assert (answer.status_code, answer.json()["code"]) == (404, "RESOURCE_NOT_FOUND")
        answer = session.delete(
            "https://api.redpin.test/v1/customers/1/sessions",
            headers=headers,
            timeout=(1, 1, 1),  # type: ignore[arg-type]
        )
        assert answer.status_code == 404


def test_settings_that_can_not_be_read_leave_a_page_that_is_made_up(
    redpin: FakeRedpin, settings: Settings
) -> None:
    client = RedpinClient(get_account())
    client.require_token()
    settings.REDPIN = {**settings.REDPIN, "HOSTED_PAGE_ORIGINS": 7}

    assert client.create_session(REQUEST).session_url.startswith("https://pay.redpin.test/")


@pytest.mark.django_db
def test_a_session_of_no_row_is_not_paid_before_its_answer(redpin: FakeRedpin) -> None:
    redpin.fail("webhook", "before_answer")

    RedpinClient(get_account()).create_session(REQUEST)

    assert redpin.posted == []
