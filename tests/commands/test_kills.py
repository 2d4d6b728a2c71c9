"""`redpin_prune` and `redpin_reconcile` killed half-way, and run again; and two of them at once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session
from tests.redpin_server import FakeRedpin

from .project import Project, ended, stop
from .test_processes import project

__all__ = ["project"]  # The fixture.

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

# Batches of a few rows, each of which takes its time.
PRUNE_SLOWLY = (
    "from django_redpin.services import retention; import time\n"
    "retention.BATCH = 5\n"
    "def slowly(work):\n"
    "    def slow(rows):\n"
    "        time.sleep(0.05); return work(rows)\n"
    "    return slow\n"
    "retention._empty, retention._delete = slowly(retention._empty), slowly(retention._delete)"
)
APPLY_SLOWLY = (
    "from django_redpin.services import rounds; import time\n"
    "apply = rounds.apply_record\n"
    "def slow(*arguments):\n"
    "    time.sleep(0.1); return apply(*arguments)\n"
    "rounds.apply_record = slow"
)
EMPTIED, DELETED, KEPT = 120, 120, 10


@pytest.fixture
def old_events() -> None:
    """Events past their bodies' time, past their own, and some that have to stay as they are."""
    now = datetime.now(timezone.utc)
    ages = {"body": (40, EMPTIED), "whole": (100, DELETED), "new": (1, KEPT), "due": (100, KEPT)}
    rows = [
        WebhookEvent(
            account="default",
            key=f"{name}-{number}",
            body=b"{}",
            processed_at=None if name == "due" else now,
            next_attempt_at=now if name == "due" else None,
        )
        for name, (_, count) in ages.items()
        for number in range(count)
    ]
    WebhookEvent.objects.bulk_create(rows)
    for name, (days, _) in ages.items():
        kind = WebhookEvent.objects.filter(key__startswith=name)
        kind.update(received_at=now - timedelta(days=days))


def assert_pruned() -> None:
    def keys(*, has_body: bool) -> list[str]:
        found = WebhookEvent.objects.filter(has_body=has_body).values_list("key", flat=True)
        return sorted(key.partition("-")[0] for key in found)

    assert keys(has_body=False) == ["body"] * EMPTIED
    assert keys(has_body=True) == ["due"] * KEPT + ["new"] * KEPT


@pytest.mark.parametrize("phase", ["bodies", "events"])
def test_a_prune_that_was_killed_half_way_is_ended_by_the_next(
    project: Project, old_events: None, phase: str
) -> None:
    emptied = WebhookEvent.objects.filter(has_body=False)
    deletable = WebhookEvent.objects.filter(key__startswith="whole")
    half_way: dict[str, Callable[[], bool]] = {
        "bodies": lambda: emptied.count() > EMPTIED // 4,
        "events": lambda: deletable.count() < DELETED,
    }
    killed = project.start("redpin_prune", code=PRUNE_SLOWLY)
    stop(killed, signal.SIGKILL, half_way[phase])
    killed.communicate(timeout=20)

    assert killed.returncode == -signal.SIGKILL
    assert deletable.count() > 0
    done = project.run("redpin_prune")
    assert (done.code, done.err) == (0, "")
    assert_pruned()
    assert project.run("redpin_prune").out == "Done: bodies 0, events 0.\n"


def test_two_prunes_at_once_let_go_of_the_same_and_of_nothing_else(
    project: Project, old_events: None
) -> None:
    both = [project.start("redpin_prune", code=PRUNE_SLOWLY) for _ in range(2)]

    assert [ended(process).code for process in both] == [0, 0]
    assert_pruned()


def test_a_prune_that_is_asked_to_stop_ends_after_its_batch(
    project: Project, old_events: None
) -> None:
    emptied = WebhookEvent.objects.filter(has_body=False)
    process = project.start("redpin_prune", code=PRUNE_SLOWLY)
    stop(process, signal.SIGTERM, lambda: emptied.count() > 0)

    done = ended(process)

    assert (done.code, done.out) == (143, f"Done: bodies {emptied.count()}, events 0.\n")
    project.run("redpin_prune")
    assert_pruned()


@pytest.fixture
def behind(redpin: FakeRedpin, arguments: dict[str, Any]) -> int:
    """Sessions that were paid, of which no webhook told. Returns how many."""
    first = create_payment_session(**arguments)
    listed = redpin.sessions[first.client_reference_id]
    past = datetime.now(timezone.utc) - timedelta(minutes=1)
    count = 40
    for number in range(count):
        session = PaymentSession.objects.get(pk=first.pk)
        session.pk, session.client_reference_id = None, f"ORDER-{number}"
        session.session_id, session.next_attempt_at = f"s-{number}", past
        session.save(force_insert=True)
        names = {name: getattr(session, name) for name in ("client_reference_id", "session_id")}
        redpin.sessions[session.client_reference_id] = {**listed, **names}
        redpin.pay(session.client_reference_id, "AWAITING_FUNDS", f"p-{number}")
    return count


def moves() -> list[str]:
    """Return the references of the sessions whose payment moved, as often as it did."""
    rows = StatusTransition.objects.filter(subject="payment_status")
    return sorted(rows.values_list("session__client_reference_id", flat=True))


def end_leases() -> None:
    past = datetime.now(timezone.utc) - timedelta(seconds=1)
    PaymentSession.objects.exclude(leased_until=None).update(leased_until=past)


def assert_reconciled(count: int) -> None:
    """Each was moved once, and none is held or due. A lease that is over is none."""
    assert moves() == sorted(f"ORDER-{number}" for number in range(count))
    assert PaymentSession.objects.filter(payment_status="AWAITING_FUNDS").count() == count
    now = datetime.now(timezone.utc)
    assert not PaymentSession.objects.filter(next_attempt_at__lte=now).exists()
    assert not PaymentSession.objects.filter(leased_until__gte=now).exists()


def test_a_reconciliation_that_was_killed_half_way_is_ended_by_the_next(
    project: Project, behind: int
) -> None:
    killed = project.start("redpin_reconcile", code=APPLY_SLOWLY)
    stop(killed, signal.SIGKILL, lambda: len(moves()) > behind // 4)
    killed.communicate(timeout=20)

    assert killed.returncode == -signal.SIGKILL
    assert len(moves()) < behind
    # What was in its hands stays there until the leases end.
    assert project.run("redpin_reconcile").out == "Done: sessions 0.\n"
    end_leases()
    assert project.run("redpin_reconcile").code == 0
    assert_reconciled(behind)
    assert project.run("redpin_reconcile").out == "Done: sessions 0.\n"


def test_two_reconciliations_at_once_move_each_session_once(project: Project, behind: int) -> None:
    both = [project.start("redpin_reconcile", code=APPLY_SLOWLY) for _ in range(2)]

    assert [ended(process).code for process in both] == [0, 0]
    assert_reconciled(behind)


def test_a_reconciliation_that_is_asked_to_stop_gives_back_what_it_holds(
    project: Project, behind: int
) -> None:
    process = project.start("redpin_reconcile", code=APPLY_SLOWLY)
    stop(process, signal.SIGTERM, lambda: len(moves()) > 2)

    done = ended(process)

    assert done.code == 143
    assert done.out == f"Done: sessions {len(moves())}.\n"
    assert not PaymentSession.objects.exclude(leased_until=None).exists()
    assert project.run("redpin_reconcile").code == 0
    assert_reconciled(behind)
