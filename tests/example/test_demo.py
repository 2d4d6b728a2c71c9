"""The demo's own parts: ports, child processes, the small browser, and what logs must not show."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from django_redpin.logs import HideTokens
from example_project.demo.__main__ import main
from example_project.demo.pages import PageProblem, _Reader
from example_project.demo.ports import PortProblem, require_free
from example_project.demo.prepare import REPOSITORY, Addresses, NotPrepared, environment
from example_project.demo.processes import ChildDied, Children
from example_project.logs import HideKeys

AT = Addresses("http://127.0.0.1:8000", "http://127.0.0.1:8001")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


@pytest.mark.parametrize("option", ["--port", "--sandbox-port"])
def test_a_taken_port_is_told_with_the_option_that_names_another(
    taken: int, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {"--port": "--sandbox-port", "--sandbox-port": "--port"}[option]

    status = main([option, str(taken), other, str(_free())])

    assert status == 2
    told = capsys.readouterr().err
    assert f"Port {taken} on 127.0.0.1 is taken" in told
    assert f"with {option} " in told


@pytest.mark.parametrize(("port", "sandbox_port"), [(0, 8001), (65536, 8001), (-1, 8001), (9, 9)])
def test_ports_that_can_not_be_are_refused(port: int, sandbox_port: int) -> None:
    with pytest.raises(PortProblem, match="--port"):
        require_free({"--port": port, "--sandbox-port": sandbox_port})


@pytest.mark.parametrize("arguments", [["--timeout", "0"], ["--timeout", "soon"], ["--port", "x"]])
def test_options_that_make_no_sense_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense", "DATABASE_URL is not understood; give one such as postgres://"),
        ("postgres://x@127.0.0.1:1/x", "Check DATABASE_URL"),
    ],
)
def test_a_database_that_can_not_be_used_is_told_in_one_line_with_status_2(
    tmp_path: Path, url: str, told: str
) -> None:
    ports = ["--port", str(_free()), "--sandbox-port", str(_free())]
    done = subprocess.run(
        [sys.executable, "-m", "example_project.demo", "--once", *ports],
        cwd=REPOSITORY,
        env={**os.environ, "DEMO_DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    reason, where = done.stderr.splitlines()
    assert done.returncode == 2
    assert told in reason
    assert where == f"The logs and the data are in {tmp_path / 'data'}"


def test_secrets_are_random_kept_and_for_their_owner_alone(tmp_path: Path) -> None:
    first = environment(tmp_path / "one", AT)
    other = environment(tmp_path / "two", AT)

    assert environment(tmp_path / "one", AT)["SECRET_KEY"] == first["SECRET_KEY"]
    for name in ("SECRET_KEY", "REDPIN_CLIENT_SECRET", "REDPIN_WEBHOOK_SECRETS"):
        assert first[name] != other[name]
        assert len(first[name]) > 40
    assert (tmp_path / "one" / "secrets.json").stat().st_mode & 0o077 == 0


def test_a_data_directory_that_can_not_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotPrepared, match="DEMO_DATA_DIR"):
        environment(tmp_path / "file" / "below", AT)

    (tmp_path / "secrets.json").write_text("{")
    with pytest.raises(NotPrepared, match="damaged"):
        environment(tmp_path, AT)


def test_no_process_is_left_not_even_a_childs_child_that_ignores_its_signal(
    tmp_path: Path,
) -> None:
    stubborn = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *a: sys.exit())\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal, time;"
        " signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True);"
        " time.sleep(60)'], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with Children(dict(os.environ), tmp_path, tmp_path) as children:
        children.start("stubborn", [sys.executable, "-c", stubborn])
        log = tmp_path / "stubborn.log"
        while not log.read_text().strip():
            children.watch(0.05)
        grandchild = int(log.read_text())

    assert _is_gone(grandchild)
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN


def test_a_child_that_dies_stops_the_others_and_its_log_is_quoted(tmp_path: Path) -> None:
    sleep, break_down = "import time; time.sleep(60)", "print('out of luck'); raise SystemExit(3)"
    with Children(dict(os.environ), tmp_path, tmp_path) as children:
        children.start("steady", [sys.executable, "-c", sleep])
        steady = children._children[0].process
        children.start("broken", [sys.executable, "-c", break_down])
        with pytest.raises(ChildDied, match=r"The broken ended by itself") as died:
            children.watch(30)

    assert "exit status 3" in str(died.value)
    assert "out of luck" in str(died.value)
    assert steady.poll() is not None


def test_complaints_are_found_in_the_logs(tmp_path: Path) -> None:
    with Children(dict(os.environ), tmp_path, tmp_path) as children:
        children.start("worker", [sys.executable, "-c", "import time; time.sleep(60)"])
        (tmp_path / "worker.log").write_text("fine\n[x: ERROR/Main] no broker\nfine\n")

        assert children.complaints() == ["worker.log: [x: ERROR/Main] no broker"]
        assert children.has_said("worker", "no broker")
        assert not children.has_said("beat", "no broker")


def test_the_small_browser_finds_forms_frames_choices_and_codes() -> None:
    page = _Reader(
        "http://shop.test/a/",
        """<iframe src="http://pay.test/x/"></iframe><a href="../b/">b</a>
        <form method="post" action="/send/" data-step="review">
        <input type="hidden" name="token" value="t&amp;1"><input name="empty">
        <input type="radio" name="pay_from" value="AED" checked>
        <input type="radio" name="pay_from" value="GBP">
        <button name="action" value="pay">Pay</button></form>
        <p role="alert">Not <b>so</b> fast</p>
        <code data-otp-session="s">123456</code><p>later</p>""",
    ).page

    form = page.form(step="review")
    assert (form.url, form.method) == ("http://shop.test/send/", "POST")
    assert form.values == {"token": "t&1", "empty": "", "pay_from": "AED"}
    assert form.choices == {"pay_from": ["AED", "GBP"]}
    assert (page.frames, page.links) == (["http://pay.test/x/"], ["http://shop.test/b/"])
    assert (page.codes, page.alerts) == (["123456"], ["Not so fast"])
    with pytest.raises(PageProblem, match=r"http://shop.test/a/… has no form with 'other'.*fast"):
        page.form(holding="other")


def test_logs_show_no_address_that_is_a_key() -> None:
    record = logging.LogRecord(
        "django.server",
        logging.INFO,
        "",
        0,
        '"%s" %s',
        ("POST /redpin/webhooks/default/ref/token/ HTTP/1.1", "200"),
        None,
    )
    order = logging.LogRecord("x", logging.INFO, "", 0, "Not Found: %s", ("/orders/key/",), None)

    assert HideTokens().filter(record)
    assert HideKeys().filter(order)

    assert record.getMessage() == '"POST /redpin/webhooks/default/*** HTTP/1.1" 200'
    assert order.getMessage() == "Not Found: /orders/***"


def _free() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _is_gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if _is_zombie(pid):
            return True
        time.sleep(0.05)
    return False


def _is_zombie(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z"
