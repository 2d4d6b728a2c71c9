"""The world that the model's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from django_redpin.models import Recipient

from .world import World, living


@pytest.fixture
def world(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The app in a world of its own, with real commits."""
    with living(monkeypatch) as world:
        yield world


@pytest.fixture
def payees(transactional_db: None) -> list[Recipient]:
    """Three recipients that Redpin knows."""
    return [
        Recipient.objects.create(
            name=f"Payee {each}", country_code="ARE", currency="AED", recipient_id=each
        )
        for each in ("501", "502", "503")
    ]
