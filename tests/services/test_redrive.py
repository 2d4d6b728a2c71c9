"""Trying again what was given up: by service, by command, and by the admin's actions."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.services import Redriven, redrive, redrive_events, redrive_transitions
from django_redpin.services.redrive import EVENT_OUTCOMES
from django_redpin.services.transactions import update
from tests.redpin_server import FakeRedpin

from .events import Listener, event_body, post

pytestmark = pytest.mark.django_db
Outcome = WebhookEvent.Outcome


def give_up(event: WebhookEvent, outcome: str = Outcome.DEAD) -> None:
    WebhookEvent.objects.filter(pk=event.pk).update(
        outcome=outcome, attempts=80, next_attempt_at=None, last_error="It failed."
    )


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("redpin_redrive", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def dead(session: PaymentSession, redpin: FakeRedpin) -> WebhookEvent:
    """An event that was given up, though Redpin would confirm it by now."""
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    event = post(session, event_body(session, "PAYMENT_COMPLETED"))
    give_up(event)
    return event


@pytest.mark.parametrize("outcome", EVENT_OUTCOMES)
def test_a27_an_event_that_was_given_up_is_processed_again(
    dead: WebhookEvent, settle: Callable[[], None], outcome: str
) -> None:
    give_up(dead, outcome)

    assert redrive_events(WebhookEvent.objects.all()) == Redriven(due=1, left=0)
    settle()

    dead.refresh_from_db()
    assert (dead.outcome, dead.attempts) == (Outcome.APPLIED, 1)
    assert PaymentSession.objects.get().payment_status == "PAYMENT_COMPLETED"


def test_a27_a_redrive_of_what_is_done_changes_and_tells_nothing(
    session: PaymentSession, redpin: FakeRedpin, settle: Callable[[], None], listener: Listener
) -> None:
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    event = post(session, event_body(session, "PAYMENT_COMPLETED"))
    settle()
    before = (len(listener.heard), list(StatusTransition.objects.values()))

    assert redrive_events(WebhookEvent.objects.all()) == Redriven(due=0, left=1)
    assert redrive_transitions(StatusTransition.objects.all()).due == 0
    settle()

    assert (len(listener.heard), list(StatusTransition.objects.values())) == before
    event.refresh_from_db()
    assert event.outcome == Outcome.APPLIED


def test_a27_a_dry_run_counts_and_changes_nothing(dead: WebhookEvent) -> None:
    before = list(WebhookEvent.objects.values())

    assert redrive_events(WebhookEvent.objects.all(), dry_run=True) == Redriven(due=1, left=0)

    assert list(WebhookEvent.objects.values()) == before


def test_a27_a_redrive_is_bounded_in_rate_and_number(
    session: PaymentSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        give_up(post(session, event_body(session, "PROCESSING", event_id=str(number))))
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)

    done = redrive_events(WebhookEvent.objects.all(), per_second=2, limit=3)

    assert done == Redriven(due=3, left=1)
    assert pauses == [0.5, 0.5]
    oldest = WebhookEvent.objects.order_by("pk").values_list("outcome", flat=True)
    assert list(oldest) == ["pending"] * 3 + ["dead"]


def test_a27_two_redrives_at_once_make_an_event_due_once(
    dead: WebhookEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(rows: Any, **changes: Any) -> int:
        monkeypatch.setattr(redrive, "update", update)
        assert redrive_events(WebhookEvent.objects.all()).due == 1
        return update(rows, **changes)

    monkeypatch.setattr(redrive, "update", overtaken)

    assert redrive_events(WebhookEvent.objects.all()) == Redriven(due=0, left=1)


def test_an_event_whose_body_was_purged_can_not_be_read_again(dead: WebhookEvent) -> None:
    WebhookEvent.objects.update(body=b"")

    assert redrive_events(WebhookEvent.objects.all()) == Redriven(due=0, left=1)


def test_a_receiver_that_fails_for_ever_is_given_up_and_can_be_redriven(
    session: PaymentSession,
    settle: Callable[[], None],
    listener: Listener,
    caplog: pytest.LogCaptureFixture,
) -> None:
    listener.is_broken = True
    settle()
    now = datetime.now(timezone.utc)
    StatusTransition.objects.update(attempts=79, next_attempt_at=now, leased_until=None)
    settle()
    row = StatusTransition.objects.get()
    assert (row.outcome, row.attempts, row.next_attempt_at) == ("dead", 80, None)
    assert f"redpin_redrive --transition {row.pk}" in caplog.text

    listener.is_broken = False
    assert (
        command("--transition", str(row.pk)) == "1 transitions are due again; 0 left as they are.\n"
    )
    settle()

    row.refresh_from_db()
    assert (row.outcome, row.last_error) == ("told", "")
    assert {kwargs["transition"].pk for _, kwargs in listener.heard} == {row.pk}


def test_a27_the_command_goes_through_all_unless_a_limit_is_given(
    session: PaymentSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(redrive, "LIMIT", 1)
    for number in range(4):
        give_up(post(session, event_body(session, "PROCESSING", event_id=str(number))))

    assert command("--outcome", "dead", "--limit", "1", "--dry-run").startswith("1 events")
    assert command("--outcome", "dead").startswith("4 events are due again; 0 left")


def test_what_a_review_holds_back_is_not_told_by_a_redrive(session: PaymentSession) -> None:
    StatusTransition.objects.update(outcome="held", next_attempt_at=None)
    pk = StatusTransition.objects.get().pk

    assert "release_from_review" in command("--transition", str(pk))
    assert StatusTransition.objects.get().outcome == "held"


def test_the_command_finds_events_by_all_that_is_said(
    dead: WebhookEvent, settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"other": {}}}
    hour = timedelta(hours=1)
    later, earlier = (f"{dead.received_at + sign * hour:%Y-%m-%dT%H:%M}" for sign in (1, -1))

    assert command("--event", str(dead.pk), "--account", "other") == (
        "0 events are due again; 0 left as they are.\n"
    )
    assert command("--outcome", "dead", "--since", later).startswith("0 events")
    assert command("--outcome", "dead", "--until", earlier).startswith("0 events")
    assert command("--since", earlier, "--until", later, "--dry-run") == (
        "1 events would be due again; 0 left as they are.\n"
    )
    assert command("--since", earlier, "--account", "default").startswith("1 events are due")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Say which"),
        (["--transition", "1", "--event", "1"], "goes with none"),
        (["--outcome", "applied"], "invalid choice"),
        (["--since", "yesterday"], "invalid time such as"),
        (["--outcome", "dead", "--per-second", "0"], "number above 0"),
        (["--event", "one"], "invalid int"),
        (["--outcome", "dead", "--limit", "0"], "no whole number above 0"),
    ],
)
def test_the_command_says_what_is_wrong_with_its_arguments(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        command(*arguments)


def staff(*codenames: str) -> Client:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("model", "view", "redrive"),
    [
        (WebhookEvent, "view_webhookevent", "redrive_webhookevent"),
        (StatusTransition, "view_statustransition", "redrive_statustransition"),
    ],
)
@pytest.mark.parametrize("may", [True, False])
def test_a27_the_admins_action_needs_its_own_permission(
    dead: WebhookEvent, model: Any, view: str, redrive: str, may: bool
) -> None:
    StatusTransition.objects.update(outcome="dead", next_attempt_at=None)
    client = staff(view, *([redrive] if may else []))
    row = model.objects.get()
    page = reverse(f"admin:redpin_{model._meta.model_name}_changelist")

    shown = client.post(page, {"action": "redrive", "_selected_action": row.pk}, follow=True)
    address = reverse(f"admin:redpin_{model._meta.model_name}_redrive")
    answer = client.post(address, {"rows": row.pk}, follow=True)

    assert shown.status_code == 200
    assert ("To be done: 1" in shown.content.decode()) is may
    assert answer.status_code == (200 if may else 403)
    row.refresh_from_db()
    assert (row.outcome, row.next_attempt_at is not None) == (
        ("pending", True) if may else ("dead", False)
    )
    assert ("1 done, 0 not done" in answer.content.decode()) is may
