"""What all sweeps have in common: whose rows, and when they end."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from django_redpin.management.commands import redpin_process
from django_redpin.management.running import Watcher
from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from django_redpin.services import (
    create_payment_session,
    reconcile_payment_sessions,
    redrive,
    register_recipient,
    retention,
)
from django_redpin.services.sweeps import EVENTS
from django_redpin.services.watching import Watch, watch, watched_by
from tests.redpin_server import FakeRedpin

pytestmark = pytest.mark.django_db


class StopsAfter(Watch):
    """Ends a run after so many rows."""

    def __init__(self, rows: int) -> None:
        self.left = rows

    def note(self, rows: int = 1) -> None:
        self.left -= rows

    def goes_on(self) -> bool:
        return self.left > 0


def run(name: str, *arguments: str) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


def event(account: str, **columns: Any) -> WebhookEvent:
    key = str(WebhookEvent.objects.count())
    values = {"next_attempt_at": datetime.now(timezone.utc), "body": b"{}", **columns}
    return WebhookEvent.objects.create(account=account, key=key, **values)


def old(account: str) -> None:
    now = datetime.now(timezone.utc)
    pk = event(account, next_attempt_at=None, processed_at=now).pk
    WebhookEvent.objects.filter(pk=pk).update(received_at=now - timedelta(days=100))


@pytest.fixture
def two(settings: Settings, redpin: FakeRedpin) -> None:
    """A second account beside the default one."""
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"gulf": {}}}


@pytest.fixture
def work(
    two: None, redpin: FakeRedpin, arguments: dict[str, Any], agent: Recipient
) -> Callable[[], None]:
    """Give each kind of sweep a row of either account."""

    def prepare() -> None:
        for number, account in enumerate(("default", "gulf")):
            event(account)
            old(account)
            past = datetime.now(timezone.utc) - timedelta(minutes=9)
            for columns in ({}, {"expires_at": past}):  # One is open, and one is over.
                session = create_payment_session(**arguments)
                rows = PaymentSession.objects.filter(pk=session.pk)
                rows.update(account=account, next_attempt_at=past, **columns)
            session = create_payment_session(**arguments, defer=True)
            PaymentSession.objects.filter(pk=session.pk).update(account=account)
            payee = Recipient.objects.create(
                account=account,
                name=f"Agent {number}",
                country_code="ARE",
                currency="AED",
                bank_details={"iban": "AE070331234567890123456"},
            )
            register_recipient(payee, defer=True)

    return prepare


def left_of(account: str) -> Mapping[str, int]:
    """Return what is still to be done of the account's."""
    now = datetime.now(timezone.utc)
    mine: dict[str, Any] = {"account": account, "next_attempt_at__lte": now}
    due = PaymentSession.objects.filter(**mine)
    return {
        "events": WebhookEvent.objects.filter(**mine).count(),
        "transitions": StatusTransition.objects.filter(
            session__account=account, dispatched_at=None
        ).count(),
        "open": due.filter(state="open").count(),
        "over": due.filter(state="open", expires_at__lt=now).count(),
        "creating": PaymentSession.objects.filter(account=account, state="creating").count(),
        "recipients": Recipient.objects.filter(**mine).count(),
        "old": WebhookEvent.objects.filter(account=account, processed_at__isnull=False).count(),
    }


TOUCHED = {
    "redpin_process": {"events"},
    "redpin_dispatch": {"transitions"},
    "redpin_complete": {"creating", "recipients"},
    "redpin_reconcile": {"open", "over"},
    "redpin_expire": {"over", "open"},
    "redpin_prune": {"old"},
}


@pytest.mark.parametrize("name", [*TOUCHED, "redpin_sweep"])
def test_a_sweep_of_one_account_leaves_the_others_alone(
    work: Callable[[], None], name: str
) -> None:
    work()
    before = {account: left_of(account) for account in ("default", "gulf")}

    said = run(name, "--account", "gulf", "--dry-run")
    run(name, "--account", "gulf")

    assert left_of("default") == before["default"]
    assert said.startswith("Due: ")
    after = left_of("gulf")
    for kind in TOUCHED.get(name, {"events", "creating", "recipients"}):
        assert after[kind] < before["gulf"][kind], kind


def test_expire_asks_about_nothing_but_what_is_over(
    work: Callable[[], None], redpin: FakeRedpin
) -> None:
    work()

    assert run("redpin_expire", "--dry-run") == "Due: sessions 2.\n"
    assert run("redpin_reconcile", "--dry-run") == "Due: sessions 4.\n"
    PaymentSession.objects.filter(account="gulf").update(payment_status="PROCESSING")
    assert run("redpin_expire", "--dry-run") == "Due: sessions 1.\n"


def test_a_local_clock_expires_nothing(redpin: FakeRedpin, arguments: dict[str, Any]) -> None:
    session = create_payment_session(**arguments)
    past = datetime.now(timezone.utc) - timedelta(minutes=9)
    PaymentSession.objects.update(expires_at=past, next_attempt_at=past)

    assert run("redpin_expire") == "Done: sessions 1.\n"

    session.refresh_from_db()
    assert session.state == "open"  # By Redpin's list, its page is still there.


def test_a_sweep_that_is_ended_begins_no_other_row() -> None:
    for _ in range(5):
        event("default")

    with watched_by(StopsAfter(2)):
        assert EVENTS.run().tried == 2
    assert WebhookEvent.objects.filter(processed_at=None, leased_until=None).count() == 3
    assert type(watch()) is Watch


def test_a_prune_that_is_ended_begins_no_other_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(5):
        old("default")

    with watched_by(StopsAfter(1)):
        assert retention.prune() == retention.Pruned(bodies=2, events=0)


def test_a_redrive_that_is_ended_makes_no_other_row_due() -> None:
    for _ in range(3):
        event("default", outcome="dead", next_attempt_at=None)

    with watched_by(StopsAfter(1)):
        assert redrive.redrive_events(WebhookEvent.objects.all(), per_second=1000).due == 1
    assert WebhookEvent.objects.filter(next_attempt_at=None).count() == 2


def test_a_reconciliation_that_is_ended_gives_back_what_it_holds(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    for _ in range(4):
        create_payment_session(**arguments)
    PaymentSession.objects.update(next_attempt_at=datetime.now(timezone.utc))

    with watched_by(StopsAfter(1)):
        assert reconcile_payment_sessions().asked == 1
    assert not PaymentSession.objects.exclude(leased_until=None).exists()


def test_what_was_done_is_said_before_it_fails_as_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(3):
        event("default")
    work = EVENTS.work

    def stop(pk: int) -> None:
        work(pk)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(redpin_process, "EVENTS", replace(EVENTS, work=stop))
    before = signal.getsignal(signal.SIGTERM)
    out = StringIO()
    with pytest.raises(CommandError, match="Stopped by SIGTERM") as raised:
        call_command("redpin_process", stdout=out)

    assert (raised.value.returncode, out.getvalue()) == (143, "Done: events 1.\n")
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_run_that_nobody_stops_says_nothing_of_it() -> None:
    Watcher().raise_if_stopped()
