"""The world around the app under test: its clock, broker, database, workers and the way to it.

The app is the real one, down to its URLs, its Celery tasks and its database with real commits. Only
what lies beyond it is made up: Redpin's answers, the broker's transport, and time.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from types import ModuleType, SimpleNamespace
from typing import Any, Final

import pytest
from django.db import OperationalError, connection
from django.dispatch import Signal
from django.test import RequestFactory
from django.urls import resolve
from django.utils import timezone as django_timezone

from django_redpin import signals, tasks
from django_redpin.client import api, breaker, read_event, retries
from django_redpin.models import (
    PaymentSession,
    SessionItem,
    SessionRecipient,
    StatusTransition,
    WebhookEvent,
)
from django_redpin.rules.callback_tokens import sign
from django_redpin.services.sweeps import sweep
from tests.celery import app as celery_app
from tests.webhooks.posting import SECRET

from .provider import Provider

START: Final = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
TABLES: Final = (StatusTransition, WebhookEvent, SessionItem, SessionRecipient, PaymentSession)
WATCHED: Final = (PaymentSession, SessionRecipient, WebhookEvent, StatusTransition)
CANARY: Final = "canary"

# With the methods of the backends that Django's types do not have.
database: Any = connection

Row = dict[str, Any]
Rows = dict[type, dict[int, Row]]


class Crash(BaseException):
    """The process died here."""


@dataclass
class Strike:
    """What happens at the `at`th operation of the database: a statement, or a commit.

    `crash` kills the process before it, `crash_after` after it (a commit); `error` cuts the
    connection before it, `lost` after it was done. `overtake` lets `meanwhile` happen before it, or
    as soon as no transaction is open.
    """

    kind: str
    at: int
    meanwhile: Callable[[], None] = lambda: None


class World:
    """Everything around the app; made once for a test, and begun anew for each example."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self._factory = RequestFactory()
        self.begin()
        patch.setattr(django_timezone, "now", self.now)
        patch.setattr(api, "call", lambda *args, **kwargs: self.provider.call(*args, **kwargs))
        tokens = SimpleNamespace(get=lambda: "canary-token-1", forget=lambda token: None)
        patch.setattr(api, "_provider", lambda account: tokens)
        patch.setattr(celery_app, "send_task", self._send)
        # In this thread, so that a run is the same each time.
        patch.setattr("django_redpin.services.queue.publish", lambda name, send: send() or True)
        patch.setattr("secrets.randbelow", lambda bound: bound // 2)
        clock = SimpleNamespace(monotonic=lambda: self.true.timestamp(), sleep=self.pass_time)
        for module in _modules():
            if getattr(module, "time", None) is time:
                patch.setattr(module, "time", clock)
            if hasattr(module, "new_reference"):
                patch.setattr(module, "new_reference", self._new_reference)
        patch.setattr(database, "_commit", self._commit(database._commit))

    def begin(self) -> None:
        """Begin anew: nothing is stored, nothing is under way, nothing fails."""
        self.true, self.skew = START, timedelta()
        self.references = 0
        self.provider = Provider(lambda: self.true)
        self.messages: list[tuple[str, tuple[Any, ...]]] = []
        self.sent: list[tuple[str, tuple[Any, ...]]] = []
        self.broker_is_up = True
        self.receivers_fail = False
        self.heard: list[tuple[str, int, str, str]] = []
        self.accepted: set[tuple[str, ...]] = set()
        self.leaks: list[str] = []
        self.strike: Strike | None = None
        self.operations = 0
        self.is_news = True
        self.rows: Rows = {model: {} for model in WATCHED}
        self._raw: dict[type, dict[int, tuple[Any, ...]]] = {model: {} for model in WATCHED}
        breaker.reset()
        retries.reset()
        if not connection.features.can_defer_constraint_checks:
            PaymentSession.objects.update(renews=None)
        with connection.cursor() as cursor:
            for model in TABLES:
                cursor.execute(f"DELETE FROM {model._meta.db_table}")  # noqa: S608

    # Time.

    def now(self) -> datetime:
        """Return what the app's clock says."""
        return self.true + self.skew

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and with a minute of it what the circuits remember."""
        self.true += timedelta(seconds=seconds)
        if seconds >= 60:
            breaker.reset()

    def _new_reference(self) -> str:
        """Return a reference that is the same when the example is run again."""
        self.references += 1
        return f"REFERENCE-{self.references}"

    # The broker.

    def _send(self, name: str, args: Any = (), *_: Any, **__: Any) -> None:
        if not name.startswith("django_redpin."):
            return  # The example's tasks, where they are imported.
        self.sent.append((name, tuple(args)))
        if not self.broker_is_up:
            raise OSError("The broker is away.")
        self.messages.append((name, tuple(args)))

    # The database, and who works with it.

    def run(self, work: Callable[[], Any], strike: Strike | None = None) -> Any:
        """Do a process's work, and return what it returns; None where it was struck down."""
        self.is_news = True
        self.strike, self.operations = strike, 0
        try:
            return work()
        except Crash:
            return None
        except OperationalError:
            if strike is None:
                raise
            return None
        finally:
            self.strike = None
            connection.run_on_commit = []
            connection.needs_rollback = False
            assert not connection.in_atomic_block

    def work(self, message: tuple[str, tuple[Any, ...]], strike: Strike | None = None) -> None:
        """Let a worker run one message's task."""
        name, args = message
        task = getattr(tasks, name.rpartition(".")[2])
        self.run(lambda: task(*args), strike)

    def sweep(self, strike: Strike | None = None) -> None:
        """Let beat do what it does once a minute."""
        self.run(sweep, strike)

    def statement(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """Run a statement, unless something strikes."""
        strike = self._due()
        if strike is None or strike.kind == "crash_after":
            return execute(sql, params, many, context)
        if strike.kind == "overtake":
            self._overtake(strike)
        elif strike.kind == "lost" and not sql.startswith("BEGIN"):
            execute(sql, params, many, context)
        self._end(strike)
        return execute(sql, params, many, context)

    def _commit(self, commit: Callable[[], None]) -> Callable[[], None]:
        def struck() -> None:
            strike = self._due()
            if strike is None:
                return commit()
            if strike.kind in ("crash", "error"):
                database._rollback()
            elif strike.kind in ("crash_after", "lost"):
                commit()
            elif strike.kind == "overtake":
                self.strike = strike
            self._end(strike)
            return commit()

        return struck

    def _due(self) -> Strike | None:
        self.operations += 1
        if self.strike is None or self.operations < self.strike.at:
            return None
        strike, self.strike = self.strike, None
        return strike

    def _overtake(self, strike: Strike) -> None:
        if connection.in_atomic_block:
            self.strike = strike  # Nobody else gets in between.
        else:
            strike.meanwhile()

    def _end(self, strike: Strike) -> None:
        if strike.kind in ("crash", "crash_after"):
            raise Crash
        if strike.kind in ("error", "lost"):
            raise OperationalError("server closed the connection unexpectedly")

    # The way in.

    def post(self, reference: str, body: bytes, strike: Strike | None = None) -> int:
        """Post to a session's webhook, and return the status of the answer; 0 where none came."""
        token = sign(SECRET, "default", reference)
        request = self._factory.post(
            f"/redpin/webhooks/default/{reference}/{token}/", body, content_type="application/json"
        )
        match = resolve(request.path)
        response = self.run(lambda: match.func(request, *match.args, **match.kwargs), strike)
        status = 0 if response is None else response.status_code
        if status == 200:
            self.accepted.add(identity(reference, body))
        return status

    # What can be seen from outside.

    def look(self) -> Rows:
        """Read all rows, and return those of the last time; say what of them has changed."""
        before, self.rows = self.rows, {}
        self.changed: Rows = {model: {} for model in WATCHED}
        for model in WATCHED:
            raw, found = self._raw[model], {}
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT * FROM {model._meta.db_table} ORDER BY id")  # noqa: S608
                names = [column[0] for column in cursor.description]
                for values in cursor.fetchall():
                    pk = values[0]
                    if raw.get(pk) != values:
                        raw[pk] = values
                        self.changed[model][pk] = dict(zip(names, values, strict=True))
                    found[pk] = self.changed[model].get(pk) or before[model][pk]
            self.rows[model] = found
        return before

    def hear(self, name: str) -> Callable[..., None]:
        """Return a receiver of the signal with this name."""

        def receiver(sender: object, **kwargs: Any) -> None:
            transition = kwargs.get("transition")
            if transition is not None:
                told = (name, transition.pk, transition.subject, transition.to_value)
                self.heard.append(told)
                if self.receivers_fail:
                    raise RuntimeError("the merchant's receiver")

        return receiver


class _Ear(logging.Handler):
    """Listens to every logger for what must not be said."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.DEBUG)
        self.world = world

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if CANARY in text or "/webhooks/default/" in text:
            self.world.leaks.append(text)


@contextmanager
def living(patch: pytest.MonkeyPatch) -> Iterator[World]:
    """Put the app into a world of its own for as long as the block lasts."""
    world = World(patch)
    ear = _Ear(world)
    patch.setattr(logging.root, "level", logging.DEBUG)
    logging.root.addHandler(ear)
    all_signals = {n: s for n, s in vars(signals).items() if isinstance(s, Signal)}
    receivers = [(signal, world.hear(name)) for name, signal in all_signals.items()]
    for signal, receiver in receivers:
        signal.connect(receiver, weak=False)
    try:
        with connection.execute_wrapper(world.statement):
            yield world
    finally:
        logging.root.removeHandler(ear)
        for signal, receiver in receivers:
            signal.disconnect(receiver)


def identity(reference: str, body: bytes) -> tuple[str, ...]:
    """Return what makes the event one of its own: two posts with the same are copies."""
    said = read_event(body)
    if not said.event_id:
        return (reference, body.decode("latin-1"))
    kind = (said.event_type, said.event_id, said.payment_id, said.status, said.recipient_id)
    whose = (said.session_id, said.customer_id, said.client_reference_id, said.client_customer_ref)
    return (reference, *kind, *whose, str(said.at), str(said.amount))


def _modules() -> list[ModuleType]:
    return [
        module for name, module in list(sys.modules.items()) if name.startswith("django_redpin")
    ]
