"""Each command as a process: what it says, and how it ends."""

from __future__ import annotations

import signal
import subprocess
from datetime import datetime, timedelta, timezone
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.conf import settings as suite
from django.core.management import call_command, get_commands, load_command_class
from pytest_django import Settings

from django_redpin.management.sweeping import SweepCommand
from django_redpin.models import PaymentSession, WebhookEvent
from django_redpin.services import create_payment_session
from tests.redpin_server import FakeRedpin

from .project import Project, ended, stop

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

OURS = sorted(name for name, package in get_commands().items() if package == "django_redpin")
SWEEPS = [
    name for name in OURS if isinstance(load_command_class("django_redpin", name), SweepCommand)
]
# With what each needs to have something to do, or nothing.
ARGUMENTS = {
    "redpin_anonymise": ["--customer-ref", "nobody"],
    "redpin_redrive": ["--outcome", "dead"],
    "redpin_check": ["--offline"],
}
RUNS = [name for name in OURS if name not in ("redpin_sandbox", "redpin_send_webhook")]


@pytest.fixture
def project(redpin: FakeRedpin, settings: Settings, tmp_path: Path) -> Project:
    """A project on this test's database, with a Redpin that answers."""
    database = {
        name: suite.DATABASES["default"][name]
        for name in ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")
        if name in suite.DATABASES["default"]
    }
    more = {"WEBHOOK_PROCESSING": "inline", "BANK_DETAILS_KEYS": [Fernet.generate_key().decode()]}
    shop = Project(tmp_path, database, {**settings.REDPIN, **more})
    shop.write()
    return shop


def event(key: str, **columns: Any) -> WebhookEvent:
    values = {"next_attempt_at": datetime.now(timezone.utc), "account": "default", **columns}
    return WebhookEvent.objects.create(key=key, body=b"{}", **values)


def said(name: str, *arguments: str) -> str:
    """Return what a command says in this process."""
    out = StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("name", RUNS)
def test_with_nothing_to_do_it_ends_with_0(project: Project, settings: Settings, name: str) -> None:
    done = project.run(name, *ARGUMENTS.get(name, []))

    assert (done.code, done.err) == (0, "")
    if name in SWEEPS:
        assert done.out.startswith("Done: ")
        # A process takes a second or more; these two say nothing of one.
        settings.REDPIN = project.redpin
        assert said(name, "--verbosity", "0") == ""
        assert said(name, "--dry-run").startswith("Due: ")


def test_what_is_done_is_said_and_ends_with_0(project: Project) -> None:
    event("1")
    event("2", account="gulf")
    project.redpin["ACCOUNTS"] = {"gulf": {"CUSTOMER_ID": "7"}}
    project.write()

    assert project.run("redpin_process", "--account", "gulf").out == "Done: events 1.\n"
    assert project.run("redpin_sweep", "--account", "gulf").out.count(" 0") == 5
    done = project.run("redpin_process")
    assert (done.code, done.out) == (0, "Done: events 1.\n")


@pytest.mark.parametrize("name", OURS)
def test_a_wrong_argument_ends_with_2(project: Project, name: str) -> None:
    done = project.run(name, *ARGUMENTS.get(name, []), "--no-such-option")

    assert done.code == 2
    assert "unrecognized arguments: --no-such-option" in done.err


# What is kept of an account may outlive its settings, and has to be anonymised all the same.
@pytest.mark.parametrize("name", [name for name in OURS if name != "redpin_anonymise"])
def test_an_account_that_there_is_not_ends_with_2_and_names_those_there_are(
    project: Project, name: str
) -> None:
    done = project.run(name, "--account", "nobody", *ARGUMENTS.get(name, []))

    assert done.code == 2
    assert "no account 'nobody'. Known are: default." in done.err


@pytest.mark.parametrize("name", OURS)
def test_settings_that_are_missing_end_with_1_and_say_which(project: Project, name: str) -> None:
    (project.folder / "shop_settings.py").write_text("from tests.settings import *\nREDPIN = {}\n")

    done = project.run(name, *ARGUMENTS.get(name, []))

    assert done.code == 1
    assert "REDPIN" in done.out + done.err


@pytest.mark.parametrize("name", [name for name in OURS if name != "redpin_sandbox"])
def test_a_database_that_is_away_ends_with_1(project: Project, name: str) -> None:
    nowhere = {"ENGINE": "django.db.backends.sqlite3", "NAME": "/nowhere/at/all"}
    project.database = nowhere
    project.write()
    more = {"redpin_send_webhook": ["--session", "ORDER-1"], **ARGUMENTS}

    done = project.run(name, *more.get(name, []))

    assert done.code == 1
    assert "database" in done.out + done.err
    assert "can't be used (OperationalError)" in done.out + done.err


@pytest.mark.parametrize("name", ["redpin_reconcile", "redpin_expire"])
def test_a_redpin_that_is_down_ends_with_1(
    project: Project, arguments: dict[str, Any], name: str
) -> None:
    create_payment_session(**arguments)
    over()
    project.write(BASE_URL="http://127.0.0.1:9")

    done = project.run(name)

    assert (done.code, done.out) == (1, "Done: sessions 1.\n")
    assert "A person has to look at: sessions 1; see the log and admin." in done.err


def test_what_needs_a_person_ends_with_1(project: Project, arguments: dict[str, Any]) -> None:
    create_payment_session(**arguments)
    code = (
        "from django_redpin import signals\n"
        "def fail(**kwargs): raise RuntimeError\n"
        "signals.payment_session_created.connect(fail)"
    )
    process = project.start("redpin_dispatch", code=code)
    out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (1, "Done: transitions 1.\n")
    assert err.endswith("A person has to look at: transitions 1; see the log and admin.\n")


def over() -> None:
    past = datetime.now(timezone.utc) - timedelta(minutes=5)
    PaymentSession.objects.update(expires_at=past, next_attempt_at=past)


def test_expire_ends_what_redpin_lists_without_a_payment(
    project: Project, redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    redpin.lifetime = timedelta(minutes=-5)
    unpaid, paid, young = (create_payment_session(**arguments) for _ in range(3))
    redpin.pay(paid.client_reference_id, "AWAITING_FUNDS", "p-1")
    over()
    later = datetime.now(timezone.utc) + timedelta(minutes=5)
    PaymentSession.objects.filter(pk=young.pk).update(expires_at=later)

    assert project.run("redpin_expire", "--dry-run").out == "Due: sessions 2.\n"
    done = project.run("redpin_expire")

    assert (done.code, done.out) == (0, "Done: sessions 2.\n")
    states = {each: PaymentSession.objects.get(pk=each.pk).state for each in (unpaid, paid, young)}
    assert [*states.values()] == ["expired", "open", "open"]
    assert project.run("redpin_expire").out == "Done: sessions 0.\n"


def test_a_sample_is_answered_by_the_site_or_ends_with_1(
    project: Project, arguments: dict[str, Any]
) -> None:
    project.write(WEBHOOK_BASE_URL="http://127.0.0.1:9")
    session = create_payment_session(**arguments)

    done = project.run("redpin_send_webhook", "--session", session.client_reference_id)

    assert done.code == 1
    assert "No answer came (ConnectionError)." in done.err


def test_check_ends_with_1_where_something_is_wrong(project: Project) -> None:
    project.write(CLIENT_SECRET="")

    done = project.run("redpin_check", "--offline")

    assert done.code == 1
    assert "REDPIN['CLIENT_SECRET'] is not set. (redpin.E004)" in done.out


SLOWLY = (
    "from django_redpin.services import sweeps; from dataclasses import replace; import time\n"
    "work = sweeps.EVENTS.work\n"
    "def slow(pk):\n"
    "    time.sleep(0.1); work(pk)\n"
    "from django_redpin.management.commands import redpin_process\n"
    "redpin_process.EVENTS = replace(sweeps.EVENTS, work=slow)"
)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "term"]
)
def test_a_signal_ends_it_after_the_row_at_hand(
    project: Project, number: signal.Signals, code: int
) -> None:
    for key in range(200):
        event(str(key))
    undone = WebhookEvent.objects.filter(processed_at=None)
    process = project.start("redpin_process", code=SLOWLY)
    stop(process, number, lambda: undone.count() < 200)

    done = ended(process)

    left = undone.count()
    assert 100 < left < 200
    assert (done.code, done.out) == (code, f"Done: events {200 - left}.\n")
    assert f"Stopped by {number.name} after the row at hand" in done.err
    assert not WebhookEvent.objects.filter(processed_at=None, attempts__gt=0).exists()
    WebhookEvent.objects.filter(processed_at=None, key__gte="3").delete()
    assert project.run("redpin_process").code == 0
    assert not undone.exists()


def test_a_second_signal_ends_it_at_once(project: Project) -> None:
    event("1")
    begun = project.folder / "begun"
    code = SLOWLY.replace("time.sleep(0.1)", "open('begun', 'w').close(); time.sleep(30)")
    process = project.start("redpin_process", code=code)
    stop(process, signal.SIGTERM, begun.exists)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)  # The row at hand has its time.
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)

    assert process.returncode == -signal.SIGTERM
    assert WebhookEvent.objects.filter(processed_at=None).count() == 1


def test_two_at_once_work_on_each_row_once(project: Project) -> None:
    for key in range(60):
        event(str(key))

    both = [project.start("redpin_process", code=SLOWLY.replace("0.1", "0.02")) for _ in range(2)]
    said = [ended(process) for process in both]

    assert [each.code for each in said] == [0, 0]
    assert set(WebhookEvent.objects.values_list("attempts", "outcome")) == {(1, "ignored")}


def test_a_bar_is_shown_in_a_terminal_alone(project: Project) -> None:
    for key in range(3):
        event(str(key))
    show = "import sys; sys.stderr.isatty = lambda: True"

    assert "/1 [" not in project.run("redpin_process", "--limit", "1").err
    assert "/1 [" in project.run("redpin_process", "--limit", "1", code=show).err
    assert "/1 [" not in project.run("redpin_process", "--limit", "1", "-v0", code=show).err
    event("4")
    without = f"{show}; sys.modules['tqdm'] = None"
    done = project.run("redpin_process", code=without)
    assert (done.out, "/1 [" in done.err) == ("Done: events 1.\n", False)
