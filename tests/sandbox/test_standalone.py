"""``python -m django_redpin.sandbox`` as a process: starting, serving, stopping, refusing."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from django.db import DatabaseError

from django_redpin.sandbox import server
from django_redpin.sandbox.__main__ import main
from django_redpin.sandbox.models import ApiFault, CallbackFault, Subscription

from .conftest import CUSTOMER, Receiver, amount, in_days

ARGUMENTS = ["--client-id", "merchant", "--customer-id", "42"]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "django_redpin.sandbox", *ARGUMENTS, *arguments]


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REDPIN_")}
    # What a merchant's process around it has set is no concern of the sandbox.
    return kept | {"DJANGO_SETTINGS_MODULE": "merchant.settings"} | changes


def refused(*arguments: str, **changes: str) -> str:
    """Run a sandbox that cannot start; return what it says."""
    done = subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=20,
        env=environment(**changes),
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


def start(database: Path, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        command("--port", "0", "--database", str(database), *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(REDPIN_SANDBOX_CLIENT_SECRET="a-secret"),
    )
    assert process.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
    assert found is not None
    return process, found[0]


def stop(process: subprocess.Popen[str], number: int) -> tuple[int, str]:
    process.send_signal(number)
    try:
        rest, _ = process.communicate(timeout=10)
    finally:
        process.kill()
    return process.returncode, rest


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    database = tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite3"
    process, address = start(database, "--step-seconds", "0", "--list-shows-url")
    yield address
    status, rest = stop(process, signal.SIGINT)
    assert (status, rest) == (0, "Redpin sandbox: stopped\n")


def headers(address: str) -> dict[str, str]:
    form = {
        "grant_type": "client_credentials",
        "client_id": "merchant",
        "client_secret": "a-secret",
    }
    token = requests.post(f"{address}/auth/oauth/v2/token", data=form, timeout=5).json()
    return {"Authorization": f"Bearer {token['access_token']}"}


def request(reference: str, callback: str) -> dict[str, object]:
    return {
        "client_customer_ref": "CUST_001",
        "client_reference_id": reference,
        "amount": amount(100),
        "due_date": in_days(10),
        "purpose_of_transaction": "RENT",
        "recipient_details": [{"recipient_id": "1", "amount": amount(100)}],
        "allowed_origins": ["https://merchant.example"],
        "callbacks": [callback],
    }


@pytest.mark.slow
def test_a_payment_from_end_to_end(running: str, receiver: Receiver) -> None:
    signed_in = headers(running)
    sessions = f"{running}/v1/customers/42/sessions"
    created = requests.post(
        sessions, json=request("r", f"{receiver.url}/hook"), headers=signed_in, timeout=5
    )
    assert created.status_code == 201
    address = created.json()["session_url"]
    assert address.startswith(f"{running}/pay/")
    page = requests.get(address, timeout=5).text
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token is not None
    form = {"token": token[1], "action": "pay", "pay_from": "AED"}

    # Eight impatient presses at once: threads, one database, one payment.
    answers: list[int] = []
    presses = [
        threading.Thread(
            target=lambda: answers.append(requests.post(address, data=form, timeout=5).status_code)
        )
        for _ in range(8)
    ]
    for press in presses:
        press.start()
    for press in presses:
        press.join()
    assert answers == [200] * 8

    limit = time.monotonic() + 10
    while len(receiver.posted) < 4 and time.monotonic() < limit:
        time.sleep(0.02)
    assert receiver.statuses == [
        "PROCESSING",
        "PAYOUT_INITIATED",
        "PAYOUT_CREDITED",
        "PAYMENT_COMPLETED",
    ]
    found = requests.get(
        sessions, params={"client_reference_id": "r"}, headers=signed_in, timeout=5
    )
    (record,) = found.json()["sessions"]
    assert record["latest_status"] == "PAYMENT_COMPLETED"
    assert record["session_url"] == address


def test_pages_come_with_their_style(running: str) -> None:
    page = requests.get(running, timeout=5)
    assert page.status_code == 200
    found = re.search(r'href="(/static/[^"]+\.css)"', page.text)
    assert found is not None
    style = requests.get(running + found[1], timeout=5)
    assert style.status_code == 200
    assert style.headers["Content-Type"].startswith("text/css")


def test_one_reference_created_many_times_at_once_is_one_session(running: str) -> None:
    signed_in = headers(running)
    statuses: list[int] = []

    def create() -> None:
        response = requests.post(
            f"{running}/v1/customers/42/sessions",
            json=request("same", "https://merchant.example/hook"),
            headers=signed_in,
            timeout=10,
        )
        statuses.append(response.status_code)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] + [400] * 7


def test_another_host_name_is_refused(running: str) -> None:
    response = requests.get(running, headers={"Host": "evil.example"}, timeout=5)
    assert response.status_code == 400
    assert "Traceback" not in response.text


@pytest.mark.slow
def test_sessions_outlive_a_restart_and_sigterm_stops_it(tmp_path: Path) -> None:
    database = tmp_path / "sandbox.sqlite3"
    process, address = start(database)
    created = requests.post(
        f"{address}/v1/customers/42/sessions",
        json=request("kept", "https://merchant.example/hook"),
        headers=headers(address),
        timeout=5,
    ).json()
    assert stop(process, signal.SIGTERM) == (0, "Redpin sandbox: stopped\n")
    process, address = start(database)
    path = created["session_url"].partition("/pay/")[2]
    assert requests.get(f"{address}/pay/{path}", timeout=5).status_code == 200
    assert stop(process, signal.SIGTERM)[0] == 0


@pytest.mark.slow
def test_with_manual_a_payment_waits_for_what_is_decided(tmp_path: Path) -> None:
    process, address = start(tmp_path / "sandbox.sqlite3", "--manual", "--step-seconds", "0")
    try:
        created = requests.post(
            f"{address}/v1/customers/42/sessions",
            json=request("waits", "https://merchant.example/hook"),
            headers=headers(address),
            timeout=30,
        ).json()
        control = f"{address}/control/sessions/{created['session_id']}"
        begun = requests.post(f"{control}/pay", json={}, timeout=30).json()
        assert (begun["paused"], begun["latest_status"]) == (True, "PROCESSING")
        done = requests.post(f"{control}/next", json={}, timeout=30).json()
        assert (done["paused"], done["latest_status"]) == (True, "PAYOUT_INITIATED")
    finally:
        stop(process, signal.SIGTERM)


@pytest.mark.slow
def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = refused(
            "--port", port, "--database", str(tmp_path / "db"), "--client-secret", "a-secret"
        )
    assert f"port {port}" in said
    assert "--port" in said


@pytest.mark.slow
def test_a_database_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.sqlite3"
    broken.write_text("This is no database, and it is long enough to be looked at. " * 20)
    said = refused("--port", "0", "--database", str(broken), "--client-secret", "a-secret")
    assert str(broken) in said
    assert "--database" in said
    assert broken.read_text().startswith("This is no database")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "REDPIN_SANDBOX_CLIENT_SECRET"),
        (["--client-secret", "s", "--port", "70000"], "port"),
        (["--client-secret", "s", "--port", "http"], "port"),
        (["--client-secret", "s", "--step-seconds", "nan"], "number"),
        (["--client-secret", "s", "--step-seconds", "-1"], "number"),
        (["--client-secret", "s", "--step-seconds", "soon"], "number"),
        (["--client-secret", "s", "--session-minutes", "0"], "at least"),
        (["--client-secret", "s", "--customer-id", "a/b"], "slash"),
        (["--client-secret", "s", "--database", "no/such/directory.sqlite3"], "directory"),
        (["--client-secret", "s", "--database", "."], "directory"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(
    arguments: list[str],
    word: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("REDPIN_SANDBOX_CLIENT_SECRET", raising=False)
    with pytest.raises(SystemExit) as ended:
        main([*ARGUMENTS, "--database", "unused.sqlite3", *arguments])
    assert ended.value.code == 2
    assert word in capsys.readouterr().err


@pytest.mark.slow
def test_a_fault_of_an_earlier_run_is_told_at_the_start(tmp_path: Path) -> None:
    process, address = start(tmp_path / "sandbox.sqlite3")
    for path, fault in (
        ("faults", {"call": "list", "fault": "error", "times": None}),
        ("callback-fault", {"kind": "drop"}),
    ):
        answer = requests.post(f"{address}/control/{path}", json=fault, timeout=5)
        assert answer.ok
    assert stop(process, signal.SIGTERM) == (0, "Redpin sandbox: stopped\n")

    process, address = start(tmp_path / "sandbox.sqlite3")
    assert process.stdout is not None
    told = process.stdout.readline()
    assert stop(process, signal.SIGTERM) == (0, "Redpin sandbox: stopped\n")
    see = f"see {address}/faults/ and {address}/callbacks/"
    assert told == f"Faults of an earlier run that still wait: 2; {see}\n"


# --- in this process, where a sandbox takes no second to begin ------------------------------------


@pytest.fixture
def handled() -> Iterator[None]:
    """Give the signals back that a sandbox takes."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def taken_port() -> tuple[socket.socket, str]:
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    return taken, str(taken.getsockname()[1])


@pytest.mark.usefixtures("transactional_db", "handled")
def test_what_waits_from_an_earlier_run_is_told_and_the_endpoint_of_events_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ApiFault.objects.create(call="list", fault="error", left=None)
    ApiFault.objects.create(call="list", fault="error", left=0)  # This one is used up.
    CallbackFault.objects.create(kind="drop")
    told: list[str] = []

    def say(text: str) -> None:
        told.append(text)
        if len(told) == 2:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(server, "_say", say)
    endpoint = "https://merchant.example/redpin/webhooks/default/a-token/"

    server.serve("127.0.0.1", 0, endpoint)

    listens, waiting, stopped = told
    found = re.fullmatch(r"Redpin sandbox: (http://127\.0\.0\.1:\d+/) \(Ctrl-C stops it\)", listens)
    assert found is not None
    see = f"see {found[1]}faults/ and {found[1]}callbacks/"
    assert waiting == f"Faults of an earlier run that still wait: 2; {see}"
    assert stopped == "Redpin sandbox: stopped"
    assert {each.customer_id for each in Subscription.objects.all()} == {CUSTOMER}
    with pytest.raises(requests.ConnectionError):
        requests.get(found[1], timeout=5)


def test_a_taken_port_ends_it_with_2_and_names_the_cure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr("django.setup", lambda: None)  # It was, with our settings.
    taken, port = taken_port()
    database = str(tmp_path / "db")
    given = [*ARGUMENTS, "--client-secret", "s", "--port", port, "--database", database]
    with taken:
        assert main([*given, "--session-minutes", "0.5"]) == 2

    said = capsys.readouterr().err
    assert said.startswith(f"Cannot listen on 127.0.0.1 port {port}: ")
    assert said.endswith("choose another with --port.\n")
    assert os.environ["REDPIN_SANDBOX_SESSION_MINUTES"] == "0.5"


def test_whoever_lets_other_machines_in_is_warned(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr("django.setup", lambda: None)
    served: list[tuple[str, int, str]] = []
    monkeypatch.setattr(server, "serve", lambda *given: served.append(given))
    given = [*ARGUMENTS, "--client-secret", "s", "--database", str(tmp_path / "db")]

    for bind in ("127.0.0.1", "192.0.2.7"):
        assert main([*given, "--bind", bind, "--port", "8001"]) == 0
        said = capsys.readouterr().err
        assert ("192.0.2.7 can be reached from other machines" in said) == (bind == "192.0.2.7")
    assert served == [("127.0.0.1", 8001, ""), ("192.0.2.7", 8001, "")]


def test_a_database_that_can_not_be_migrated_is_named_and_the_port_is_free_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise DatabaseError("file is not a database")

    monkeypatch.setattr(server, "call_command", fail)
    monkeypatch.setattr(server, "connection", Unused())
    taken, port = taken_port()
    taken.close()

    with pytest.raises(server.CannotServe, match="database shop: file is not") as raised:
        server.serve("127.0.0.1", int(port))
    assert "--database" in str(raised.value)
    with socket.socket() as again:
        again.bind(("127.0.0.1", int(port)))


class Unused:
    """The connection of a process that could use none."""

    settings_dict = {"NAME": "shop"}

    def close(self) -> None: ...


def test_a_browser_that_goes_away_is_no_error_and_anything_else_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ours = server.Server(("127.0.0.1", 0), server.Handler)
    said = []
    for error in (ConnectionResetError(), ConnectionRefusedError(), ValueError("a surprise")):
        try:
            raise error
        except (OSError, ValueError):
            ours.handle_error(None, ("127.0.0.1", 1))
        said.append("Traceback" in capsys.readouterr().err)
    ours.server_close()

    assert said == [False, False, True]
