"""What is counted and timed, by labels whose values are bounded."""

from __future__ import annotations

import re
from typing import Any

import pytest

from django_redpin.models import StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session
from django_redpin.services.sweeps import dispatch_due_transitions, process_due_events
from django_redpin.telemetry import Metric, Spans, measure
from django_redpin.telemetry import metrics as module
from tests.client.test_client import answering
from tests.redpin_server import FakeRedpin
from tests.services.events import event_body
from tests.test_docs import table
from tests.webhooks.posting import path, post

from .conftest import Seen

pytestmark = pytest.mark.django_db(transaction=True)


def test_calls_are_timed_by_what_they_met(
    redpin: FakeRedpin, arguments: dict[str, Any], seen: Seen
) -> None:
    redpin.create_script.append(answering(429, b"{}"))
    create_payment_session(**arguments)

    assert seen.counts("redpin.client.call.duration") == {
        ("POST", "token"): 1,
        ("RateLimitedError", "POST", "429", "sessions"): 1,
        ("POST", "201", "sessions"): 1,
    }
    assert seen.counts("redpin.operation.duration") == {
        ("token.fetch",): 1,
        ("session.create",): 1,
    }


def test_events_and_transitions_are_counted_and_their_lag_is_told(
    redpin: FakeRedpin, arguments: dict[str, Any], seen: Seen
) -> None:
    session = create_payment_session(**arguments)
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    url, body = path(session.client_reference_id), event_body(session, "AWAITING_FUNDS")
    posted = [post(url, body), post(url, body), post(url[:-3] + "xx/", body)]
    posted.append(post(url, body, content_type="text/plain"))
    process_due_events()
    dispatch_due_transitions()

    assert [each.status_code for each in posted] == [200, 200, 401, 415]
    assert seen.counts("redpin.webhook.posts") == {
        ("stored",): 1,
        ("repeated",): 1,
        ("wrong_token",): 1,
        ("not_json",): 1,
    }
    told = StatusTransition.objects.count()
    assert seen.counts("redpin.event.attempts") == {("applied",): 1}
    assert seen.counts("redpin.transition.attempts") == {("told",): told}
    assert seen.counts("redpin.event.lag") == {(): 1}
    assert seen.counts("redpin.transition.lag") == {(): told}
    assert seen.counts("redpin.sweep.rows")[("webhookevent",)] == 1


def test_e28_whatever_is_said_the_labels_have_few_values(seen: Seen) -> None:
    for number in range(200):
        stranger = f"stranger-{number}"
        labels = dict.fromkeys(
            ("http.request.method", "redpin.resource", "error.type", "redpin.outcome"), stranger
        )
        for metric in Metric:
            measure(metric, 1, {**labels, "http.response.status_code": 600 + number})

    for name, points in seen.points().items():
        assert len(points) == 1, name
        assert "stranger" not in str(points)


def test_the_labels_know_every_outcome_that_there_is() -> None:
    assert {*WebhookEvent.Outcome.values} == module._EVENTS
    assert {*StatusTransition.Outcome.values} == module._DISPATCHES
    assert {span.value.operation for span in Spans} == module._OPERATIONS


def test_the_page_lists_every_metric_with_its_labels_and_its_meaning() -> None:
    shown = {name: (kind, labels, meaning) for name, kind, labels, meaning in rows()}

    assert shown == {
        kind.name: ("histogram, s" if kind.buckets else "counter", set(kind.labels), kind.meaning)
        for kind in (metric.value for metric in Metric)
    }


def rows() -> list[tuple[str, str, set[str], str]]:
    return [
        (name, kind, set(re.findall(r"[\w.]+", labels)), meaning)
        for name, kind, labels, meaning in table("observability.md", "Metrics")
    ]
