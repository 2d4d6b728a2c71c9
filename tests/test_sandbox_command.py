"""`manage.py redpin_sandbox`: a project set up as the README says, and two settings."""

from __future__ import annotations

import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.management import CommandError, call_command
from pytest_django import Settings

import django_redpin
from django_redpin.conf import get_account
from django_redpin.management.commands.redpin_sandbox import Command, advice
from django_redpin.sandbox.__main__ import _parser
from example_project.demo.pages import Browser

URL = "http://127.0.0.1:8001"
TOKENS = "/auth/oauth/v2/token"
ROOT = Path(django_redpin.__file__).parent.parent

# As the README says, but that no worker is needed.
PROJECT = """
import os
from pathlib import Path

SECRET_KEY = "only-for-this-test"
DEBUG = True
USE_TZ = True
ROOT_URLCONF = "urls"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).parent / "db"}
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "django_redpin"
]
REDPIN = {
    "CLIENT_ID": "merchant",
    "CLIENT_SECRET": "canary-client-secret-of-the-project",
    "CUSTOMER_ID": "0201001008132685",
    "WEBHOOK_BASE_URL": "https://example.com",
    "WEBHOOK_SECRETS": ["canary-webhook-secret-of-the-project"],
    "ALLOWED_ORIGINS": ["https://example.com"],
    "HOSTED_PAGE_ORIGINS": ["https://pay.redpin.example"],
    "WEBHOOK_PROCESSING": "inline",
}
"""
URLS = """
from django.urls import include, path
urlpatterns = [path("redpin/", include("django_redpin.urls"))]
"""
CREATE = """
from datetime import date, timedelta
from moneyed import Money
from django_redpin.models import Recipient
from django_redpin.services import Share, create_payment_session
payee = Recipient.objects.create(name="A", country_code="ARE", currency="AED", recipient_id="501")
session = create_payment_session(
    client_customer_ref="CUST_001", amount=Money("100.00", "AED"),
    due_date=date.today() + timedelta(days=30), purpose_of_transaction="RENT",
    recipients=[Share(payee, Money("100.00", "AED"))])
print("page:", session.session_url)
"""
STATUS = """
from django_redpin.models import PaymentSession, WebhookEvent
print("status:", PaymentSession.objects.get().payment_status, WebhookEvent.objects.count())
"""


def manage(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "django", *arguments, "--settings=settings"]


def environment(folder: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("REDPIN_", "DJANGO_", "DATABASE_"))
    }
    return {**kept, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        manage(*arguments),
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        manage(*arguments),
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def said_at_start(process: subprocess.Popen[str]) -> list[str]:
    """Return the lines to paste that the command prints once the sandbox listens."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if len(lines) > 3 and line.startswith("    REDPIN") and "HOSTED" in line:
            break
    return [line.strip() for line in lines if line.startswith("    ")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "settings.py").write_text(PROJECT)
    (tmp_path / "urls.py").write_text(URLS)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("api", ["seed", "new"])
def test_two_settings_lead_a_fresh_project_through_a_payment(project: Path, api: str) -> None:
    run(project, "migrate", "--verbosity=0")
    merchant = free_port()
    arguments = ["--port=0", f"--site=http://127.0.0.1:{merchant}", f"--api={api}"]
    with started(
        project, "redpin_sandbox", *arguments, "--step-seconds=0.1", "--temporary"
    ) as sandbox:
        lines = said_at_start(sandbox)
        assert [re.sub(r"127\.0\.0\.1:\d+", "HOST", line) for line in lines] == [
            'REDPIN["BASE_URL"] = "http://HOST"',
            'REDPIN["HOSTED_PAGE_ORIGINS"] = ["http://HOST"]',
        ]
        (project / "settings.py").write_text(PROJECT + "\n".join(lines))
        run(project, "check", "--fail-level=WARNING")
        with started(project, "runserver", "--noreload", f"127.0.0.1:{merchant}"):
            wait_for(f"http://127.0.0.1:{merchant}/")
            found = re.search(r"page: (\S+)", run(project, "shell", "-c", CREATE))
            assert found
            browser = Browser()
            page = browser.open(found[1])
            browser.submit(page.form(step="review"), pay_from="AED", action="pay")
            deadline = time.monotonic() + 40
            while "PAYMENT_COMPLETED 4" not in run(project, "shell", "-c", STATUS):
                assert time.monotonic() < deadline
                run(project, "redpin_sweep")
        policy = requests.get(found[1], timeout=5).headers["Content-Security-Policy"]
        assert f"http://localhost:{merchant}" in policy
        sandbox.send_signal(signal.SIGTERM)
        rest, _ = sandbox.communicate(timeout=20)
    assert sandbox.returncode == 0
    assert rest.endswith("Redpin sandbox: stopped\n")
    assert "canary" not in rest
    assert not list(project.glob("*sandbox*"))


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            requests.get(url, timeout=5)
        except requests.ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


@pytest.mark.slow
def test_ctrl_c_ends_both_and_the_sessions_are_kept(project: Path) -> None:
    with started(project, "redpin_sandbox", "--port=0") as sandbox:
        found = re.search(r":(\d+)\"", said_at_start(sandbox)[0])
        assert found
        # To the whole group, as a terminal does, would reach this test too.
        sandbox.send_signal(signal.SIGINT)
        rest, _ = sandbox.communicate(timeout=20)
    assert (sandbox.returncode, rest.splitlines()[-1]) == (0, "Redpin sandbox: stopped")
    assert (project / ".redpin-sandbox.sqlite3").exists()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{found[1]}/healthz", timeout=5)


@pytest.mark.heavy
def test_a_sandbox_that_cannot_start_is_an_error(project: Path) -> None:
    done = subprocess.run(
        manage("redpin_sandbox", "--port=70000"),
        cwd=project,
        env=environment(project),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "70000" in done.stderr
    assert "did not start" in done.stderr
    assert "Traceback" not in done.stderr


class Relayed(io.StringIO):
    """What the command prints; something is done once it tells where the sandbox listens."""

    def __init__(self, then: Callable[[], object]) -> None:
        super().__init__()
        self.then = then

    def write(self, text: str) -> int:
        written = super().write(text)
        if text.startswith("Redpin sandbox: http"):
            self.then()
        return written


@contextmanager
def standing_in(script: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[None]:
    """Let a shell script be the sandbox, which a real one takes seconds to be."""
    program = folder / "sandbox.sh"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", str(program))
        yield
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


LISTENS = f'echo "Redpin sandbox: {URL}/ (Ctrl-C stops it)"'
WAITS = "while :; do sleep 0.02; done"


def test_what_the_sandbox_says_is_handed_on_and_the_settings_follow_where_it_listens(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_up(settings, BASE_URL="https://api.redpin.test")
    said = Relayed(lambda: None)
    with standing_in(f"echo first; {LISTENS}; echo last", monkeypatch, tmp_path):
        call_command("redpin_sandbox", "--temporary", stdout=said)

    site = "http://127.0.0.1:8000"
    listens = f"Redpin sandbox: {URL}/ (Ctrl-C stops it)\n"
    assert said.getvalue() == f"first\n{listens}{advice('default', URL, site)}last\n"
    assert f'REDPIN["BASE_URL"] = "{URL}"' in said.getvalue()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "term"])
def test_a_signal_ends_the_sandbox_which_says_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: signal.Signals
) -> None:
    said = Relayed(lambda: signal.raise_signal(number))
    script = f"trap 'echo stopped; exit 0' TERM; {LISTENS}; {WAITS}"
    with standing_in(script, monkeypatch, tmp_path):
        call_command("redpin_sandbox", "--temporary", stdout=said)

    assert said.getvalue().endswith("stopped\n")


def test_a_second_signal_ends_a_sandbox_that_heeds_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def ask_twice() -> None:
        for _ in range(2):
            signal.raise_signal(signal.SIGTERM)

    said = Relayed(ask_twice)
    script = f"trap '' TERM; {LISTENS}; {WAITS}"
    with (
        standing_in(script, monkeypatch, tmp_path),
        pytest.raises(CommandError, match="did not start, or failed"),
    ):
        call_command("redpin_sandbox", "--temporary", stdout=said)


def test_a_command_that_fails_leaves_no_sandbox_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail() -> None:
        raise BrokenPipeError  # Whoever read its output has gone.

    started: list[subprocess.Popen[str]] = []

    class Noted(subprocess.Popen[str]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    with standing_in(f"{LISTENS}; {WAITS}", monkeypatch, tmp_path), pytest.raises(BrokenPipeError):
        call_command("redpin_sandbox", "--temporary", stdout=Relayed(fail))

    (process,) = started
    assert process.returncode == -signal.SIGKILL
    assert process.stdout is not None
    assert process.stdout.closed


@pytest.mark.parametrize("name", ["CLIENT_ID", "CLIENT_SECRET", "CUSTOMER_ID"])
def test_credentials_that_are_missing_are_named(settings: Settings, name: str) -> None:
    settings.REDPIN = {**settings.REDPIN, name: ""}
    with pytest.raises(CommandError, match=f"{name}.*any credentials will do"):
        call_command("redpin_sandbox")


def test_an_account_that_is_unknown_is_named(settings: Settings) -> None:
    with pytest.raises(CommandError, match="nobody"):
        call_command("redpin_sandbox", account="nobody")


def set_up(settings: Settings, **changes: Any) -> list[str]:
    given = {name: value for name, value in settings.REDPIN.items() if name != "TOKEN_URL"}
    settings.DEBUG = True
    settings.REDPIN = {**given, "BASE_URL": URL, "HOSTED_PAGE_ORIGINS": [URL], **changes}
    text = advice("default", URL, "http://127.0.0.1:8000")
    return [line.strip() for line in text.splitlines() if line.startswith("    ")]


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, []),
        ({"BASE_URL": f"{URL}/"}, []),
        ({"TOKEN_URL": f"{URL}{TOKENS}"}, []),
        ({"BASE_URL": "https://api.redpin.test"}, [f'REDPIN["BASE_URL"] = "{URL}"']),
        ({"HOSTED_PAGE_ORIGINS": []}, [f'REDPIN["HOSTED_PAGE_ORIGINS"] = ["{URL}"]']),
        ({"TOKEN_URL": "https://a.test/t"}, [f'REDPIN["TOKEN_URL"] = "{URL}{TOKENS}"']),
        ({"WEBHOOK_BASE_URL": ""}, ['REDPIN["WEBHOOK_BASE_URL"] = "http://127.0.0.1:8000"']),
        ({"PROXIES": {"https": "http://proxy.test:3128"}}, ['REDPIN["PROXIES"] = {}']),
    ],
)
def test_only_what_has_to_change_is_printed(
    settings: Settings, changes: dict[str, Any], lines: list[str]
) -> None:
    assert set_up(settings, **changes) == lines


def test_where_there_is_no_secret_for_webhooks_a_good_one_is_made_up(settings: Settings) -> None:
    lines = [*set_up(settings, WEBHOOK_SECRETS=[]), *set_up(settings, WEBHOOK_SECRETS=[])]

    secrets = re.findall(
        r'^REDPIN\["WEBHOOK_SECRETS"\] = \["([\w-]{43})"\]$', "\n".join(lines), re.MULTILINE
    )
    assert len(set(secrets)) == len(lines) == 2


def test_it_takes_each_option_of_the_sandbox_that_no_setting_stands_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Started:
        returncode = 0

        def __init__(self, command: list[str], **given: Any) -> None:
            self.stdout = io.StringIO()
            commands.append(command)

        def wait(self) -> None: ...

        def poll(self) -> int:
            return 0

    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "Popen", Started)
    own = {action.dest for action in _parser()._actions}
    taken = {
        action.dest for action in Command().create_parser("manage.py", "redpin_sandbox")._actions
    }
    assert own - taken == {"client_id", "client_secret", "customer_id", "purposes"}
    call_command("redpin_sandbox", "--manual", "--temporary")
    call_command("redpin_sandbox", "--list-shows-url", "--temporary")
    flags = [{"--manual", "--list-shows-url"}.intersection(command) for command in commands]
    assert flags == [{"--manual"}, {"--list-shows-url"}]


@pytest.mark.parametrize(
    ("bound", "asked"),
    [
        ("http://0.0.0.0:8001", "http://127.0.0.1:8001"),
        ("http://[::]:8001", "http://[::1]:8001"),
        ("http://192.0.2.7:8001", "http://192.0.2.7:8001"),
    ],
)
def test_an_address_that_stands_for_all_is_no_address_to_ask(
    settings: Settings, bound: str, asked: str
) -> None:
    set_up(settings, BASE_URL="https://api.redpin.test")
    assert f'REDPIN["BASE_URL"] = "{asked}"' in advice("default", bound, "")


def test_without_debug_it_says_what_that_is_for(settings: Settings) -> None:
    set_up(settings)
    settings.DEBUG = False
    assert "DEBUG = True  # for plain HTTP" in advice("default", URL, "")
    settings.DEBUG = True
    assert advice("default", URL, "") == "The settings lead here already.\n"


def test_an_account_has_lines_of_its_own(settings: Settings) -> None:
    settings.DEBUG = True
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"agency": {"CUSTOMER_ID": "7"}}}
    text = advice("agency", URL, "")
    assert f'    REDPIN["ACCOUNTS"]["agency"]["BASE_URL"] = "{URL}"\n' in text


@pytest.mark.parametrize(
    ("base_url", "token_url"),
    [
        ("http://127.0.0.1:8001", "http://127.0.0.1:8001/auth/oauth/v2/token"),
        ("http://localhost:8001/below/", "http://localhost:8001/below/auth/oauth/v2/token"),
        ("http://[::1]:8001", "http://[::1]:8001/auth/oauth/v2/token"),
        ("https://api.redpin.test", "https://api.currenciesdirect.com/auth/oauth/v2/token"),
        ("http://127.0.0.1.evil.test", "https://api.currenciesdirect.com/auth/oauth/v2/token"),
        ("nonsense", "https://api.currenciesdirect.com/auth/oauth/v2/token"),
    ],
)
def test_tokens_come_from_a_redpin_on_this_machine_and_else_from_redpins_host(
    settings: Settings, base_url: str, token_url: str
) -> None:
    settings.REDPIN = {"BASE_URL": base_url}
    assert get_account().token_url == token_url
    settings.REDPIN = {"BASE_URL": base_url, "TOKEN_URL": "https://own.test/t"}
    assert get_account().token_url == "https://own.test/t"


@pytest.mark.parametrize("page", ["README.md", "docs/sandbox.md"])
def test_the_pages_say_what_the_command_prints(settings: Settings, page: str) -> None:
    lines = set_up(settings, BASE_URL="https://api.redpin.test", HOSTED_PAGE_ORIGINS=[])
    assert len(lines) == 2
    assert "\n".join(["```python", *lines, "```"]) in (ROOT / page).read_text()
