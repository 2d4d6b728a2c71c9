"""A process that dies wherever it may: the next worker ends with one session, and no doubt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from django_redpin.exceptions import OutcomeUnknown
from django_redpin.models import PaymentSession, StatusTransition
from django_redpin.services import create_payment_session
from django_redpin.services.opening import UNFINISHED
from django_redpin.services.sweeps import complete_due_sessions
from tests.dying import NEEDS_FORK, hear_out, run_until
from tests.redpin_server import FakeRedpin, Handler

State = PaymentSession.State
pytestmark = [
    pytest.mark.usefixtures("no_retries"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    NEEDS_FORK,
]


def lose_the_answer(handler: Handler) -> None:
    handler.redpin.store(handler.call.json, "0201001008132685")
    handler.hang_up()


def never_arrive(handler: Handler) -> None:
    handler.hang_up()


@pytest.fixture
def crash_everywhere(
    redpin: FakeRedpin, arguments: dict[str, Any], let_time_pass: Callable[[timedelta], None]
) -> Callable[[Callable[[], object], Callable[[], object]], int]:
    """Let `work` die after each of its effects, each time after `prepare`, and be completed."""

    def start_over(prepare: Callable[[], object]) -> None:
        StatusTransition.objects.all().delete()
        PaymentSession.objects.update(renews=None)
        PaymentSession.objects.all().delete()
        redpin.sessions.clear()
        redpin.calls.clear()
        prepare()

    def check(effect: int) -> None:
        for _ in range(6):
            if not PaymentSession.objects.filter(state__in=UNFINISHED).exists():
                break
            let_time_pass(timedelta(hours=2))
            complete_due_sessions()
        rows = list(PaymentSession.objects.all())
        if not rows:
            assert not redpin.sessions, f"effect {effect}: a session nobody knows of"
            return
        (live,) = (row for row in rows if row.state != State.SUPERSEDED)
        assert (live.state, live.review_reason) == (State.OPEN, ""), f"effect {effect}"
        assert live.session_url, f"effect {effect}"
        linked = {row.client_reference_id: row.session_id for row in rows}
        listed = {ref: record["session_id"] for ref, record in redpin.sessions.items()}
        assert linked == listed, f"effect {effect}"
        opened = StatusTransition.objects.filter(session=live, to_value=State.OPEN)
        assert opened.count() == 1, f"effect {effect}"
        if redpin.list_shows_url:
            assert len(rows) == len(redpin.sessions) == 1, f"effect {effect}"

    def run(work: Callable[[], object], prepare: Callable[[], object] = lambda: None) -> int:
        start_over(prepare)
        effects = run_until(0, work)
        assert effects is not None
        for effect in range(1, effects + 1):
            start_over(prepare)
            ours = redpin.connections
            run_until(effect, work)
            hear_out(redpin, ours)
            check(effect)
        return effects

    return run


@pytest.mark.parametrize("list_shows_url", [True, False])
def test_b15_a_create_call_that_dies_anywhere_ends_with_one_session(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    crash_everywhere: Callable[..., int],
    list_shows_url: bool,
) -> None:
    redpin.list_shows_url = list_shows_url

    effects = crash_everywhere(
        lambda: create_payment_session(**arguments, idempotency_key="order-1")
    )

    assert effects > 2


@pytest.mark.parametrize("fate", [lose_the_answer, never_arrive])
@pytest.mark.parametrize("list_shows_url", [True, False])
def test_b15_a_completer_that_dies_anywhere_ends_with_one_session(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    crash_everywhere: Callable[..., int],
    let_time_pass: Callable[[timedelta], None],
    list_shows_url: bool,
    fate: Callable[[Handler], None],
) -> None:
    redpin.list_shows_url = list_shows_url

    def die_unanswered() -> None:
        redpin.create_script.append(fate)
        redpin.list_script.extend([never_arrive] * 2)
        with pytest.raises(OutcomeUnknown):
            create_payment_session(**arguments, idempotency_key="order-1")
        redpin.list_script.clear()
        let_time_pass(timedelta(hours=2))

    effects = crash_everywhere(complete_due_sessions, die_unanswered)

    assert effects > 2


def test_b14_a_deferred_session_whose_worker_dies_anywhere_is_created_once(
    redpin: FakeRedpin, arguments: dict[str, Any], crash_everywhere: Callable[..., int]
) -> None:
    redpin.list_shows_url = True

    effects = crash_everywhere(
        complete_due_sessions,
        lambda: create_payment_session(**arguments, idempotency_key="order-1", defer=True),
    )

    assert effects > 2
