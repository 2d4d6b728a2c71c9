"""The callback that Redpin is told: this project's own, and never one that gives the token away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from django_redpin.conf import get_account
from django_redpin.exceptions import ConfigurationError, OutcomeUnknown
from django_redpin.models import PaymentSession
from django_redpin.services import complete_payment_session, create_payment_session
from django_redpin.services.callbacks import callback_url
from tests.redpin_server import FakeRedpin, Handler

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "url",
    [
        *("http://shop.example", "shop.example", "//shop.example", "ftp://shop.example", " "),
        *("https://shop.example?a=1", "https://shop.example/#a", "https://u:canary@shop.example"),
        *("http://localhost.shop.example", "https://" + "a/" * 1010),
    ],
)
def test_an_own_callback_that_redpin_must_not_be_told_ends_before_anything_is_stored(
    redpin: FakeRedpin, arguments: dict[str, Any], settings: Settings, url: str
) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_BASE_URL": url}

    with pytest.raises(ConfigurationError, match="WEBHOOK_BASE_URL") as raised:
        create_payment_session(**arguments)

    assert "such as https://example.com" in str(raised.value)
    assert "canary" not in str(raised.value)
    assert "/webhooks/" not in str(raised.value)
    assert not PaymentSession.objects.exists()
    assert not redpin.calls


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "https://localhost"])
def test_an_own_callback_to_this_machine_is_for_debug(
    redpin: FakeRedpin, arguments: dict[str, Any], settings: Settings, url: str
) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_BASE_URL": url}
    create_payment_session(**arguments)
    assert redpin.creates[0].json["callbacks"][0].startswith(f"{url}/redpin/webhooks/")

    settings.DEBUG = False
    with pytest.raises(ConfigurationError, match=r"can't reach this machine|begin with https"):
        callback_url(get_account(), "order-1")


def test_a_lost_session_is_not_sent_again_with_a_callback_in_the_clear(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    settings: Settings,
    let_time_pass: Callable[[timedelta], None],
) -> None:
    redpin.create_script.append(Handler.hang_up)
    with pytest.raises(OutcomeUnknown) as raised:
        create_payment_session(**arguments)
    let_time_pass(timedelta(minutes=10))
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_BASE_URL": "http://shop.example"}

    with pytest.raises(OutcomeUnknown, match="WEBHOOK_BASE_URL"):
        complete_payment_session(raised.value.session)

    assert len(redpin.creates) == 1
