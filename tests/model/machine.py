"""The state machine: what Redpin, the network, the workers, the clock and the merchant may do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar, Final

from django.db.models import Q
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from django_redpin import services
from django_redpin.exceptions import RedpinError
from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session

from .invariants import Invariants
from .orders import order
from .provider import FAULTS, Event
from .world import Strike, World

MOST_SESSIONS: Final = 3
VERBS: Final = ("refresh_payment_session", "renew_payment_session", "complete_payment_session")
UNFINISHED: Final = ("creating", "unknown")

# A number is taken modulo what there is to choose from.
ANY: Final = st.integers(0, 15)
STEPS: Final = st.lists(ANY, max_size=6)
STRIKES: Final = st.none() | st.tuples(
    st.sampled_from(["crash", "crash_after", "error", "lost"]), st.integers(1, 16)
)
STATUSES: Final = (
    "AWAITING_FUNDS",
    "PROCESSING",
    "RECEIVED_FUNDS",
    "FX_COMPLETED",
    "PAYOUT_INITIATED",
    "PAYOUT_CREDITED",
    "PAYMENT_COMPLETED",
    "CANCELLED",
    "BOUNCED_BACK",
    "REFUNDED",
)
# Steps that no diagram has, of the kind that happens to money all the same.
OFF_FLOW: Final[dict[str, str]] = {
    "PAYMENT_COMPLETED": "REFUNDED",
    "CANCELLED": "REFUNDED",
    "REFUNDED": "BOUNCED_BACK",
    "RECEIVED_FUNDS": "CANCELLED",
    "PROCESSING": "REFUNDED",
}
STRANGE: Final = (
    b'{"event_id": "1", "event_type": "VBAN STATUS", "data": {"status": "X"}}',
    b'{"customer_id": "1", "status": "active", "unique_identifier": "u"}',
    b'{"event_id": "7", "payment_id": "9000", "status": "TELEPORTED", "more": {"of": ["it"]}}',
    b"{}",
    b"[]",
)


# Seconds, where it is about time.
WEATHER: Final = (
    *(("lag", seconds) for seconds in (0, 2, 60, 300)),
    *(("skew", seconds) for seconds in (0, -600, -30, 30, 600)),
    ("broker_is_up", True),
    ("broker_is_up", False),
    ("receivers_fail", False),
    ("receivers_fail", True),
)


def strike_of(drawn: tuple[str, int] | None) -> Strike | None:
    return None if drawn is None else Strike(*drawn)


class Machine(RuleBasedStateMachine):
    """One world and its app. `world` and `payees` are set by the test."""

    world: ClassVar[World]
    payees: ClassVar[list[Recipient]]

    def __init__(self) -> None:
        super().__init__()
        self.outer = sys.exc_info()[1]

    @initialize(shares=st.integers(1, 3), is_fx=st.booleans(), steps=STEPS)
    def begin(self, shares: int, is_fx: bool, steps: list[int]) -> None:
        self.world.begin()
        self.laws = Invariants(self.world)
        self.wire: list[Event] = []
        self.orders: list[dict[str, Any]] = []
        self.collected = 0
        self.create(shares=shares, defer=False, drawn=None)
        self.pay(which=0, is_fx=is_fx)
        self.advance(which=0, steps=steps, silent=False)

    # The merchant.

    @precondition(lambda self: len(self.orders) < MOST_SESSIONS)
    @rule(shares=st.integers(1, 3), defer=st.booleans(), drawn=STRIKES)
    def create(self, shares: int, defer: bool, drawn: tuple[str, int] | None) -> None:
        asked = order(self.payees[:shares], len(self.orders))
        self.orders.append(asked)
        self._ask(lambda: create_payment_session(**asked, defer=defer), drawn)

    @rule(which=ANY, drawn=STRIKES)
    def create_again(self, which: int, drawn: tuple[str, int] | None) -> None:
        asked = self.orders[which % len(self.orders)]
        key = asked["idempotency_key"]
        busy = PaymentSession.objects.filter(
            idempotency_key=key, state__in=UNFINISHED, leased_until__gt=self.world.now()
        )
        if not busy.exists():  # Else it waits, for as long as half a minute.
            self._ask(lambda: create_payment_session(**asked), drawn)

    @rule(which=ANY, verb=st.sampled_from(VERBS), drawn=STRIKES)
    def ask_for(self, which: int, verb: str, drawn: tuple[str, int] | None) -> None:
        sessions = list(PaymentSession.objects.order_by("pk"))
        if sessions:
            session = sessions[which % len(sessions)]
            self._ask(lambda: getattr(services, verb)(session), drawn)

    # Redpin, its payers and its banks.

    @rule(which=ANY, is_fx=st.booleans())
    def pay(self, which: int, is_fx: bool) -> None:
        now = self.world.true
        # What nobody was shown, nobody pays.
        shown = set(
            PaymentSession.objects.filter(~Q(session_url="") & Q(state__in=["open", "expired"]))
            .order_by("pk")
            .values_list("client_reference_id", flat=True)
        )
        unpaid = [
            reference
            for reference, session in self.world.provider.sessions.items()
            if reference in shown and session.payment is None and now < session.expires_at
        ]
        if unpaid:
            self.world.provider.pay(unpaid[which % len(unpaid)], is_fx=is_fx)
            self._collect()

    @rule(which=ANY, steps=STEPS, silent=st.booleans())
    def advance(self, which: int, steps: list[int], silent: bool) -> None:
        """Go on; a step that is `silent` is one that Redpin jumps over."""
        paid = self._paid()
        for place, step in enumerate(steps if paid else ()):
            reference = paid[which % len(paid)]
            payment = self.world.provider.sessions[reference].payment
            choices = payment.steps() if payment else []
            if choices:
                # The way to the end is taken more often than the others.
                chosen = choices[step % len(choices)] if step < 5 else choices[0]
                is_silent = silent and place + 1 < len(steps)
                self.world.provider.take(reference, chosen, silent=is_silent)
        self._collect()

    @rule(which=ANY)
    def leave_the_flow(self, which: int) -> None:
        paid = self._paid()
        reference = paid[which % len(paid)] if paid else ""
        payment = self.world.provider.sessions[reference].payment if paid else None
        if payment and payment.status in OFF_FLOW:
            self.world.provider.take(reference, (OFF_FLOW[payment.status], ""))
            self._collect()

    # The network.

    @precondition(lambda self: self.wire)
    @rule(which=ANY, nested=st.booleans(), copies=st.integers(1, 2), drawn=STRIKES)
    def deliver(self, which: int, nested: bool, copies: int, drawn: tuple[str, int] | None) -> None:
        event = self.wire[which % len(self.wire)]
        answers = [
            self.world.post(event.reference, event.body(nested=nested), strike_of(drawn))
            for _ in range(copies)
        ]
        assert set(answers) <= {200, 503, 0}
        if 200 in answers:  # Else Redpin sends it again.
            self.wire.remove(event)

    @precondition(lambda self: self.wire)
    @rule(which=ANY)
    def drop(self, which: int) -> None:
        del self.wire[which % len(self.wire)]

    @precondition(lambda self: self.world.provider.sent)
    @rule(which=ANY, nested=st.booleans())
    def replay(self, which: int, nested: bool) -> None:
        sent = self.world.provider.sent
        event = sent[which % len(sent)]
        assert self.world.post(event.reference, event.body(nested=nested)) == 200

    @precondition(lambda self: self.wire)
    @rule(which=ANY, place=st.integers(0, 400), byte=st.integers(0, 255))
    def corrupt(self, which: int, place: int, byte: int) -> None:
        event = self.wire[which % len(self.wire)]
        body = bytearray(event.body())
        body[place % len(body)] = byte
        assert self.world.post(event.reference, bytes(body)) in (200, 400)

    @rule(
        which=ANY,
        status=st.sampled_from(STATUSES),
        to=st.sampled_from(["", "501", "502"]),
        seconds=st.sampled_from([-(10**6), 0, 10**6]),
        nested=st.booleans(),
    )
    def forge(self, which: int, status: str, to: str, seconds: int, nested: bool) -> None:
        """Claim anything, in perfect form: with all that Redpin itself knows."""
        sessions = self.world.provider.sessions
        if not sessions:
            return
        reference = list(sessions)[which % len(sessions)]
        session = sessions[reference]
        event = Event(
            reference=reference,
            session_id=session.record["session_id"],
            customer_id=session.record["customer_id"],
            client_customer_ref=session.record["client_customer_ref"],
            event_id=f"forged-{which}",
            payment_id=session.record["payment_id"] or "9000",
            status=status,
            at=self.world.true + timedelta(seconds=seconds),
            recipient_id=to,
        )
        if to:
            self.laws.forged.add(reference)
        assert self.world.post(reference, event.body(nested=nested)) == 200

    @rule(body=st.sampled_from(STRANGE), known=st.booleans())
    def post_something_strange(self, body: bytes, known: bool) -> None:
        reference = PaymentSession.objects.order_by("pk").values_list(
            "client_reference_id", flat=True
        )[:1]
        status = self.world.post(reference[0] if known and reference else "GHOST", body)
        assert status == (400 if body == b"[]" else 200)

    # The broker and the workers.

    @precondition(lambda self: self.world.messages)
    @rule(which=ANY, again=st.booleans(), drawn=STRIKES)
    def work(self, which: int, again: bool, drawn: tuple[str, int] | None) -> None:
        """Run a task; `again` is for a broker that delivers it once more."""
        messages = self.world.messages
        message = messages[which % len(messages)]
        if not again:
            messages.remove(message)
        self.world.work(message, strike_of(drawn))

    @precondition(lambda self: self.world.messages)
    @rule(which=ANY, at=st.integers(1, 14), in_call=st.booleans(), step=ANY, jump=st.booleans())
    def be_overtaken(self, which: int, at: int, in_call: bool, step: int, jump: bool) -> None:
        """Run a task, in the middle of which everybody else goes on, perhaps past its lease."""
        messages = self.world.messages
        message = messages.pop(which % len(messages))

        def meanwhile() -> None:
            self.world.provider.before_answer = lambda: None
            self.world.pass_time(301 if jump else 1)
            self.advance(which=step, steps=[step], silent=False)
            for event in self.wire[:2]:
                self.world.post(event.reference, event.body())
            for other in [message, *messages[:4]]:
                self.world.work(other)

        if in_call:
            self.world.provider.before_answer = meanwhile
            self.world.work(message)
            self.world.provider.before_answer = lambda: None
        else:
            self.world.work(message, Strike("overtake", at, meanwhile))

    @precondition(lambda self: self.world.messages)
    @rule(which=ANY)
    def lose_a_message(self, which: int) -> None:
        del self.world.messages[which % len(self.world.messages)]

    @rule(drawn=STRIKES)
    def sweep(self, drawn: tuple[str, int] | None) -> None:
        self.world.sweep(strike_of(drawn))

    @rule(seconds=st.sampled_from([0, 1, 10, 61, 301, 3700]))
    def time_passes(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    # Whatever can be in a bad way.

    @rule(faults=st.lists(st.sampled_from(["", *FAULTS]), max_size=4))
    def redpin_fails(self, faults: list[str]) -> None:
        self.world.provider.faults = faults

    @rule(weather=st.sampled_from(WEATHER))
    def the_weather_changes(self, weather: tuple[str, int]) -> None:
        name, value = weather
        about = self.world.provider if name == "lag" else self.world
        is_time = name in ("lag", "skew")
        setattr(about, name, timedelta(seconds=value) if is_time else value)

    # What has to hold.

    @invariant()
    def hold(self) -> None:
        if hasattr(self, "laws"):
            self.laws.hold()

    def teardown(self) -> None:
        """Let the faults stop, the sweeps run and time pass: all is as Redpin has it."""
        has_failed = sys.exc_info()[1] is not self.outer
        if has_failed or not hasattr(self, "laws"):
            return
        self._mend()
        for _ in range(16):
            self.world.pass_time(61 * 60)
            self._sweep_all()
            if not self._is_waiting():
                break
        for _ in range(2):
            self.world.pass_time(25 * 3600)
            self._sweep_all()
        self.laws.hold()
        self.laws.i10_local_state_is_redpins()
        self.laws.i11_every_transition_was_told()

    def _mend(self) -> None:
        world = self.world
        world.provider.faults, world.provider.lag, world.skew = [], timedelta(), timedelta()
        world.broker_is_up, world.receivers_fail = True, False
        for session in world.provider.sessions.values():
            # What comes after an end is told by webhooks alone.
            if session.payment and session.payment.has_left_its_end:
                self.wire += session.payment.events[-1:]
        for event in self.wire:
            assert world.post(event.reference, event.body()) == 200
        # Most of the tries that lead to nothing are done by now.
        WebhookEvent.objects.filter(attempts__lt=8, outcome__in=("waiting", "contradicted")).update(
            attempts=8
        )

    def _sweep_all(self) -> None:
        for message in list(self.world.messages):
            self.world.work(message)
        self.world.messages.clear()
        self.world.sweep()

    def _is_waiting(self) -> bool:
        rows = (
            WebhookEvent.objects.filter(next_attempt_at__isnull=False),
            StatusTransition.objects.filter(next_attempt_at__isnull=False),
            PaymentSession.objects.filter(state__in=UNFINISHED, review_reason=""),
        )
        return any(found.exists() for found in rows)

    def _ask(self, ask: Callable[[], Any], drawn: tuple[str, int] | None) -> None:
        def asked() -> None:
            with suppress(RedpinError):
                ask()

        self.world.run(asked, strike_of(drawn))

    def _paid(self) -> list[str]:
        sessions = self.world.provider.sessions.items()
        return [reference for reference, session in sessions if session.payment]

    def _collect(self) -> None:
        """Put what Redpin has sent onto the wire."""
        sent = self.world.provider.sent
        self.wire += sent[self.collected :]
        self.collected = len(sent)
