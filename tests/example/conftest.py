"""Fixtures of the example: its shop at the root, homes on sale, and a buyer with a browser."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.test import Client

from django_redpin.testing import FakeRedpin
from django_redpin.testing.plugin import redpin as redpin
from django_redpin.testing.plugin import redpin_webhook as redpin_webhook
from example_project.properties.models import Order, Unit
from example_project.properties.seed import seed

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer
    from pytest_django import Settings

Reserve = Callable[..., "Answer"]

BUYER = {
    "buyer_name": "Amal Haddad",
    "email": "amal@example.com",
    "client_customer_ref": "MQ-2041",
}


@pytest.fixture
def shop(settings: Settings, redpin: FakeRedpin, db: None) -> FakeRedpin:
    """The shop with its homes, and the Redpin that it talks to."""
    settings.ROOT_URLCONF = "example_project.urls"
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    seed()
    return redpin


@pytest.fixture
def unit(shop: FakeRedpin) -> Unit:
    """A home for 2,500,000 dirhams with a deposit of 10 %."""
    return Unit.objects.get(reference="MQ-1204")


@pytest.fixture
def reserve(unit: Unit) -> Reserve:
    """Fill in the checkout and send it; keyword arguments replace a field's value."""

    def send(client: Client | None = None, **fields: Any) -> Answer:
        form = {"order": str(uuid.uuid4()), **BUYER, **fields}
        return (client or Client()).post(f"/units/{unit.reference}/reserve/", form)

    return send


@pytest.fixture
def order(reserve: Reserve) -> Order:
    """An order whose session is open."""
    reserve()
    return Order.objects.get()


def words(answer: Answer) -> str:
    """Return the text of a page as a reader sees it."""
    main = answer.content.decode().partition("<main")[2].partition("</main>")[0]
    text = re.sub(r"<[^>]*>", " ", f"<main{main}")
    return " ".join(text.replace("&#x27;", "'").split())
