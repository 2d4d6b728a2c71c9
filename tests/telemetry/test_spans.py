"""What is traced: the verbs, the calls, the webhook, and nothing that must not be told."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import SpanKind, StatusCode

from django_redpin.client import RedpinClient
from django_redpin.conf import get_account
from django_redpin.exceptions import OutcomeUnknown, RedpinError, SessionRejected
from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.services import (
    create_payment_session,
    reconcile_payment_sessions,
    refresh_payment_session,
)
from django_redpin.services.sweeps import dispatch_due_transitions, process_due_events
from django_redpin.telemetry import Spans, spans
from django_redpin.telemetry.fields import Fields
from tests.client.test_client import answering
from tests.redpin_server import FakeRedpin, Handler
from tests.services.events import event_body
from tests.test_docs import table
from tests.webhooks.posting import path, post

from .conftest import Seen

SESSIONS = "/v1/customers/{customer_id}/sessions"
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_create_call_is_a_span_with_the_token_and_the_request_inside(
    redpin: FakeRedpin, arguments: dict[str, Any], seen: Seen
) -> None:
    session = create_payment_session(**arguments)

    (create,) = seen.spans("redpin.session.create")
    (token,) = seen.spans("redpin.token.fetch")
    (ask,) = seen.spans("POST /auth/oauth/v2/token")
    (call,) = seen.spans(f"POST {SESSIONS}")
    assert dict(create.attributes or {}) == {
        "redpin.account": "default",
        "redpin.session": session.pk,
        "redpin.reference": session.client_reference_id,
    }
    assert create.status.status_code is StatusCode.UNSET
    for child, mother in ((token, create), (ask, token), (call, create)):
        assert child.parent is not None
        assert child.parent.span_id == mother.context.span_id
    attributes = dict(call.attributes or {})
    assert call.kind is SpanKind.CLIENT
    assert len(str(attributes.pop("redpin.client_request_id"))) == 32
    assert attributes == {
        "http.request.method": "POST",
        "url.template": SESSIONS,
        "server.address": "127.0.0.1",
        "server.port": int(redpin.url.rpartition(":")[2]),
        "http.response.status_code": 201,
    }


@pytest.mark.parametrize(
    ("step", "call_error", "error", "status"),
    [
        (answering(422, b'{"description": "canary"}'), "InvalidRequestError", SessionRejected, 422),
        (answering(201, b"canary"), "NoAnswer", OutcomeUnknown, 201),
        (Handler.hang_up, "NoAnswer", OutcomeUnknown, None),
    ],
)
def test_an_error_is_told_by_its_class_alone(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    seen: Seen,
    step: Any,
    call_error: str,
    error: type[RedpinError],
    status: int | None,
) -> None:
    redpin.create_script.extend([step, step])
    redpin.list_script.extend([Handler.hang_up] * 4)
    with pytest.raises(error):
        create_payment_session(**arguments)

    (create,) = seen.spans("redpin.session.create")
    call = seen.spans(f"POST {SESSIONS}")[0]
    assert (create.attributes or {})["error.type"] == error.__name__
    assert (call.attributes or {})["error.type"] == call_error
    assert (call.attributes or {}).get("http.response.status_code") == status
    for span in seen.spans():
        assert span.events == ()
        assert not span.status.description
        assert "canary" not in span.to_json()
    assert create.status.status_code is StatusCode.ERROR


def test_a_second_attempt_says_so(redpin: FakeRedpin, seen: Seen) -> None:
    redpin.list_script.extend([answering(503, b""), answering(401, b"")])
    RedpinClient(get_account()).find_session("ORDER-1")

    calls = [dict(span.attributes or {}) for span in seen.spans(f"GET {SESSIONS}")]
    assert [call.get("http.request.resend_count") for call in calls] == [None, 1, 2]


def test_a_payment_is_followed_from_the_webhook_to_its_receivers(
    redpin: FakeRedpin, arguments: dict[str, Any], seen: Seen
) -> None:
    session = create_payment_session(**arguments)
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    url = path(session.client_reference_id)
    assert post(url, event_body(session, "AWAITING_FUNDS")).status_code == 200
    process_due_events()
    dispatch_due_transitions()

    (webhook,) = seen.spans("redpin.webhook")
    (process,) = seen.spans("redpin.event.process")
    dispatches = seen.spans("redpin.transition.dispatch")
    event = WebhookEvent.objects.get()
    assert dict(webhook.attributes or {}) == {"redpin.outcome": "stored"}
    assert dict(process.attributes or {}) == {
        "redpin.account": "default",
        "redpin.webhook_event": event.pk,
        "redpin.attempt": 1,
        "redpin.outcome": "applied",
    }
    told = {(span.attributes or {})["redpin.transition"] for span in dispatches}
    assert told == set(StatusTransition.objects.values_list("pk", flat=True))
    sweeps = [dict(span.attributes or {}) for span in seen.spans("redpin.sweep")]
    assert {"redpin.table": "webhookevent", "redpin.count": 1} in sweeps


def test_a_webhook_that_breaks_is_a_span_that_failed(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("canary")

    monkeypatch.setattr("django_redpin.webhooks.view.record_event", fail)
    assert post(path()).status_code == 503

    (webhook,) = seen.spans("redpin.webhook")
    assert (webhook.attributes or {})["error.type"] == "RuntimeError"
    assert (webhook.attributes or {})["redpin.outcome"] == "failed"


def test_the_reconciliation_is_a_span_with_one_for_each_account(
    redpin: FakeRedpin, arguments: dict[str, Any], seen: Seen
) -> None:
    session = create_payment_session(**arguments)
    PaymentSession.objects.update(next_attempt_at=session.created_at)
    reconcile_payment_sessions()

    (run,) = seen.spans("redpin.reconcile")
    (part,) = seen.spans("redpin.reconcile.round")
    assert dict(run.attributes or {}) == {"redpin.count": 1}
    assert dict(part.attributes or {}) == {"redpin.account": "default", "redpin.count": 1}


def test_a_traced_verb_keeps_its_signature_and_its_documentation() -> None:
    assert "idempotency_key" in inspect.signature(create_payment_session).parameters
    assert (create_payment_session.__doc__ or "").startswith("Create a payment session at Redpin")


def test_what_is_seen_costs_no_statement(
    redpin: FakeRedpin, arguments: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    session = create_payment_session(**arguments)

    def statements() -> list[str]:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            refresh_payment_session(session)
        return [query["sql"].partition(" ")[0] for query in queries]

    unseen = statements()
    request.getfixturevalue("seen")
    assert statements() == unseen


def test_the_page_lists_every_span_with_its_facts_and_its_meaning() -> None:
    shown = table("observability.md", "Spans")

    assert shown[:-1] == [
        [
            f"redpin.{kind.operation}",
            ", ".join(f"`{fact}`" for fact in kind.facts.split()).strip("`"),
            kind.meaning.strip("`"),
        ]
        for kind in (span.value for span in Spans)
    ]
    assert shown[-1][0] == "{method} {template}"
    assert {fact for span in Spans for fact in span.value.facts.split()} <= set(
        Fields.__annotations__
    )


@pytest.mark.parametrize("step", ["on_start", "on_end"])
def test_a_processor_that_fails_takes_nothing_with_it(
    monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """As a log's filter: no payment depends on its trace."""
    failing, tracers = SpanProcessor(), TracerProvider()
    monkeypatch.setattr(failing, step, lambda *args, **kwargs: 1 / 0)
    tracers.add_span_processor(failing)
    monkeypatch.setattr(spans, "_tracer", tracers.get_tracer("django_redpin"))
    done = []

    with spans.operation(spans.Spans.SWEEP):
        done.append(1)
    with pytest.raises(KeyError), spans.operation(spans.Spans.SWEEP):
        raise KeyError

    assert done == [1]
    assert not trace.get_current_span().get_span_context().is_valid
