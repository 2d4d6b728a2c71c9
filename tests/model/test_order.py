"""The end does not depend on the order: every order of arrival, with every course of Redpin's list.

Not by a sample: all orders are walked through, as a tree whose branches meet where the rows are the
same. Between any two events Redpin's list may move on, so that it is at its end when the first one
is looked at, or shows each status just when its event comes, or lags behind what is told; and
whoever likes may refresh the session. What the list contradicts is tried again when it has moved.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_redpin.client import RedpinClient, SessionRecord
from django_redpin.models import (
    PaymentSession,
    Recipient,
    SessionRecipient,
    StatusTransition,
    WebhookEvent,
)
from django_redpin.rules.statuses import may_follow, proves
from django_redpin.services.process import process_event
from django_redpin.services.record import record_event
from django_redpin.services.refresh import ask_and_apply

from .invariants import REACHABLE
from .provider import ENDS, Event

pytestmark = pytest.mark.django_db
START: Final = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)

Flow = tuple[tuple[str, str], ...]
FLOWS: Final[dict[str, Flow]] = {
    "with FX": (
        ("AWAITING_FUNDS", ""),
        ("RECEIVED_FUNDS", ""),
        ("FX_COMPLETED", ""),
        ("PAYOUT_INITIATED", "501"),
        ("PAYOUT_CREDITED", "501"),
        ("PAYMENT_COMPLETED", ""),
    ),
    "with FX, to two": (
        ("AWAITING_FUNDS", ""),
        ("RECEIVED_FUNDS", ""),
        ("FX_COMPLETED", ""),
        ("PAYOUT_INITIATED", "501"),
        ("PAYOUT_CREDITED", "501"),
        ("PAYOUT_CREDITED", "502"),
        ("PAYMENT_COMPLETED", ""),
    ),
    "in one currency, to two": (
        ("PROCESSING", ""),
        ("PAYOUT_INITIATED", "501"),
        ("PAYOUT_INITIATED", "502"),
        ("PAYOUT_CREDITED", "502"),
        ("PAYOUT_CREDITED", "501"),
        ("PAYMENT_COMPLETED", ""),
    ),
    "in one currency, to one after the other": (
        ("PROCESSING", ""),
        ("PAYOUT_INITIATED", "501"),
        ("PAYOUT_CREDITED", "501"),
        ("PAYOUT_INITIATED", "502"),
        ("PAYOUT_CREDITED", "502"),
        ("PAYMENT_COMPLETED", ""),
    ),
    "bounced and refunded": (
        ("AWAITING_FUNDS", ""),
        ("RECEIVED_FUNDS", ""),
        ("FX_COMPLETED", ""),
        ("PAYOUT_INITIATED", "501"),
        ("BOUNCED_BACK", "501"),
        ("REFUNDED", ""),
    ),
    "bounced after another was credited": (
        ("PROCESSING", ""),
        ("PAYOUT_INITIATED", "501"),
        ("PAYOUT_CREDITED", "501"),
        ("PAYOUT_INITIATED", "502"),
        ("BOUNCED_BACK", "502"),
        ("REFUNDED", ""),
    ),
    "cancelled at once": (("AWAITING_FUNDS", ""), ("CANCELLED", "")),
    "cancelled on its way": (("PROCESSING", ""), ("PAYOUT_INITIATED", "501"), ("CANCELLED", "")),
    "refunded": (("AWAITING_FUNDS", ""), ("RECEIVED_FUNDS", ""), ("REFUNDED", "")),
}
# By Redpin's clock, of whole seconds: each at its own, two in each, and all in one.
TIES: Final[dict[str, Callable[[int], int]]] = {
    "apart": lambda place: place,
    "in pairs": lambda place: place // 2,
    "at once": lambda place: 0,
}
End = tuple[str, str, tuple[str, ...]]


@dataclass
class Course:
    """One payment's statuses as Redpin tells them, by events and by its list."""

    flow: Flow
    seconds: Callable[[int], int]
    session: PaymentSession
    events: list[WebhookEvent] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    shown: int = 0
    salt: str = ""
    may_refresh: bool = False
    may_lag: bool = False
    orders: dict[Any, int] = field(default_factory=dict)

    @classmethod
    def of(cls, flow: Flow, tie: str, **kwargs: Any) -> Course:
        """Store a session that Redpin has made, and every event of its payment."""
        session = PaymentSession.objects.create(
            customer_id="0201001008132685",
            client_customer_ref="CUST_001",
            client_reference_id="ORDER-1",
            amount=200,
            currency="AED",
            due_date=START.date(),
            purpose_of_transaction="PROPERTY_PURCHASE",
            session_id="session-1",
            state="open",
            expires_at=START + timedelta(days=9999),
        )
        for recipient_id in ("501", "502"):
            recipient = Recipient.objects.create(
                name=recipient_id, country_code="ARE", currency="AED", recipient_id=recipient_id
            )
            SessionRecipient.objects.create(session=session, recipient=recipient, amount=100)
        course = cls(flow, TIES[tie], session, **kwargs)
        for place, (status, recipient_id) in enumerate(flow):
            event = Event(
                reference=session.client_reference_id,
                session_id="session-1",
                customer_id=session.customer_id,
                client_customer_ref=session.client_customer_ref,
                event_id=f"{course.salt}{place}",
                payment_id="9001",
                status=status,
                at=course.time(place),
                recipient_id=recipient_id,
            )
            course.bodies.append(event.body(nested=bool(place % 2)))
            course.events.append(course.arrive(place))
        return course

    def time(self, place: int) -> datetime:
        return START + timedelta(seconds=self.seconds(place))

    def arrive(self, place: int) -> WebhookEvent:
        return record_event(
            self.bodies[place], account="default", client_reference_id="ORDER-1", verifier="token"
        ).event

    def listed(self) -> SessionRecord:
        """Return what Redpin's list says at this moment."""
        status = self.flow[self.shown - 1][0] if self.shown else ""
        return SessionRecord(
            session_id="session-1",
            client_reference_id="ORDER-1",
            client_customer_ref="CUST_001",
            customer_id="0201001008132685",
            expires_at=self.session.expires_at,
            latest_status=status,
            has_payment=bool(status),
            payment_id="9001" if status else "",
            session_url="",
            created_at=START,
            as_of=self.time(max(self.shown - 1, 0)),
        )

    def process(self, place: int) -> bool:
        """Let a worker have the event; tell whether it is done."""
        WebhookEvent.objects.filter(pk=self.events[place].pk, next_attempt_at__isnull=False).update(
            next_attempt_at=START, attempts=0
        )
        return process_event(self.events[place].pk) in ("applied", "known")

    def end(self) -> End:
        self.session.refresh_from_db()
        payouts = self.session.shares.order_by("pk").values_list("payout_status", flat=True)
        return self.session.payment_status, self.session.state, tuple(payouts)

    def expected(self) -> End:
        """Return where all is once everything that happened so far is known."""
        payouts = {to: status for status, to in self.flow[: self.shown] if to}
        status = self.flow[self.shown - 1][0]
        state = "closed" if status in ENDS else "open"
        return status, state, (payouts.get("501", ""), payouts.get("502", ""))

    def rows(self) -> tuple[Any, ...]:
        """Return all that what follows can depend on."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT payment_status, payment_status_position, state, payment_id, review_reason,"  # noqa: S608
                " payout_status, payout_position"
                f" FROM {PaymentSession._meta.db_table} paid"
                f" JOIN {SessionRecipient._meta.db_table} share ON share.session_id = paid.id"
                " ORDER BY share.id"
            )
            return tuple(cursor.fetchall())

    def walk(self, done: frozenset[int] = frozenset()) -> int:
        """Go every way from here to the end; return how many there are, by steps."""
        here = (self.shown, done, self.rows())
        if here not in self.orders:
            self._copies_are_nothing_new(done)
            self.orders[here] = sum(self._go(step, done) for step in self._steps(done)) or 1
            if self.shown and done == frozenset(range(self.shown)):
                # All that Redpin has told is heard; it may be at its end, or go on from here.
                self._is_where_redpin_is()
        return self.orders[here]

    def _copies_are_nothing_new(self, done: frozenset[int]) -> None:
        before = self.rows()
        for place in sorted(done)[-1:]:
            self.arrive(place)
            assert self.process(place)
            assert self.rows() == before

    def _steps(self, done: frozenset[int]) -> Iterator[int]:
        if self.shown < len(self.flow):
            yield -1
        if self.may_refresh:
            yield -2
        known = len(self.flow) if self.may_lag else self.shown
        yield from (place for place in range(known) if place not in done)

    def _go(self, step: int, done: frozenset[int]) -> int:
        before, shown = self.rows(), self.shown
        with a_tests_own_transaction():
            ways = self._take(step, done, before)
            transaction.set_rollback(True)
        self.shown = shown
        return ways

    def _take(self, step: int, done: frozenset[int], before: tuple[Any, ...]) -> int:
        ways = 0
        if step == -1:
            self.shown += 1
            ways = self.walk(done)
        elif step == -2:
            self.session.refresh_from_db()
            ask_and_apply(self.session)
            if self.rows() != before:
                ways = self.walk(done)
        elif self.process(step):
            ways = self.walk(done | {step})
        else:
            assert self.rows() == before
        return ways

    def _is_where_redpin_is(self) -> None:
        if self.may_lag:
            # Of two payees' equal steps, a list that lagged may have confirmed the later one early:
            # the next look at Redpin's list, which the sweep has, puts that right.
            with a_tests_own_transaction():
                self.session.refresh_from_db()
                ask_and_apply(self.session)
                assert self.end() == self.expected()
                transaction.set_rollback(True)
        else:
            assert self.end() == self.expected()
        moves = StatusTransition.objects.filter(subject="payment_status").order_by("pk")
        told = list(moves.values_list("from_value", "to_value"))
        assert [start for start, _ in told] == ["", *(end for _, end in told[:-1])]
        assert all(end in REACHABLE[start] for start, end in told), told


@pytest.fixture
def make(db: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Course]:
    """Return what makes a course whose list Redpin's client shows."""

    def course(flow: Flow, tie: str, **kwargs: Any) -> Course:
        made = Course.of(flow, tie, **kwargs)
        monkeypatch.setattr(RedpinClient, "find_session", lambda *args, **kwargs: made.listed())
        return made

    return course


SHORT: Final = [name for name, flow in FLOWS.items() if len(flow) <= 3]
LONG: Final = [name for name in FLOWS if name not in SHORT]
FAST: Final = [
    *((name, tie) for name in SHORT for tie in TIES),
    ("bounced after another was credited", "at once"),
]
SLOW: Final = [("with FX", "in pairs"), ("in one currency, to two", "in pairs")]


def marks(name: str, tie: str) -> list[pytest.MarkDecorator]:
    """Have the gate walk a few of them, and a release all."""
    if (name, tie) in FAST:
        return []
    return [pytest.mark.slow if (name, tie) in SLOW else pytest.mark.thorough]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("name", "tie"),
    [pytest.param(name, tie, marks=marks(name, tie)) for name in FLOWS for tie in TIES],
)
def test_a22_e13_every_order_ends_the_same_with_redpin_at_the_end(
    make: Callable[..., Course], name: str, tie: str
) -> None:
    course = make(FLOWS[name], tie, shown=len(FLOWS[name]))
    last = course.flow[-1][0]
    believed = [
        status
        for status, payee in course.flow
        if proves(last, status) or (payee and may_follow(status, last))
    ]

    assert course.walk() == math.factorial(len(believed))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name == "with FX" else pytest.mark.thorough)
        for name in LONG
    ],
)
def test_a22_e13_every_order_ends_the_same_while_redpin_goes_on(
    make: Callable[..., Course], name: str
) -> None:
    course = make(FLOWS[name], "in pairs")

    assert course.walk() > math.factorial(len(course.flow))


@pytest.mark.parametrize(
    ("name", "tie", "kwargs"),
    [
        *((name, "at once", {"may_lag": True, "may_refresh": True}) for name in SHORT),
        pytest.param(
            "in one currency, to one after the other",
            "at once",
            {"may_refresh": True},
            marks=pytest.mark.thorough,
        ),
        pytest.param(
            "bounced after another was credited",
            "in pairs",
            {"may_lag": True},
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_a22_e13_every_order_ends_the_same_with_a_list_that_lags_and_is_fetched(
    make: Callable[..., Course], name: str, tie: str, kwargs: dict[str, bool]
) -> None:
    assert make(FLOWS[name], tie, **kwargs).walk() > math.factorial(len(FLOWS[name]))


@contextmanager
def a_tests_own_transaction() -> Iterator[None]:
    """Open a transaction that the inbox takes for a test case's own, as it is."""
    block = transaction.atomic()
    vars(block)["_from_testcase"] = True
    with block:
        yield


@pytest.mark.heavy
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a22_any_order_with_copies_ends_the_same(
    make: Callable[..., Course], data: st.DataObject
) -> None:
    """What the walks above do not do: the same copies again and again, in one long history."""
    with a_tests_own_transaction():
        name = data.draw(st.sampled_from(LONG))
        course = make(FLOWS[name], data.draw(st.sampled_from(list(TIES))))
        places = list(range(len(course.flow)))
        copies = data.draw(st.lists(st.sampled_from(places), max_size=5))
        moves = data.draw(st.permutations([*places, *copies, *([-1] * len(places))]))
        for place in moves:
            course.shown += place == -1
            if place >= 0:
                course.arrive(place)
                course.process(place)
        for place in places:
            course.process(place)

        assert course.shown == len(course.flow)
        assert course.end() == course.expected()
        transaction.set_rollback(True)


@pytest.mark.parametrize("salt", "abcdef")
def test_a22_of_two_facts_of_one_second_the_flow_decides_and_not_their_keys(
    make: Callable[..., Course], salt: str
) -> None:
    """While another's payout begins, a first one's beginning comes after its end."""
    course = make(FLOWS["in one currency, to one after the other"], "at once", salt=salt)
    course.shown = 4
    for place in (0, 2, 1, 3):
        assert course.process(place)

    assert course.end() == course.expected()


@pytest.mark.parametrize("at", range(4))
def test_a24_an_unknown_status_is_kept_and_changes_nothing_wherever_it_comes(
    make: Callable[..., Course], caplog: pytest.LogCaptureFixture, at: int
) -> None:
    course = make(FLOWS["cancelled on its way"], "apart", shown=3)
    for place in range(3):
        if place < at:
            course.process(place)
    before = course.rows()

    body = course.bodies[1].replace(b"PAYOUT_INITIATED", b"TELEPORTED")
    event = record_event(
        body, account="default", client_reference_id="ORDER-1", verifier="token"
    ).event
    assert process_event(event.pk) == "unknown_status"

    assert course.rows() == before
    assert bytes(WebhookEvent.objects.get(pk=event.pk).body) == body
    assert sum("not documented" in record.message for record in caplog.records) == 1
    for place in range(3):
        course.process(place)
    assert course.end() == course.expected()


def test_a23_events_that_overtake_their_session_wait_and_end_the_same(
    make: Callable[..., Course],
) -> None:
    course = make(FLOWS["with FX"], "in pairs", shown=6)
    PaymentSession.objects.update(client_reference_id="NOT-YET")
    for place in reversed(range(6)):
        assert not course.process(place)
    assert set(WebhookEvent.objects.values_list("outcome", flat=True)) == {"waiting"}

    PaymentSession.objects.update(client_reference_id="ORDER-1")
    for place in range(6):
        assert course.process(place)

    assert course.end() == course.expected()
