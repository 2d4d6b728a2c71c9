"""Each task does what its name says, in Celery and as one of Django's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from django_redpin import tasks
from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session, register_recipient
from tests.redpin_server import FakeRedpin

pytestmark = pytest.mark.django_db

has_tasks = pytest.mark.skipif(
    not apps.is_installed("django_tasks_db"), reason="There are no tasks here."
)
Run = Callable[..., object]


@pytest.fixture(params=["celery", pytest.param("django", marks=has_tasks)])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a task of this name, here and now."""
    if request.param == "celery":
        return lambda name, *arguments: getattr(tasks, name)(*arguments)
    module = import_module("django_redpin.django_tasks")
    return lambda name, *arguments: getattr(module, name).call(*arguments)


def test_what_was_deferred_is_created_and_registered(
    run: Run, redpin: FakeRedpin, arguments: dict[str, Any], agent: Recipient
) -> None:
    first, second = (create_payment_session(**arguments, defer=True) for _ in range(2))
    register_recipient(agent, defer=True)

    run("complete_session", first.pk)
    states = [PaymentSession.objects.get(pk=each.pk).state for each in (first, second)]
    assert states == ["open", "creating"]
    run("complete_due_sessions")
    second.refresh_from_db()
    assert second.state == "open"
    agent.refresh_from_db()
    assert agent.recipient_id is None
    run("register_due_recipients")
    agent.refresh_from_db()
    assert agent.recipient_id


def test_one_payee_is_registered_and_no_other(
    run: Run, redpin: FakeRedpin, agent: Recipient
) -> None:
    details = {"iban": "AE070331234567890123456"}
    another = Recipient.objects.create(
        name="B", country_code="ARE", currency="AED", bank_details=details
    )
    for payee in (agent, another):
        register_recipient(payee, defer=True)

    run("register_recipient", agent.pk)

    assert [*Recipient.objects.exclude(recipient_id=None)] == [agent]


def test_an_event_is_processed_and_a_transition_told(
    run: Run, redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    create_payment_session(**arguments)
    create_payment_session(**arguments)
    one, two = (
        WebhookEvent.objects.create(key=key, body=b"{}", next_attempt_at=timezone.now())
        for key in "12"
    )
    undone = WebhookEvent.objects.filter(processed_at=None)
    untold = StatusTransition.objects.filter(dispatched_at=None)
    first, last = untold.order_by("pk")

    run("process_event", one.pk)
    assert [*undone.all()] == [two]
    run("process_due_events")
    assert not undone.all()
    run("dispatch_transition", first.pk)
    assert [*untold.all()] == [last]
    run("dispatch_due_transitions")
    assert not untold.all()


def test_redpin_is_asked_about_what_is_due(
    run: Run,
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    let_time_pass: Callable[[timedelta], None],
) -> None:
    session = create_payment_session(**arguments)
    redpin.pay(session.client_reference_id, "PROCESSING")
    run("reconcile")
    session.refresh_from_db()
    assert session.payment_status == ""  # It was not due.
    let_time_pass(timedelta(minutes=16))

    run("reconcile")

    session.refresh_from_db()
    assert session.payment_status == "PROCESSING"


def test_old_events_are_emptied_and_new_ones_are_not(run: Run) -> None:
    now = timezone.now()
    old, new = (
        WebhookEvent.objects.create(key=key, body=b"canary", processed_at=now) for key in "12"
    )
    WebhookEvent.objects.filter(pk=old.pk).update(received_at=now - timedelta(days=31))

    run("prune")

    bodies = WebhookEvent.objects.order_by("key").values_list("pk", "body")
    assert [(pk, bytes(body)) for pk, body in bodies] == [(old.pk, b""), (new.pk, b"canary")]
