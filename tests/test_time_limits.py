"""Celery's soft time limit strikes in any line of a task, and ends the task."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core.cache.backends.locmem import LocMemCache
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from pytest_django import Settings

from django_redpin import signals
from django_redpin.client import RedpinClient
from django_redpin.conf import Account, get_account
from django_redpin.exceptions.interrupts import is_interrupt
from django_redpin.models import StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session, process, sweeps
from django_redpin.services.inline import after_response
from django_redpin.services.queue import PROCESS_EVENT, enqueue
from django_redpin.telemetry import spans
from django_redpin.webhooks.samples import make_sample
from django_redpin.webhooks.verification import verify_post
from django_redpin.webhooks.verifiers import Post, Proof, Verifier
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


class Striking(Verifier):
    """A verifier of the project's, in which the time is over."""

    verify = strike
    sign = strike


class StruckAtOnce(Verifier):
    """One in which it is over before it can be asked."""

    __init__ = strike

    def verify(self, post: Post) -> Proof:
        return Proof("late")


def lists(settings: Settings, verifier: type[Verifier]) -> Account:
    entry = {"BACKEND": f"{__name__}.{verifier.__name__}"}
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_VERIFIERS": [entry]}
    return get_account()


@pytest.mark.parametrize("verifier", [Striking, StruckAtOnce])
def test_it_is_no_verifier_that_fails(settings: Settings, verifier: type[Verifier]) -> None:
    account = lists(settings, verifier)

    with pytest.raises(SoftTimeLimitExceeded):
        verify_post(account, RequestFactory().post("/"), b"{}")


def test_it_is_no_verifier_that_can_not_sign(settings: Settings) -> None:
    account = lists(settings, Striking)
    at, claims = timezone.now(), {"client_reference_id": "ORDER-1"}

    with pytest.raises(SoftTimeLimitExceeded):
        make_sample(account, claims, event_id="1", at=at, envelope="flat", is_account_wide=True)


@pytest.mark.parametrize("where", ["on_start", "on_end"])
def test_it_is_no_span_processor_that_fails(
    where: str, redpin: FakeRedpin, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor, tracers = SpanProcessor(), TracerProvider()
    monkeypatch.setattr(processor, where, strike)
    tracers.add_span_processor(processor)
    monkeypatch.setattr(spans, "_tracer", tracers.get_tracer("django_redpin"))

    with pytest.raises(SoftTimeLimitExceeded):
        RedpinClient(get_account()).find_session("ORDER-1")


@pytest.mark.django_db(transaction=True)
def test_it_ends_what_is_done_after_a_response_and_the_rest_waits_for_the_sweep(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_PROCESSING": "inline"}
    due = timezone.now()
    rows = [WebhookEvent.objects.create(key=key, body=b"{}", next_attempt_at=due) for key in "12"]
    monkeypatch.setattr(process, "_process", strike)

    @after_response
    def view() -> HttpResponse:
        assert all(enqueue(PROCESS_EVENT, row.pk) for row in rows)
        return HttpResponse()

    response = view()
    with pytest.raises(SoftTimeLimitExceeded):
        response.close()

    assert response.closed
    left = WebhookEvent.objects.filter(processed_at=None).order_by("pk")
    assert [*left.values_list("attempts", "last_error")] == [(1, ""), (0, "")]
    assert "failed" not in caplog.text
