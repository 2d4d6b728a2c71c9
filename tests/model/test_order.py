"""The end does not depend on the order: every order of arrival, with every course of Redpin's list.

Not by a sample: all orders are walked through, as a tree whose branches meet where the rows are the
same. Between any two events Redpin's list may move on, so that it is at its end when the first one
is looked at, or shows each status just when its event comes, or lags behind what is told; and
whoever likes may refresh the session. What the list contradicts is tried again when it has moved.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import pytest
from django.db import connection, transaction
from django.utils import timezone as django_timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from moneyed import Money

from django_redpin.client import RedpinClient, SessionRecord
from django_redpin.models import (
    PaymentSession,
    Recipient,
    SessionRecipient,
    StatusTransition,
    WebhookEvent,
)
from django_redpin.services.process import process_event
from django_redpin.services.record import record_event
from django_redpin.services.refresh import refresh_payment_session

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
                event_id=str(place),
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
        WebhookEvent.objects.filter(
            pk=self.events[place].pk, next_attempt_at__isnull=False
        ).update(next_attempt_at=START, attempts=0)
        return process_event(self.events[place].pk) in ("applied", "known")

    def end(self) -> End:
        self.session.refresh_from_db()
        payouts = self.session.shares.order_by("pk").values_list("payout_status", flat=True)
        return self.session.payment_status, self.session.state, tuple(payouts)

    def expected(self) -> End:
        payouts = {to: status for status, to in self.flow if to}
        status = self.flow[-1][0]
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
            if len(done) == len(self.flow) == self.shown:
                assert self.end() == self.expected()
                self._journal_is_in_order()
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
        with transaction.atomic():
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
            refresh_payment_session(self.session)
            if self.rows() != before:
                ways = self.walk(done)
        elif self.process(step):
            ways = self.walk(done | {step})
        else:
            assert self.rows() == before
        return ways

    def _journal_is_in_order(self) -> None:
        moves = StatusTransition.objects.filter(subject="payment_status").order_by("pk")
        told = list(moves.values_list("from_value", "to_value"))
        assert [start for start, _ in told] == ["", *(end for _, end in told[:-1])]
        assert all(end in REACHABLE[start] for start, end in told), told


@pytest.fixture
def course(db: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Course]:
    """Make a course whose list Redpin's client shows."""

    def make(flow: Flow, tie: str, **kwargs: Any) -> Course:
        made = Course.of(flow, tie, **kwargs)
        monkeypatch.setattr(RedpinClient, "find_session", lambda *args, **kwargs: made.listed())
        return made

    return make


@pytest.mark.parametrize("tie", TIES)
@pytest.mark.parametrize("name", FLOWS)
def test_a22_e13_every_order_ends_the_same_with_redpin_at_the_end(
    course: Callable[..., Course], name: str, tie: str
) -> None:
    walked = course(FLOWS[name], tie, shown=len(FLOWS[name]))

    assert walked.walk() == math.factorial(len(walked.flow))


@pytest.mark.slow
@pytest.mark.parametrize("tie", TIES)
@pytest.mark.parametrize("name", FLOWS)
def test_a22_e13_every_order_ends_the_same_wherever_redpins_list_is(
    course: Callable[..., Course], name: str, tie: str
) -> None:
    walked = course(FLOWS[name], tie, may_lag=True, may_refresh=True)

    assert walked.walk() > math.factorial(len(walked.flow))
