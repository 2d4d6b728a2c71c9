"""Celery's soft time limit strikes in any line of a task, and ends the task."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core.cache.backends.locmem import LocMemCache
from django.utils import timezone
from pytest_django import Settings

from django_redpin import signals
from django_redpin.client import RedpinClient
from django_redpin.conf import get_account
from django_redpin.exceptions.interrupts import is_interrupt
from django_redpin.models import StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session, process, sweeps
from django_redpin.services.queue import PROCESS_EVENT, enqueue
from tests.redpin_server import FakeRedpin

pytestmark = pytest.mark.django_db


def strike(*args: object, **kwargs: object) -> Any:
    raise SoftTimeLimitExceeded


class Struck(LocMemCache):
    """A cache that takes so long that the time is over."""

    get_many = strike


@pytest.fixture
def receiver() -> Iterator[Callable[..., None]]:
    signals.payment_session_created.connect(strike)
    yield strike
    signals.payment_session_created.disconnect(strike)


def test_it_is_told_from_what_only_fails() -> None:
    class Own(SoftTimeLimitExceeded):
        pass

    assert [is_interrupt(error) for error in (SoftTimeLimitExceeded(), Own())] == [True, True]
    assert [is_interrupt(error) for error in (TimeoutError(), Exception())] == [False, False]


def test_an_event_that_it_struck_has_not_failed_and_no_other_is_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(3):
        WebhookEvent.objects.create(key=str(number), body=b"{}", next_attempt_at=timezone.now())
    monkeypatch.setattr(process, "_process", strike)

    with pytest.raises(SoftTimeLimitExceeded):
        sweeps.process_due_events()

    assert list(WebhookEvent.objects.values_list("attempts", "last_error").order_by("pk")) == [
        *[(1, ""), (0, ""), (0, "")]
    ]


def test_a_receiver_that_it_struck_is_told_again_and_the_sweep_ends(
    redpin: FakeRedpin, arguments: dict[str, Any], receiver: Callable[..., None]
) -> None:
    for _ in range(2):
        create_payment_session(**arguments)

    with pytest.raises(SoftTimeLimitExceeded):
        sweeps.dispatch_due_transitions()

    told = StatusTransition.objects.order_by("pk").values_list("attempts", "dispatched_at")
    assert list(told) == [(1, None), (0, None)]


def test_it_is_no_broker_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("celery.canvas.Signature.apply_async", strike)

    with pytest.raises(SoftTimeLimitExceeded):
        enqueue(PROCESS_EVENT, 1)


def test_it_is_no_cache_that_is_away(redpin: FakeRedpin, settings: Settings) -> None:
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.Struck"}}

    with pytest.raises(SoftTimeLimitExceeded):
        RedpinClient(get_account()).find_session("ORDER-1")


def test_it_is_no_log_that_fails(
    redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="django_redpin.client")
    monkeypatch.setattr(logging.getLogger("django_redpin.client"), "filters", [strike])

    with pytest.raises(SoftTimeLimitExceeded):
        RedpinClient(get_account()).find_session("ORDER-1")


def test_it_is_no_fault_of_the_settings(
    redpin: FakeRedpin, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDPIN = {**settings.REDPIN, "ACCOUNT_RESOLVER": f"{__name__}.strike"}
    with pytest.raises(SoftTimeLimitExceeded):
        get_account("acme")

    monkeypatch.setattr("django_redpin.accounts.import_string", strike)
    with pytest.raises(SoftTimeLimitExceeded):
        get_account("acme")
