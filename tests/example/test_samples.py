"""The demo's sample payments: of every stage, once, and nothing that a sweep would touch."""

from __future__ import annotations

import pytest

from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.services.overview import overview
from django_redpin.services.spans import DAY, Span
from django_redpin.services.stages import Stage
from example_project.properties.samples import add_samples

pytestmark = pytest.mark.django_db


@pytest.mark.heavy
def test_there_are_samples_of_every_stage_and_they_are_stored_once() -> None:
    stored = add_samples()

    found = overview(Span.last(90, DAY))
    assert stored == sum(group.count for group in found.groups) > 100
    assert {group.stage for group in found.groups} == set(Stage)
    assert {"AED", "USD"} == set(found.amounts())
    assert found.all_times.count > 50
    assert found.events["dead"].count
    assert found.transitions["held"].count
    assert add_samples() == 0
    assert PaymentSession.objects.count() == stored


@pytest.mark.heavy
def test_nothing_of_them_is_ever_due() -> None:
    add_samples()

    for model in (PaymentSession, StatusTransition, WebhookEvent):
        assert not model._default_manager.exclude(next_attempt_at=None).exists()
