"""Fixtures: a payer with an order to pay, at a merchant whose API is `shop`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from django_redpin.services import attempts

from . import shop


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts.time, "sleep", lambda seconds: None)  # type: ignore[attr-defined]


@pytest.fixture
def payer(db: None) -> User:
    return User.objects.create_user("payer")


@pytest.fixture
def order(payer: User, arguments: dict[str, Any], settings: Settings) -> Iterator[dict[str, Any]]:
    """What is paid, in the words of `create_payment_session`; change it as you like."""
    settings.ROOT_URLCONF = "tests.rest.shop"
    shop.ORDERS[7] = (payer.pk, arguments)
    yield arguments
    shop.ORDERS.clear()


@pytest.fixture
def app(client: Client, payer: User) -> Client:
    """The payer's app, logged in."""
    client.force_login(payer)
    return client
