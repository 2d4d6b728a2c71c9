"""`redpin_check`: what is right, what is not, line by line, each with its cure and no secret."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from io import BytesIO, StringIO, TextIOWrapper
from typing import Any

import pytest
import trustme
from celery import current_app
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, connections
from django.db.migrations.executor import MigrationExecutor
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from django_redpin.conf import get_account
from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session, diagnosis
from django_redpin.services.diagnosis import database, findings, project, webhook
from django_redpin.services.diagnosis.findings import Finding
from tests.redpin_server import FakeRedpin, Handler

from .site import site

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(minutes=11)


@pytest.fixture(autouse=True)
def _inline(settings: Settings) -> None:
    """Celery has tests of its own, and no worker here."""
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_PROCESSING": "inline"}


@pytest.fixture
def right(redpin: FakeRedpin, live_server: LiveServer, settings: Settings) -> FakeRedpin:
    """All is as it should be on a laptop: a Redpin that answers, and our view at its address."""
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_BASE_URL": live_server.url}
    return redpin


def check(*arguments: str) -> tuple[int, list[dict[str, str]]]:
    """Return the exit code and the findings; none of them holds a secret."""
    out = StringIO()
    code = 0
    try:
        call_command("redpin_check", "--json", *arguments, stdout=out)
    except CommandError as error:
        code = error.returncode
    assert "canary" not in out.getvalue()
    return code, json.loads(out.getvalue())


def about(subject: str, found: list[dict[str, str]]) -> list[dict[str, str]]:
    return [each for each in found if each["subject"] == subject]


def worst(subject: str, found: list[dict[str, str]]) -> dict[str, str]:
    """Return the worst of what is said of the subject; what is not right has a cure."""
    told = about(subject, found)
    assert all(each["cure"] for each in told if each["level"] in ("warning", "error")), told
    return max(told, key=lambda each: diagnosis.LEVELS.index(each["level"]))


@pytest.mark.django_db(transaction=True)
def test_all_is_right(right: FakeRedpin) -> None:
    code, found = check()

    assert code == 0
    assert not [each for each in found if each["level"] == "error"]
    texts = " ".join(each["text"] for each in found)
    assert "gives an access token" in texts
    assert "accepts CUSTOMER_ID" in texts
    assert "clocks differ by less than" in texts
    assert "Our view answers there" in texts
    assert "may be shown" in texts
    # Two calls, which change nothing, and one for the token that the list call needs.
    assert [call.method for call in right.calls if "oauth" not in call.path] == ["GET"]
    assert WebhookEvent.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_warnings_fail_if_that_is_asked_for(right: FakeRedpin) -> None:
    assert check("--fail-level", "warning")[0] == 1


def test_offline_asks_nothing_over_the_network(
    redpin: FakeRedpin, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: pytest.fail("It looked up a name."))
    code, found = check("--offline")

    assert code == 0
    assert [each["level"] for each in about("network", found)] == ["skipped"]
    assert redpin.calls == []


def test_settings_that_are_wrong_are_told_with_their_ids(settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_SECRETS": ["canary-short"]}

    code, found = check("--offline")

    assert code == 1
    (told,) = [each for each in about("settings", found) if "E006" in each["text"]]
    assert told["level"] == "error"
    assert "token_urlsafe" in told["cure"]


def test_what_is_right_on_a_laptop_is_a_warning_there(settings: Settings) -> None:
    def level() -> str:
        _, found = check("--offline")
        (told,) = [each for each in about("settings", found) if "E023" in each["text"]]
        return told["level"]

    assert level() == "error"
    settings.DEBUG = True
    assert level() == "warning"


@pytest.mark.parametrize("given", [None, {}, 7, {"ACCOUNTS": 7}, {"CLIENT_ID": 7}])
def test_no_settings_crash_it(settings: Settings, given: Any) -> None:
    settings.REDPIN = given

    code, found = check("--offline")

    assert code == 1
    assert worst("settings", found)["level"] == "error"


def test_credentials_that_are_refused(right: FakeRedpin) -> None:
    right.token_script.append(lambda handler: handler.raw(401, b'{"error": "invalid_client"}'))

    code, found = check()

    assert code == 1
    told = worst("account default", found)
    assert "TOKEN_URL" in told["cure"]
    assert "CLIENT_ID and CLIENT_SECRET" in told["text"]


@pytest.mark.parametrize(
    ("status", "cure"), [(404, "CUSTOMER_ID, BASE_URL"), (403, "CUSTOMER_ID"), (503, "")]
)
def test_a_customer_id_that_is_not_accepted(
    right: FakeRedpin, no_retries: None, status: int, cure: str
) -> None:
    right.list_script.extend([lambda handler: handler.raw(status, b"{}")] * 2)

    code, found = check()

    assert code == 1
    told = worst("account default", found)
    assert f"{status}" in told["text"]
    assert cure in told["cure"]


@pytest.mark.parametrize(
    ("nowhere", "cure"),
    [
        ("http://127.0.0.1:9", "python manage.py redpin_sandbox"),
        ("https://redpin.invalid", "DNS and firewall"),
    ],
)
def test_a_redpin_that_is_down(
    redpin: FakeRedpin, settings: Settings, nowhere: str, cure: str
) -> None:
    settings.REDPIN = {**settings.REDPIN, "BASE_URL": nowhere, "TOKEN_URL": f"{nowhere}/token"}

    code, found = check()

    told = worst("account default", found)
    assert (code, told["level"]) == (1, "error")
    assert cure in told["cure"]


@pytest.mark.parametrize(
    ("seconds", "level"), [(5, "ok"), (30, "warning"), (-30, "warning"), (90, "error")]
)
def test_a_clock_that_is_wrong(
    monkeypatch: pytest.MonkeyPatch, right: FakeRedpin, seconds: int, level: str
) -> None:
    right.clock = timedelta(seconds=seconds)

    _, found = check()

    clock = [each for each in found if "clock" in each["text"]]
    assert [each["level"] for each in clock] == [level]
    if level != "ok":
        assert ("behind" if seconds > 0 else "ahead of") in clock[0]["text"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": 301, "location": "https://u:canary@shop.test/x/?canary#canary"}, "a redirect"),
        ({"status": 302, "location": "/login/?next=canary"}, "a redirect to /login/"),
        ({"status": 308, "location": "https://["}, "a redirect"),
        ({"status": 401, "content_type": "text/html"}, "a web page; something before our view"),
        ({"status": 401, "body": b'{"detail": "Authentication credentials"}'}, "before our view"),
        ({"status": 403}, "firewall or a CSRF check"),
        ({"status": 404, "content_type": "text/html"}, "no such path"),
        ({"status": 400}, "refused before our view"),
        ({"status": 405}, "no POST"),
        ({"status": 413}, "body is refused"),
        ({"status": 502, "content_type": "text/html"}, "fails"),
        ({"status": 503, "body": b'{"detail": "The webhook is not configured."}'}, "settings let"),
        ({"status": 200}, "proves nothing"),
        ({"status": 200, "content_type": "text/html; charset=x", "body": b"<html>"}, "a web page"),
        ({"status": 418, "body": b"\xff\x00"}, "proves nothing"),
    ],
)
def test_what_answers_in_our_views_place(
    redpin: FakeRedpin, settings: Settings, answer: dict[str, Any], said: str
) -> None:
    with site(**answer) as other:
        settings.REDPIN = {**settings.REDPIN, "WEBHOOK_BASE_URL": other.url}
        code, found = check()

    assert code == 1
    told = worst("webhook default", found)
    assert (told["level"], said in told["text"]) == ("error", True), told
    (path,) = other.paths
    assert path.startswith("/redpin/webhooks/default/unsigned-")


def test_our_view_is_known_when_it_has_refused_too_often(
    redpin: FakeRedpin, settings: Settings
) -> None:
    body = b'{"detail": "Too many were not verified."}'
    with site(status=429, body=body) as other:
        settings.REDPIN = {**settings.REDPIN, "WEBHOOK_BASE_URL": other.url}
        assert about("webhook default", check()[1])[-1]["level"] == "ok"


def test_a_site_that_is_down(redpin: FakeRedpin, settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_BASE_URL": "http://127.0.0.1:9"}

    told = worst("webhook default", check()[1])

    assert "gives no answer to a POST (ConnectionError)" in told["text"]


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> trustme.CA:
    """An authority that is trusted like those that everybody trusts."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setattr(webhook, "_TRUSTED", str(tmp_path / "ca.pem"))
    return ca


def secure(ca: trustme.CA, **how: Any) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1", **how).configure_cert(tls)
    return tls


@pytest.mark.parametrize(
    ("days", "level", "said"),
    [(90, "ok", "is good until"), (5, "warning", "ends in 4 days"), (-1, "error", "expired")],
)
def test_a_certificate(
    redpin: FakeRedpin,
    settings: Settings,
    authority: trustme.CA,
    days: int,
    level: str,
    said: str,
) -> None:
    until = datetime.now(timezone.utc) + timedelta(days=days)
    tls = secure(authority, not_after=until, not_before=until - timedelta(days=400))
    body = b'{"detail": "This post was not verified."}'
    with site(tls, status=401, body=body) as other:
        settings.REDPIN = {**settings.REDPIN, "WEBHOOK_BASE_URL": other.url}
        found = about("webhook default", check()[1])

    told = [each for each in found if "certificate" in each["text"]]
    assert [each["level"] for each in told] == [level]
    assert said in told[0]["text"]
    assert ("Our view answers there" in found[-1]["text"]) == (level != "error")


def test_a_certificate_that_nobody_signed(redpin: FakeRedpin, settings: Settings) -> None:
    with site(secure(trustme.CA())) as other:
        settings.REDPIN = {**settings.REDPIN, "WEBHOOK_BASE_URL": other.url}
        told = worst("webhook default", check()[1])

    assert "a certificate that does not hold" in told["text"]
    assert other.paths == []


def test_plain_http_where_tls_should_be(redpin: FakeRedpin, settings: Settings) -> None:
    with site() as other:
        url = other.url.replace("http:", "https:")
        settings.REDPIN = {**settings.REDPIN, "WEBHOOK_BASE_URL": url}
        assert "speaks no TLS" in worst("webhook default", check()[1])["text"]
    assert "takes no connection" in worst("webhook default", check()[1])["text"]


@pytest.mark.parametrize(
    ("answer", "level", "said"),
    [
        ([], "error", "no address in the DNS"),
        (["192.168.1.7"], "warning", "no public address as seen from here: 192.168.1.7"),
        (["fe80::1%eth0"], "warning", "no public address"),
        (["192.168.1.7", "93.184.216.34"], "ok", "has a public address"),
    ],
)
def test_a_name(monkeypatch: pytest.MonkeyPatch, answer: list[str], level: str, said: str) -> None:
    def look_up(*args: object, **kwargs: object) -> list[Any]:
        if not answer:
            raise socket.gaierror
        return [(None, None, None, "", (address, 443)) for address in answer]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    finding = webhook._resolved("webhook default", "merchant.test", 443)

    assert (finding.level, said in finding.text) == (level, True)


def test_a_name_that_is_looked_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "_PATIENCE", 0.05)
    asked = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: asked.wait(5))

    finding = webhook._resolved("webhook default", "merchant.test", 443)

    asked.set()
    assert finding.level == "error"


@pytest.mark.parametrize(
    ("backend", "said"),
    [("dummy.DummyCache", "keeps nothing"), ("redis.RedisCache", "is out of reach")],
)
def test_a_cache_that_is_none(settings: Settings, backend: str, said: str) -> None:
    place = f"django.core.cache.backends.{backend}"
    settings.CACHES = {"default": {"BACKEND": place, "LOCATION": "redis://:canary@127.0.0.1:9"}}

    told = worst("cache", check("--offline")[1])

    assert said in told["text"]


def test_tokens_in_memory_alone_need_no_cache(settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "TOKEN_CACHE": None}
    assert worst("cache", check("--offline")[1])["level"] == "ok"


@pytest.fixture
def celery(settings: Settings) -> Iterator[Any]:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_PROCESSING": "task"}
    conf: Any = current_app.conf
    before = conf.broker_url
    yield conf
    conf.broker_url = before


@pytest.mark.heavy
def test_a_broker_that_can_be_reached_without_a_worker(celery: Any) -> None:
    broker, worker = project.celery_findings()

    assert (broker.level, worker.level) == ("ok", "warning")
    assert "celery -A yourproject worker" in worker.cure


@pytest.mark.heavy
def test_a_worker_that_answers(celery: Any, worker_thread: None) -> None:
    assert [each.level for each in project.celery_findings()] == ["ok", "ok"]


def test_a_broker_that_is_down(celery: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    celery.broker_url = "amqp://merchant:canary@127.0.0.1:9//"
    (finding,) = project.celery_findings()

    assert finding.level == "error"
    assert "canary" not in f"{finding}"


def test_migrations_that_are_not_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        MigrationExecutor, "migration_plan", lambda *a: [("redpin.0002_more", False)]
    )

    told = worst("database", check("--offline")[1])

    assert told["text"] == "Migrations are not applied: redpin.0002_more."
    assert told["cure"] == "Run manage.py migrate."


def test_a_database_that_is_away_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise OperationalError("canary in a row")

    monkeypatch.setattr(MigrationExecutor, "__init__", fail)

    told = worst("database", check("--offline")[1])

    assert told["text"] == "The database 'default' can't be used (OperationalError)."


def waiting(**columns: Any) -> WebhookEvent:
    event: WebhookEvent = WebhookEvent.objects.create(
        account=columns.pop("account", "default"), key=str(WebhookEvent.objects.count()), **columns
    )
    return event


def test_rows_that_nobody_works_on_tell_that_no_sweep_runs() -> None:
    waiting(next_attempt_at=datetime.now(timezone.utc) - timedelta(minutes=5))
    assert worst("sweeps", check("--offline")[1])["text"].startswith("1 rows are due")

    waiting(next_attempt_at=datetime.now(timezone.utc) - LONG_AGO)
    code, found = check("--offline")

    assert code == 1
    told = worst("sweeps", found)
    assert told["text"] == "Nobody does what is due: 2 events to process, the first for 11 minutes."
    assert "beat" in told["cure"]
    assert "cron" in told["cure"]


def test_what_needs_a_person_is_a_warning(
    redpin: FakeRedpin, arguments: dict[str, Any], agent: Recipient
) -> None:
    create_payment_session(**arguments)
    PaymentSession.objects.update(review_reason="amount", next_attempt_at=None)
    StatusTransition.objects.update(outcome="dead", next_attempt_at=None)
    Recipient.objects.filter(pk=agent.pk).update(last_error="no match")
    for outcome in ("dead", "orphan", "contradicted"):
        waiting(outcome=outcome)

    code, found = check("--offline")

    assert code == 0
    told = {each["text"] for each in about("rows", found) if each["level"] == "warning"}
    assert len(told) == len(database._TROUBLE) == 6
    assert all(text.startswith("1 ") for text in told)
    worst("rows", found)


def test_one_account_alone_is_looked_at(redpin: FakeRedpin, settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"gulf": {"CUSTOMER_ID": "7"}}}
    waiting(outcome="dead")

    subjects = {each["subject"] for each in check("--account", "gulf", "--offline")[1]}
    found = check("--account", "gulf", "--offline")[1]

    assert worst("rows", found)["level"] == "ok"
    assert "account default" not in subjects
    _, found = check()
    assert about("account gulf", found)
    assert about("account default", found)


def test_a_default_account_without_credentials_is_no_account(
    redpin: FakeRedpin, settings: Settings
) -> None:
    own = {name: settings.REDPIN[name] for name in ("CLIENT_ID", "CLIENT_SECRET", "CUSTOMER_ID")}
    none = dict.fromkeys(own, "")
    settings.REDPIN = {**settings.REDPIN, **none, "ACCOUNTS": {"gulf": own}}

    subjects = {each["subject"] for each in check()[1]}

    assert "account gulf" in subjects
    assert "account default" not in subjects


def test_it_ends_within_its_seconds(redpin: FakeRedpin) -> None:
    *_, last = diagnosis.diagnose(seconds=0)

    assert (last.level, redpin.calls) == ("warning", [])
    assert last.text == "Not looked at: 0 seconds are over."


def test_what_takes_too_long_is_left_to_itself() -> None:
    with pytest.raises(findings.TooLate):
        findings.within(0.01, lambda: time.sleep(0.2))
    with pytest.raises(KeyError):
        findings.within(1, lambda: dict[str, str]()["no"])


@pytest.mark.django_db(transaction=True)
def test_what_asked_the_database_in_its_own_thread_leaves_no_connection_open() -> None:
    """As a cache in the database does."""

    def ask() -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return connection.connection, connections["default"]

    _, theirs = findings.within(5, ask)

    assert theirs is not connections["default"]
    assert theirs.connection is None


def test_a_server_that_takes_connections_and_says_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook, "_PATIENCE", 0.01)
    monkeypatch.setattr(webhook, "_end_of_certificate", lambda host, port: time.sleep(0.2))

    found = webhook._certified("webhook default", "example.com", 443)

    assert (found.level, found.text) == (
        "error",
        "example.com says nothing at port 443 for 0 seconds.",
    )


def test_a_large_table_is_counted_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "CAP", 3)
    for _ in range(5):
        waiting(outcome="dead")

    assert worst("rows", check("--offline")[1])["text"] == "3 or more events were given up."


def test_a_recipient_that_is_still_tried_by_itself_needs_nobody(agent: Recipient) -> None:
    later = datetime.now(timezone.utc) + timedelta(minutes=5)
    Recipient.objects.filter(pk=agent.pk).update(last_error="no answer", next_attempt_at=later)

    assert worst("rows", check("--offline")[1])["level"] == "ok"


@pytest.mark.parametrize(("encoding", "mark"), [("utf-8", "\u2713"), ("ascii", "ok")])
def test_the_marks_are_those_that_can_be_written(
    monkeypatch: pytest.MonkeyPatch, encoding: str, mark: str
) -> None:
    monkeypatch.setattr(
        "django_redpin.management.commands.redpin_check.diagnose",
        lambda *a, **k: iter(
            [Finding("cache", "ok", "Fine."), Finding("rows", "warning", "2.", "C")]
        ),
    )
    raw = BytesIO()
    out = TextIOWrapper(raw, encoding=encoding, write_through=True)
    call_command("redpin_check", stdout=out)

    warned = "!" if encoding == "utf-8" else "WARN"
    assert raw.getvalue().decode() == f"{mark} cache: Fine.\n{warned} rows: 2.\n    C\n"
    quiet = StringIO()
    call_command("redpin_check", verbosity=0, stdout=quiet)
    assert quiet.getvalue() == "WARN rows: 2.\n    C\n"


def test_settings_that_are_right_to_the_last_are_said_to_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def passing(*args: object, **options: object) -> list[object]:
        return []

    monkeypatch.setattr("django.core.checks.run_checks", passing)

    (finding,) = project.settings_findings()
    assert (finding.level, finding.text) == (
        "ok",
        "All system checks of REDPIN pass, those of --deploy too.",
    )


def test_of_celery_nothing_is_said_where_nobody_knows_whether_it_is_used(
    settings: Settings,
) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_PROCESSING": "pigeon"}

    assert [*project.celery_findings()] == []


def test_a_transport_that_can_ask_no_worker_has_none(
    celery: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**options: object) -> None:
        raise NotImplementedError("canary")

    monkeypatch.setattr(current_app.control, "ping", fail)

    broker, worker = project.celery_findings()
    assert (broker.level, worker.level) == ("ok", "warning")
    assert "canary" not in f"{worker}"


def test_of_a_clock_that_redpin_did_not_show_nothing_is_said(
    right: FakeRedpin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handler, "date_time_string", lambda *args: "yesterday")

    assert not [each for each in check()[1] if "clock" in each["text"]]


urlpatterns: list[Any] = []


def test_a_project_without_our_urls_has_no_webhook_to_ask(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__

    (finding,) = webhook.webhook_findings(get_account())

    assert finding.level == "error"
    assert "include('django_redpin.urls')" in finding.text
    assert finding.cure
