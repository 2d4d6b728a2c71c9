"""What the suites race: that it is the same work, and that it leaves a data set as it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from benchmarks.__main__ import main
from benchmarks.goals import GOALS
from benchmarks.peers import applying
from benchmarks.rounds import Samples
from benchmarks.shop import new_events, new_sessions, open_shop
from benchmarks.statements import counted
from benchmarks.suites import SUITES, admin, apply, create, sweeps, tokens
from benchmarks.tables import Table
from django_redpin.client import RedpinClient
from django_redpin.conf import get_account
from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from django_redpin.services.process import process_event
from django_redpin.services.rounds import Round

# Several commits of our own, as in life.
pytestmark = pytest.mark.django_db(transaction=True)

# What each makes by itself, or counts by its own clock.
OWN = {"id", "key", "created_at", "updated_at", "received_at", "processed_at", "occurred_at"}
OWN |= {"next_attempt_at", "payment_status_position", "event_id", "body", "expires_at"}
OWN |= {"client_reference_id", "payment_id", "session_id", "session_url"}


@pytest.fixture
def payee() -> Iterator[Recipient]:
    with open_shop(WEBHOOK_TRUST="verified") as payee:
        yield payee


def test_there_is_a_figure_for_each_goal() -> None:
    assert {key for suite in SUITES for key in suite.keys} == set(GOALS)


def test_where_there_are_no_data_sets_what_needs_them_is_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with mock.patch("benchmarks.__main__.run") as run:
        run.return_value = {"keys": {}, "failures": []}
        main(["--database", "sqlite", "--only", "admin", "sweeps", "tokens"])

    assert [suite.name for suite in run.call_args.args[0]] == ["tokens"]
    capsys.readouterr()


def left(event: WebhookEvent) -> list[dict[str, object]]:
    """Return all that is left of an event that was applied, without what differs anyway."""
    event.refresh_from_db()
    rows: list[Any] = [event, event.session, event.transitions.get()]
    return [
        {
            field.attname: getattr(row, field.attname)
            for field in row._meta.concrete_fields
            if field.attname not in OWN
        }
        for row in rows
    ]


def test_who_applies_an_event_by_hand_leaves_what_we_leave(payee: Recipient) -> None:
    ours, by_hand = new_events(new_sessions(payee, 2), "AWAITING_FUNDS")

    process_event(ours.pk)
    applying.by_orm(by_hand.pk)

    assert left(ours) == left(by_hand)
    assert left(ours)[0]["outcome"] == "applied"


def test_an_event_that_is_done_is_applied_by_hand_no_more(payee: Recipient) -> None:
    (event,) = new_events(new_sessions(payee, 1), "AWAITING_FUNDS")
    applying.by_orm(event.pk)

    assert len(counted(lambda: applying.by_orm(event.pk))) == 3  # Begin, look, commit.
    assert StatusTransition.objects.count() == 1


def test_by_hand_it_takes_five_statements_in_one_transaction(payee: Recipient) -> None:
    statements = apply.Applied(payee, applying.by_orm).counted()

    verbs = [sql.split()[0] for sql in statements]
    assert verbs == ["BEGIN", "SELECT", "SELECT", "UPDATE", "INSERT", "UPDATE", "COMMIT"]


def test_a_race_does_not_take_for_applied_what_is_not(payee: Recipient) -> None:
    with pytest.raises(RuntimeError, match="not applied but is pending"):
        apply.Applied(payee, lambda pk: None).counted()


def test_each_call_has_an_event_of_its_own(payee: Recipient) -> None:
    seen: list[int] = []
    applied = apply.Applied(payee, seen.append)
    for _ in range(apply._BATCH + 1):
        applied.prepare()
        applied.work()

    assert len(set(seen)) == apply._BATCH + 1


def test_the_service_is_what_it_adds_to_its_call() -> None:
    samples = {
        create.SERVICE: Samples(rounds=[[3.0, 5.0, 4.0], [6.0]]),
        "call": Samples(rounds=[[1.0], [2.0]]),
    }

    assert create._added(samples).medians == [3.0, 4.0]


def test_calls_of_the_cache_are_counted() -> None:
    from django.core.cache import cache

    with tokens.counting_cache_calls() as calls:
        cache.set("bench", 1)
        cache.get("bench")
        cache.get("bench")
    cache.get("bench")

    assert calls["set"] == 1
    assert calls["get"] >= 2
    assert calls.total() < 7


def test_a_token_that_is_there_is_looked_up_without_the_cache() -> None:
    from benchmarks.stub import running

    with running() as url, open_shop(url):
        client = RedpinClient(get_account())
        with tokens.counting_cache_calls() as cold:
            client.require_token()
        with tokens.counting_cache_calls() as warm:
            client.require_token()

    assert cold.total() > 0
    assert warm.total() == 0


def test_the_whole_tour_is_opened_and_only_the_plain_list_counts(
    payee: Recipient, settings: Settings
) -> None:
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "benchmarks"]
    settings.ROOT_URLCONF = "benchmarks.urls"
    new_sessions(payee, 3)
    table = Table(3, connections["default"])

    with admin.visiting([table]) as (visitor,):
        for page in admin.tour(table.rows):
            ours, plain = (
                counted(lambda: visitor.opens(name, page))  # noqa: B023  Called at once.
                for name in (admin.OURS, admin.PLAIN)
            )
            assert [sum("COUNT(" in sql for sql in each) for each in (ours, plain)] == [0, 2]
    assert not User.objects.exists()


def test_first_batches_find_what_is_due_and_leave_it_as_it_is(payee: Recipient) -> None:
    session, unfinished, _ = new_sessions(payee, 3)
    past = timezone.now() - timedelta(hours=1)
    due = {"next_attempt_at": past, "expires_at": past}
    PaymentSession.objects.filter(pk=session.pk).update(**due)
    PaymentSession.objects.filter(pk=unfinished.pk).update(state="unknown", **due)
    Recipient.objects.update(next_attempt_at=past, recipient_id=None)
    new_events([session], "AWAITING_FUNDS")
    StatusTransition.objects.create(session=session, subject="state", next_attempt_at=past)
    models = (PaymentSession, Recipient, StatusTransition, WebhookEvent)
    before = [list(model._default_manager.order_by("pk").values()) for model in models]

    with mock.patch.object(Round, "_ask", sweeps._asks_nobody):
        found = {name: batch() for name, batch in sweeps.batches().items()}

    assert [list(model._default_manager.order_by("pk").values()) for model in models] == before
    tried = {name: getattr(each, "tried", None) for name, each in found.items()}
    assert {name: each for name, each in tried.items() if each is not None} == {
        "events": 1,
        "transitions": 1,
        "sessions to complete": 1,
        "recipients": 1,
    }
    assert found["sessions to expire"] == [session]
