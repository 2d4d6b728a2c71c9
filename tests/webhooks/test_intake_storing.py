"""What the webhook lets in is one row, committed, whatever is in it and however often it comes."""

from __future__ import annotations

import json
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import DataError, OperationalError, connection, connections, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from django_redpin.exceptions import OpenTransactionError
from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.rules.callback_tokens import sign
from django_redpin.services import create_payment_session
from django_redpin.services.dispatch import dispatch_transition
from django_redpin.services.leases import LEASE, claim
from django_redpin.services.process import process_event
from django_redpin.services.record import record_event
from django_redpin.signals import payment_session_created, payment_status_changed
from tests.fuzz.seeds import STORABLE
from tests.redpin_server import FakeRedpin
from tests.services.test_concurrency import at_once

from .posting import BODY, REFERENCE, SECRET, path, post

Outcome = WebhookEvent.Outcome
pytestmark = pytest.mark.django_db
# Costly: its tables are emptied after each test.
really_committed = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def queued(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The primary keys that were handed to the queue."""
    keys: list[int] = []

    def enqueue(task_name: str, pk: int) -> bool:
        keys.append(pk)
        return True

    monkeypatch.setattr("django_redpin.services.record.enqueue", enqueue)
    return keys


def rows_seen_by_another_connection() -> int:
    counts: list[int] = []

    def count() -> None:
        try:
            counts.append(WebhookEvent.objects.count())
        finally:
            connection.close()

    thread = threading.Thread(target=count)
    thread.start()
    thread.join()
    return counts[0]


# --- Once ---------------------------------------------------------------------------------------
@really_committed
def test_a18_a_hundred_copies_make_one_row_one_move_and_one_signal(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    session = create_payment_session(**arguments)
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    url = path(session.client_reference_id)
    heard: list[int] = []

    def receiver(sender: object, transition: StatusTransition, **kwargs: object) -> None:
        heard.append(transition.pk)

    def deliver(_: int) -> list[int]:
        answers = [post(url).status_code for _ in range(4)]
        for pk in WebhookEvent.objects.values_list("pk", flat=True):
            process_event(pk)
        for pk in StatusTransition.objects.values_list("pk", flat=True):
            dispatch_transition(pk)
        return answers

    payment_status_changed.connect(receiver)
    payment_session_created.connect(receiver)
    # A quarter of them as threads: a database has only so many connections.
    answers = [code for codes in at_once(deliver, 25) for code in codes]

    assert answers == [200] * 100
    assert WebhookEvent.objects.get().duplicates == 99
    assert StatusTransition.objects.filter(subject="payment_status").count() == 1
    assert sorted(heard) == sorted(StatusTransition.objects.values_list("pk", flat=True))


@really_committed
@pytest.mark.parametrize("is_distinct", [True, False])
def test_c7_forty_threads_are_all_answered_200(is_distinct: bool) -> None:
    def deliver(number: int) -> int:
        event_id = str(number) if is_distinct else "1"
        return int(post(path(), json.dumps({"event_id": event_id})).status_code)

    assert at_once(deliver, 40) == [200] * 40
    assert WebhookEvent.objects.count() == (40 if is_distinct else 1)


@pytest.mark.parametrize(
    "change",
    [
        {"event_id": "2"},
        {"payment_id": "9002"},
        {"status": "RECEIVED_FUNDS"},
        {"event_type": "VBAN STATUS"},
        {"data": {"recipient_id": "501"}},
    ],
    ids=str,
)
def test_a18_what_differs_in_what_names_an_event_is_another_one(change: dict[str, Any]) -> None:
    for body in (json.loads(BODY), json.loads(BODY) | change):
        assert post(path(), json.dumps(body)).status_code == 200

    assert WebhookEvent.objects.count() == 2


def test_a18_an_event_without_an_id_is_known_by_its_bytes() -> None:
    for body in ('{"unique_identifier": 1}', '{"unique_identifier": 1}', '{"unique_identifier":1}'):
        assert post(path(), body).status_code == 200

    assert sorted(WebhookEvent.objects.values_list("duplicates", flat=True)) == [0, 1]


# --- A copy of what is not done -----------------------------------------------------------------
def test_a19_a_copy_of_an_event_whose_worker_was_killed_has_it_applied(
    redpin: FakeRedpin, arguments: dict[str, Any], queued: list[int]
) -> None:
    session = create_payment_session(**arguments)
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    assert post(path(session.client_reference_id)).status_code == 200
    event = WebhookEvent.objects.get()
    assert claim(WebhookEvent, event.pk)  # And nothing more is ever heard of that worker.
    over = timezone.now() - timedelta(seconds=1)
    WebhookEvent.objects.update(leased_until=over, next_attempt_at=timezone.now() + LEASE)

    assert post(path(session.client_reference_id)).status_code == 200
    assert queued == [event.pk, event.pk]
    assert process_event(queued[-1]) == Outcome.APPLIED


@pytest.mark.parametrize("outcome", [Outcome.PENDING, Outcome.WAITING, Outcome.DEAD])
@pytest.mark.parametrize("wait", [None, timedelta(hours=1)])
def test_a19_a_copy_makes_what_is_not_done_due_at_once(
    outcome: WebhookEvent.Outcome, wait: timedelta | None, queued: list[int]
) -> None:
    post(path())
    then = None if wait is None else timezone.now() + wait
    WebhookEvent.objects.update(outcome=outcome, next_attempt_at=then, attempts=12)

    assert post(path()).status_code == 200

    event = WebhookEvent.objects.get()
    assert event.next_attempt_at is not None
    assert event.next_attempt_at <= timezone.now()
    assert queued == [event.pk, event.pk]


@pytest.mark.parametrize(
    ("outcome", "is_processed"),
    [
        (Outcome.APPLIED, True),
        (Outcome.KNOWN, True),
        (Outcome.IGNORED, True),
        (Outcome.CONTRADICTED, False),  # Redpin was asked often enough.
    ],
)
def test_a19_a_copy_of_what_is_done_is_counted_and_no_more(
    outcome: WebhookEvent.Outcome, is_processed: bool, queued: list[int]
) -> None:
    post(path())
    processed_at = timezone.now() if is_processed else None
    WebhookEvent.objects.update(outcome=outcome, processed_at=processed_at, next_attempt_at=None)
    before = WebhookEvent.objects.values().get()
    queued.clear()

    assert post(path()).status_code == 200

    assert WebhookEvent.objects.values().get() == before | {"duplicates": 1}
    assert queued == []


# --- 200 means committed ------------------------------------------------------------------------
def in_a_transaction(get_response: Any) -> Any:
    """A middleware that rolls back whatever a request did, or would if it could."""

    def middleware(request: Any) -> Any:
        with transaction.atomic():
            response = get_response(request)
            transaction.set_rollback(True)
        return response

    return middleware


@really_committed
def test_a20_under_atomic_requests_the_row_is_committed_before_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    seen: list[int] = []
    monkeypatch.setattr(
        "django_redpin.services.record.enqueue",
        lambda task_name, pk: seen.append(rows_seen_by_another_connection()),
    )

    assert post(path()).status_code == 200
    assert seen == [1]


@really_committed
def test_a20_inside_somebody_elses_transaction_it_is_503_and_the_log_says_what_to_do(
    settings: Settings, caplog: pytest.LogCaptureFixture, queued: list[int]
) -> None:
    settings.MIDDLEWARE = [f"{__name__}.in_a_transaction"]

    response = post(path())

    assert response.status_code == 503
    assert response["Retry-After"] == "60"
    (record,) = (each for each in caplog.records if each.name == "django_redpin.security")
    assert record.levelname == "ERROR"
    assert "opened a database transaction" in record.getMessage()
    assert "Leave the paths of django_redpin.urls out of it" in record.getMessage()
    assert queued == []
    assert not WebhookEvent.objects.exists()


@really_committed
def test_a20_with_autocommit_off_the_row_is_committed_all_the_same() -> None:
    transaction.set_autocommit(False)
    try:
        assert post(path()).status_code == 200
        assert rows_seen_by_another_connection() == 1
        assert post(path()).status_code == 200
        transaction.rollback()
        assert WebhookEvent.objects.get().duplicates == 1
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)


@pytest.fixture
def _no_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*args: object) -> None:
        raise OperationalError("could not connect to server")

    connection.close()
    with monkeypatch.context() as patch:
        patch.setattr(connection, "get_new_connection", refuse)
        yield
    connection.close()


@really_committed
@pytest.mark.usefixtures("_no_database")
@pytest.mark.parametrize("atomic_requests", [True, False])
def test_a20_with_the_database_away_it_is_503_and_when_to_come_again(
    monkeypatch: pytest.MonkeyPatch, atomic_requests: bool, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", atomic_requests)

    response = post(path())

    assert response.status_code == 503
    assert response["Retry-After"] == "60"
    assert post("/redpin/webhooks/default/ORDER-1/forged/").status_code == 401
    assert sign(SECRET, "default", REFERENCE) not in caplog.text


@really_committed
@pytest.mark.skipif(not hasattr(os, "fork"), reason="Needs fork.")
@pytest.mark.parametrize("place", ["record.enqueue", "view.WebhookView.finalize_response"])
def test_a20_a_process_killed_once_the_row_is_there_loses_nothing(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "services" if place.startswith("record") else "webhooks"
    connections.close_all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Of forks in a process with threads.
        child = os.fork()
    if child == 0:
        monkeypatch.setattr(
            f"django_redpin.{module}.{place}",
            lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL),
        )
        post(path())
        os._exit(0)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert WebhookEvent.objects.get().next_attempt_at is not None  # The sweep will find it.
    assert post(path()).status_code == 200
    assert WebhookEvent.objects.get().duplicates == 1


@really_committed
def test_c3_in_a_transaction_that_is_rolled_back_there_is_no_row_and_no_message(
    queued: list[int],
) -> None:
    with pytest.raises(OpenTransactionError), transaction.atomic():
        record_event(
            BODY.encode(), account="default", client_reference_id=REFERENCE, verifier="test"
        )

    assert not WebhookEvent.objects.exists()
    assert queued == []


# --- Whatever is in it --------------------------------------------------------------------------
@pytest.mark.parametrize("name", STORABLE)
def test_a13_what_can_be_read_can_be_stored_as_it_came(name: str) -> None:
    body = f" {STORABLE[name]}\n".encode()

    assert post(path(), body).status_code == 200
    assert post(path(), body).status_code == 200

    event = WebhookEvent.objects.get()
    assert (bytes(event.body), event.duplicates) == (body, 1)


@pytest.mark.parametrize(
    "error", [DataError("value too long"), OperationalError(1366, "Incorrect string value")]
)
def test_a13_where_the_columns_can_not_hold_the_claims_the_bytes_are_stored_alone(
    error: Exception, queued: list[int]
) -> None:
    def wrapper(execute: Callable[..., Any], sql: str, params: Any, *rest: Any) -> Any:
        if sql.startswith("INSERT") and "9001" in params:
            raise error
        return execute(sql, params, *rest)

    with connection.execute_wrapper(wrapper):
        answers = [post(path()).status_code for _ in range(2)]

    event = WebhookEvent.objects.get()
    assert answers == [200, 200]
    assert (bytes(event.body), event.duplicates) == (BODY.encode(), 1)
    assert (event.event_id, event.event_type, event.payment_id, event.status) == ("", "", "", "")
    assert event.client_reference_id == REFERENCE
    assert queued == [event.pk, event.pk]


@really_committed
@pytest.mark.skipif("mysql" not in str(connection.vendor), reason="MariaDB's alone.")
def test_a13_a_table_that_is_not_in_unicode_takes_every_event() -> None:
    table = WebhookEvent._meta.db_table
    columns = {"status": 64, "event_id": 255, "event_type": 64}
    with connection.cursor() as cursor:
        for name, size in columns.items():
            cursor.execute(
                f"ALTER TABLE {table} MODIFY {name} varchar({size}) CHARACTER SET latin1 NOT NULL"
            )
    try:
        assert post(path(), STORABLE["emoji"]).status_code == 200
        assert post(path(), STORABLE["emoji"]).status_code == 200
    finally:
        with connection.cursor() as cursor:
            for name, size in columns.items():
                cursor.execute(
                    f"ALTER TABLE {table} MODIFY {name} varchar({size})"
                    " CHARACTER SET utf8mb4 NOT NULL"
                )

    event = WebhookEvent.objects.get()
    assert (event.event_id, event.duplicates) == ("", 1)
    assert bytes(event.body) == STORABLE["emoji"].encode()


@pytest.mark.parametrize("secret_names", [["n" * 200], ["n"] * 200])
def test_a13_the_names_of_the_verifiers_are_cut_to_what_the_column_holds(
    secret_names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_redpin.webhooks.verification import Passed

    passed = Passed((*secret_names, *secret_names))
    monkeypatch.setattr("django_redpin.webhooks.view.verify_post", lambda *args: passed)

    assert post(path()).status_code == 200
    assert len(WebhookEvent.objects.get().verifier) == 255


@pytest.mark.parametrize(
    "change",
    [
        {"status": "PAYMENT_TELEPORTED"},
        {"event_type": "MOON PHASE"},
        {"event_type": "CUSTOMER STATUS", "status": "active"},
        {"version": "v9.0.0", "new": {"deep": ["a", 1.5, None]}},
        {"data": {"amount": 5}, "metadata": [{}]},
    ],
    ids=str,
)
def test_a24_what_is_not_documented_is_stored_and_answered_200(change: dict[str, Any]) -> None:
    body = json.dumps(json.loads(BODY) | change)

    assert post(path(), body).status_code == 200
    assert bytes(WebhookEvent.objects.get().body) == body.encode()
    assert not PaymentSession.objects.exists()


def test_a30_nothing_of_the_requests_head_is_stored_and_nothing_of_its_url() -> None:
    response = Client().post(
        f"{path()}?canary-query=1",
        BODY,
        content_type="application/json; canary-type=1",
        headers={
            "Cookie": "sessionid=canary-cookie",
            "Authorization": "Bearer canary-authorization",
            "X-Signature": "t=1,v1=canary-signature",
            "Webhook-Signature": "v1,canary-signature",
            "User-Agent": "canary-agent",
            "X-Forwarded-For": "canary-address",
            "Referer": "https://canary-referer.test/",
        },
        REMOTE_ADDR="203.0.113.99",
    )

    stored = [str(row) for model in apps.get_models() for row in model._default_manager.values()]
    assert response.status_code == 200
    assert WebhookEvent.objects.count() == 1
    for canary in ("canary-", "203.0.113.99", sign(SECRET, "default", REFERENCE)):
        assert [row for row in stored if canary in row] == []
