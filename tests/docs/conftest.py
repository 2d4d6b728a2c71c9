"""What the blocks of a page leave behind is taken away: receivers, tasks, templates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from celery import _state as celery_state
from django.dispatch import Signal
from pytest_django import Settings

from django_redpin import signals
from tests.celery import app
from tests.redpin_server import FakeRedpin


@pytest.fixture
def world(redpin: FakeRedpin, settings: Settings) -> Iterator[None]:
    """A Redpin on this machine, the example's URLs, and everything as it was afterwards."""
    settings.ROOT_URLCONF = "example_project.urls"
    settings.REDPIN = {**settings.REDPIN, "ALLOWED_ORIGINS": ["https://merchant.test"]}
    heard: list[Signal] = [each for each in vars(signals).values() if isinstance(each, Signal)]
    receivers: list[Any] = [[*each.receivers] for each in heard]
    tasks, finalizers = {*app.tasks}, vars(celery_state)["_on_app_finalizers"]
    known = {*finalizers}
    yield
    for signal, before in zip(heard, receivers, strict=True):
        signal.receivers = before
        signal.sender_receivers_cache.clear()
    for name in {*app.tasks} - tasks:
        app.tasks.unregister(name)
    finalizers.intersection_update(known)
