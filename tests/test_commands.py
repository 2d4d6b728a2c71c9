"""The sweeps as commands, for cron: one line, bounds, and an exit code for whoever reads mail."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from django_redpin import signals
from django_redpin.management.commands import redpin_process, redpin_reconcile, redpin_sweep
from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session, process, register_recipient, sweeps
from django_redpin.services.leases import MAX_ATTEMPTS
from tests.redpin_server import FakeRedpin

pytestmark = pytest.mark.django_db

COMMANDS = (
    "redpin_process",
    "redpin_dispatch",
    "redpin_complete",
    "redpin_reconcile",
    "redpin_expire",
    "redpin_prune",
    "redpin_sweep",
)


def run(name: str, *arguments: str) -> str:
    output = StringIO()
    call_command(name, *arguments, stdout=output)
    return output.getvalue()


def event(key: str, **columns: Any) -> WebhookEvent:
    values = {"next_attempt_at": datetime.now(timezone.utc), **columns}
    return WebhookEvent.objects.create(key=key, body=b"{}", **values)


@pytest.fixture
def receivers_fail() -> Any:
    def receiver(**kwargs: object) -> None:
        raise RuntimeError("no")

    signals.payment_session_created.connect(receiver)
    yield
    signals.payment_session_created.disconnect(receiver)


@pytest.mark.parametrize("name", COMMANDS)
def test_c11_a_command_that_has_nothing_to_do_says_so_in_one_line(name: str) -> None:
    for arguments in ((), ("--dry-run",)):
        said = run(name, *arguments)

        assert said.count("\n") == 1
        assert said.startswith("Due: " if arguments else "Done: ")
        assert not any(digit in said for digit in "123456789")


def test_c11_process_processes_what_is_due() -> None:
    event("1")
    event("2")

    assert run("redpin_process", "--dry-run") == "Due: events 2.\n"
    assert run("redpin_process", "--limit", "1") == "Done: events 1.\n"
    assert run("redpin_process") == "Done: events 1.\n"
    assert not WebhookEvent.objects.filter(processed_at=None).exists()


def test_c11_dispatch_sends_what_is_due(redpin: FakeRedpin, arguments: dict[str, Any]) -> None:
    create_payment_session(**arguments)

    assert run("redpin_dispatch", "--dry-run") == "Due: transitions 1.\n"
    assert run("redpin_dispatch") == "Done: transitions 1.\n"
    assert StatusTransition.objects.get().dispatched_at is not None


def test_c11_complete_sends_sessions_and_recipients(
    redpin: FakeRedpin, arguments: dict[str, Any], agent: Recipient
) -> None:
    create_payment_session(**arguments, defer=True)
    register_recipient(agent, defer=True)

    assert run("redpin_complete", "--dry-run") == "Due: sessions 1, recipients 1.\n"
    assert run("redpin_complete") == "Done: sessions 1, recipients 1.\n"
    assert PaymentSession.objects.get().state == PaymentSession.State.OPEN


def test_c11_reconcile_asks_about_what_is_due(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    let_time_pass: Callable[[timedelta], None],
) -> None:
    create_payment_session(**arguments)
    let_time_pass(timedelta(minutes=16))

    assert run("redpin_reconcile", "--dry-run", "--account", "default") == "Due: sessions 1.\n"
    assert run("redpin_reconcile", "--account", "default") == "Done: sessions 1.\n"
    assert run("redpin_reconcile") == "Done: sessions 0.\n"


def test_c11_prune_lets_go_of_old_events() -> None:
    done = event("1", next_attempt_at=None, processed_at=datetime.now(timezone.utc))
    long_ago = datetime.now(timezone.utc) - timedelta(days=31)
    WebhookEvent.objects.filter(pk=done.pk).update(received_at=long_ago)

    assert run("redpin_prune", "--dry-run") == "Due: bodies 1, events 0.\n"
    assert run("redpin_prune") == "Done: bodies 1, events 0.\n"


def test_c11_sweep_does_all_but_prune(
    redpin: FakeRedpin, arguments: dict[str, Any], agent: Recipient
) -> None:
    create_payment_session(**arguments)
    create_payment_session(**arguments, defer=True)
    register_recipient(agent, defer=True)
    event("1")

    due = (
        "Due: transitions 1, events 1, sessions asked about 0, sessions to complete 1,"
        " recipients 1.\n"
    )
    assert run("redpin_sweep", "--dry-run") == due
    # The session that was completed meanwhile has a transition of its own.
    assert run("redpin_sweep") == due.replace("Due: transitions 1", "Done: transitions 2")
    assert not any(redpin_sweep.Command().due(account=None).values())


def test_c11_all_of_a_sweep_ends_within_its_seconds_and_each_kind_has_its_turn(
    monkeypatch: pytest.MonkeyPatch, redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    """However much is due of the first kinds."""
    for number in range(100):
        event(str(number))
    create_payment_session(**arguments)
    create_payment_session(**arguments, defer=True)
    slowly = sweeps.Sweep(sweeps.EVENTS.rows, lambda pk: time.sleep(0.05), sweeps.EVENTS.stuck)
    monkeypatch.setattr(sweeps, "EVENTS", slowly)

    began = time.monotonic()
    done = sweeps.sweep(seconds=1.5)

    assert time.monotonic() - began < 2
    assert 0 < done["events"].tried < 20
    assert done["sessions to complete"].tried == 1
    assert done["transitions"].tried == 2


def test_c11_a_sweep_counts_a_transition_that_is_stuck_once(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    receivers_fail: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is tried before the others and after them, if it is due again by then."""
    create_payment_session(**arguments)

    def due_again(*args: object, **kwargs: object) -> sweeps.Swept:
        at = datetime.now(timezone.utc)
        StatusTransition.objects.update(next_attempt_at=at, leased_until=None)
        return sweeps.Swept()

    monkeypatch.setattr(sweeps, "reconcile", due_again)

    assert sweeps.sweep()["transitions"] == sweeps.Swept(tried=1, stuck=1)
    assert StatusTransition.objects.get().attempts == 2


def test_c11_reconcile_says_how_many_it_asks_about() -> None:
    parser = redpin_reconcile.Command().create_parser("manage.py", "redpin_reconcile")

    assert parser.parse_args([]).limit == 1000
    assert "default: 1000\n" in parser.format_help()


def test_c11_an_event_that_is_given_up_fails_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(row: object) -> None:
        raise RuntimeError

    event("1", attempts=MAX_ATTEMPTS - 1)
    event("2")
    monkeypatch.setattr(process, "_process", fail)

    with pytest.raises(CommandError, match="A person has to look at: events 1;") as raised:
        run("redpin_process")

    assert raised.value.returncode == 1


def test_c11_a_receiver_that_fails_fails_the_command(
    redpin: FakeRedpin, arguments: dict[str, Any], receivers_fail: None
) -> None:
    create_payment_session(**arguments)

    with pytest.raises(CommandError, match="transitions 1"):
        run("redpin_dispatch")


def test_c11_a_redpin_that_is_away_fails_the_command(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    let_time_pass: Callable[[timedelta], None],
) -> None:
    create_payment_session(**arguments)
    let_time_pass(timedelta(minutes=16))
    redpin.list_script.extend([lambda handler: handler.raw(503, b"{}")] * 9)

    with pytest.raises(CommandError, match="sessions 1"):
        run("redpin_reconcile")


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    "wrong",
    [
        ("--limit", "0"),
        ("--limit", "many"),
        ("--limit", "-1"),
        ("--seconds", "0"),
        ("--seconds", "nan"),
        ("--seconds", "inf"),
        ("--seconds", "soon"),
        ("--account", "nobody"),
        ("unasked",),
    ],
)
def test_c11_wrong_arguments_end_in_a_sentence(name: str, wrong: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as raised:
        run(name, *wrong)

    assert len(str(raised.value)) > 20


@pytest.mark.slow
def test_c11_from_a_shell_a_wrong_argument_ends_without_a_traceback() -> None:
    command = [sys.executable, "-m", "django", "redpin_reconcile", "--account", "nobody"]
    done = subprocess.run(
        [*command, "--skip-checks"],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    told = "CommandError: REDPIN['ACCOUNTS'] has no account 'nobody'. Known are: default.\n"
    assert done.stderr == told


def test_c11_a_sweep_takes_more_than_a_batch_until_its_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 3)
    for number in range(10):
        event(str(number))

    assert sweeps.process_due_events(limit=4) == 4
    assert sweeps.process_due_events(seconds=0) == 0
    assert sweeps.process_due_events() == 6


def test_c11_a_row_that_stays_due_is_met_once_and_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 2)
    seen: list[int] = []

    def fail(pk: int) -> None:
        seen.append(pk)
        raise RuntimeError

    at = datetime.now(timezone.utc)
    rows = [event(str(number), next_attempt_at=at) for number in range(5)]
    poisoned = sweeps.Sweep(sweeps.EVENTS.rows, fail, sweeps.EVENTS.stuck)

    assert poisoned.run(seconds=30) == sweeps.Swept(tried=5, stuck=5)
    assert seen == [row.pk for row in rows]


def test_c11_work_that_breaks_fails_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(pk: int) -> None:
        raise RuntimeError

    event("1")
    broken = sweeps.Sweep(sweeps.EVENTS.rows, fail, sweeps.EVENTS.stuck)
    monkeypatch.setattr(redpin_process, "EVENTS", broken)

    with pytest.raises(CommandError, match="look at: events 1") as raised:
        run("redpin_process")
    assert raised.value.returncode == 1


def test_c11_complete_ends_within_its_seconds_and_recipients_have_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[float] = []

    def run_for(self: sweeps.Sweep, limit: int, seconds: float) -> sweeps.Swept:
        given.append(seconds)
        return sweeps.Swept()

    monkeypatch.setattr(sweeps.Sweep, "run", run_for)
    run("redpin_complete", "--seconds", "10")

    assert given[0] == 5
    assert 5 < given[1] <= 10


def test_c11_an_account_of_which_nothing_is_learnt_fails_the_command_beside_one_that_is_answered(
    redpin: FakeRedpin, arguments: dict[str, Any], settings: Settings
) -> None:
    settings.REDPIN = {
        **settings.REDPIN,
        "ACCOUNTS": {"gulf": {"BASE_URL": "http://127.0.0.1:9"}},
    }
    for account in ("default", "gulf"):
        session = create_payment_session(**arguments)
        past = datetime.now(timezone.utc)
        row = PaymentSession.objects.filter(pk=session.pk)
        row.update(account=account, next_attempt_at=past)

    with pytest.raises(CommandError, match="look at: sessions 1"):
        run("redpin_reconcile")


@pytest.mark.heavy
@pytest.mark.django_db(transaction=True)
def test_c11_overlapping_sweeps_work_on_each_row_once(redpin: FakeRedpin) -> None:
    for number in range(60):
        event(str(number))
    start = threading.Barrier(4)

    def one() -> None:
        start.wait(30)
        try:
            sweeps.process_due_events()
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    rows = WebhookEvent.objects.values_list("attempts", "outcome")
    assert set(rows) == {(1, WebhookEvent.Outcome.IGNORED)}


def test_c11_what_has_been_due_for_longest_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    at = datetime.now(timezone.utc)
    rows = [event(str(n), next_attempt_at=at - timedelta(minutes=n)) for n in range(3)]

    sweeps.Sweep(sweeps.EVENTS.rows, seen.append, sweeps.EVENTS.stuck).run()

    assert seen == [row.pk for row in reversed(rows)]
