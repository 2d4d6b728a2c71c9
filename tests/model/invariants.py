"""What has to hold whatever happens, told from outside: by rows, signals, logs and messages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from django_redpin.models import PaymentSession, SessionRecipient, StatusTransition, WebhookEvent
from django_redpin.rules.statuses import may_follow

from .provider import ENDS
from .world import CANARY, Row, Rows, World, identity

# Written down a second time, from Redpin's diagrams (all versions), and from docs/design.md.
EDGES: Final[dict[str, set[str]]] = {
    "": {"AWAITING_FUNDS", "PROCESSING"},
    "AWAITING_FUNDS": {"RECEIVED_FUNDS", "PROCESSING", "CANCELLED"},
    "PROCESSING": {"PAYOUT_INITIATED", "CANCELLED"},
    "RECEIVED_FUNDS": {"FX_COMPLETED", "REFUNDED"},
    "FX_COMPLETED": {"PAYOUT_INITIATED"},
    "PAYOUT_INITIATED": {"PAYOUT_CREDITED", "BOUNCED_BACK", "CANCELLED"},
    "PAYOUT_CREDITED": {"PAYMENT_COMPLETED", "PAYOUT_INITIATED", "BOUNCED_BACK"},
    "BOUNCED_BACK": {"REFUNDED"},
    "REFUNDED": {"BOUNCED_BACK"},
}
STATES: Final[dict[str, set[str]]] = {
    "creating": {"open", "unknown", "rejected", "superseded", "closed"},
    "unknown": {"open", "creating", "rejected", "superseded", "closed"},
    "open": {"expired", "closed"},
    "expired": {"open", "closed", "superseded"},
    "closed": set(),
    "rejected": set(),
    "superseded": set(),
}
LIVE: Final = ("creating", "unknown", "open")
# The columns of the journal that are written once.
SAID: Final = (
    "session_id",
    "subject",
    "share_id",
    "event_id",
    "from_value",
    "to_value",
    "occurred_at",
    "created_at",
)
Outcome = WebhookEvent.Outcome


def reachable(edges: dict[str, set[str]], start: str) -> set[str]:
    """Return what can be reached from `start`, by one edge or more."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for each in edges.get(waiting.pop(), set()) - found:
            found.add(each)
            waiting.append(each)
    return found


REACHABLE: Final = {start: reachable(EDGES, start) for start in EDGES}


class Invariants:
    """The invariants by their numbers. `hold()` asks for those that hold after every step."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.identities: dict[int, tuple[str, ...]] = {}
        # Sessions with a claim about a payout that Redpin's list can't tell from a true one.
        self.forged: set[str] = set()

    def hold(self) -> None:
        """Look once, and check I1 to I9."""
        if not self.world.is_news:
            return
        before = self.world.look()
        self.world.is_news = False
        self.i1_every_2xx_has_a_row()
        self.i2_rows_never_vanish(before)
        self.i3_states_are_reached_by_the_graph_or_a_fetch(before)
        self.i4_final_states_are_not_left(before)
        self.i5_one_live_session_for_a_reference()
        self.i6_completed_is_what_redpin_says()
        self.i7_the_journal_explains_the_state(before)
        self.i8_one_journal_row_for_each_transition()
        self.i9_no_secret_anywhere()

    def i1_every_2xx_has_a_row(self) -> None:
        for pk, row in self.world.changed[WebhookEvent].items():
            if pk not in self.identities:
                self.identities[pk] = identity(row["client_reference_id"], bytes(row["body"]))
        stored = set(self.identities.values())
        assert self.world.accepted <= stored
        assert len(stored) == len(self.identities)  # And a copy has none of its own.

    def i2_rows_never_vanish(self, before: Rows) -> None:
        for model, rows in before.items():
            assert rows.keys() <= self.world.rows[model].keys(), model

    def i3_states_are_reached_by_the_graph_or_a_fetch(self, before: Rows) -> None:
        for row in self._new_transitions(before):
            start, end = row["from_value"], row["to_value"]
            if row["subject"] == "state":
                assert end in STATES[start], (start, end)
            elif row["subject"] == "payment_status" and end not in REACHABLE.get(start, ()):
                assert (self._reference(row), end) in self.world.provider.told, (start, end)

    def i4_final_states_are_not_left(self, before: Rows) -> None:
        for row in self._new_transitions(before):
            start, end = row["from_value"], row["to_value"]
            if row["subject"] != "payment_status" or start not in ENDS:
                continue
            # Redpin itself has gone on from there, by an edge of its diagram or without; it says.
            assert row["is_documented"] == may_follow(start, end), row
            history = self._payment(row).history
            assert start in history, (start, end)
            assert end in history[history.index(start) + 1 :], (start, end)

    def i5_one_live_session_for_a_reference(self) -> None:
        sessions = self.world.rows[PaymentSession]
        live = [row for row in sessions.values() if row["state"] in LIVE]
        references = [(row["customer_id"], row["client_reference_id"]) for row in live]
        assert len(references) == len(set(references))
        # Nor for what a merchant takes for one payment, however often it was renewed.
        orders = [self._origin(row) for row in live]
        assert len(orders) == len(set(orders))

    def i6_completed_is_what_redpin_says(self) -> None:
        for row in self.world.changed[PaymentSession].values():
            if row["payment_status"] != "PAYMENT_COMPLETED":
                continue
            theirs = self.world.provider.sessions[row["client_reference_id"]]
            assert theirs.payment is not None
            assert "PAYMENT_COMPLETED" in theirs.payment.history
            assert row["payment_id"] == theirs.payment.payment_id
            asked = theirs.request["amount"]
            assert (Decimal(str(row["amount"])), row["currency"]) == (
                asked["value"],
                asked["currency"],
            )

    def i7_the_journal_explains_the_state(self, before: Rows) -> None:
        rows = self.world.rows[StatusTransition]
        for pk, was in before[StatusTransition].items():
            assert all(rows[pk][name] == was[name] for name in SAID), was
        if not any(self.world.changed.values()):
            return
        told: dict[tuple[Any, ...], str] = {}
        for row in rows.values():
            thread = (row["session_id"], row["subject"], row["share_id"])
            start = "creating" if row["subject"] == "state" else ""
            assert row["from_value"] == told.get(thread, start), row
            assert row["from_value"] != row["to_value"], row
            told[thread] = row["to_value"]
        for pk, row in self.world.rows[PaymentSession].items():
            assert row["state"] == told.get((pk, "state", None), "creating")
            assert row["payment_status"] == told.get((pk, "payment_status", None), "")
            assert row["review_reason"] == told.get((pk, "review", None), "")
        for pk, row in self.world.rows[SessionRecipient].items():
            assert row["payout_status"] == told.get((row["session_id"], "payout", pk), "")

    def i8_one_journal_row_for_each_transition(self) -> None:
        rows = self.world.rows[StatusTransition]
        for _, pk, subject, to_value in self.world.heard:
            assert (rows[pk]["subject"], rows[pk]["to_value"]) == (subject, to_value)
        # One event moves one thing once.
        moves = [
            (row["event_id"], row["subject"], row["share_id"])
            for row in rows.values()
            if row["event_id"] is not None and row["subject"] != "review"
        ]
        assert len(moves) == len(set(moves))

    def i9_no_secret_anywhere(self) -> None:
        assert not self.world.leaks
        assert CANARY not in repr(self.world.sent)
        for changed in self.world.changed.values():
            for row in changed.values():
                for name, value in row.items():
                    text = bytes(value).decode("latin-1") if name == "body" else str(value)
                    assert name == "session_url" or CANARY not in text, name
        for name, args in self.world.sent:
            assert all(isinstance(value, int) for value in args), name
        self.world.sent.clear()

    # At the end, when faults have stopped, sweeps have run and time has passed.

    def i10_local_state_is_redpins(self) -> None:
        sessions = self.world.rows[PaymentSession]
        ours = {row["client_reference_id"]: row for row in sessions.values()}
        for reference, theirs in self.world.provider.sessions.items():
            row = ours[reference]
            # Where clocks jumped, ours may have been taken for a stranger's: a person has to look.
            assert row["review_reason"] or row["session_id"] == theirs.record["session_id"]
        for row in sessions.values():
            self._is_settled(row)
        for row in self.world.rows[WebhookEvent].values():
            assert row["next_attempt_at"] is None, row["outcome"]
            is_done = row["outcome"] in (Outcome.APPLIED, Outcome.KNOWN)
            assert is_done or row["last_error"] or row["outcome"] == Outcome.IGNORED
        for row in self.world.rows[StatusTransition].values():
            assert row["next_attempt_at"] is None, row["last_error"]

    def i11_every_transition_was_told(self) -> None:
        told = {pk for _, pk, _, _ in self.world.heard}
        for pk, row in self.world.rows[StatusTransition].items():
            if row["subject"] == "state" and row["to_value"] not in ("open", "expired", "rejected"):
                continue  # Told as the payment's status, or a step on the way.
            if row["subject"] == "state" and row["from_value"] == "expired":
                continue
            is_excused = row["outcome"] == "held" or (
                row["outcome"] == "dead" and row["last_error"]
            )
            assert pk in told or is_excused, row

    def _is_settled(self, row: Row) -> None:
        theirs = self.world.provider.sessions.get(row["client_reference_id"])
        state = row["state"]
        if row["review_reason"]:
            return  # A person has to look.
        if theirs is None:
            assert state == "rejected", state
        elif theirs.payment is None:
            assert state in ("expired", "superseded"), state
        else:
            assert row["payment_status"] == theirs.payment.status
            is_over = theirs.payment.status in ENDS
            went_on = theirs.payment.has_left_its_end
            assert state == ("closed" if is_over else "open") or (went_on and state == "closed")
            if row["client_reference_id"] not in self.forged and not went_on:
                self._has_payouts(row)

    def _has_payouts(self, row: Row) -> None:
        """Check each payout whose last event was believed."""
        payment = self.world.provider.sessions[row["client_reference_id"]].payment
        assert payment is not None
        believed = {
            self.identities[pk]
            for pk, event in self.world.rows[WebhookEvent].items()
            if event["outcome"] in (Outcome.APPLIED, Outcome.KNOWN)
        }
        last = {event.recipient_id: event for event in payment.events if event.recipient_id}
        shares = SessionRecipient.objects.filter(session=row["id"]).select_related("recipient")
        for share in shares:
            event = last.get(share.recipient.recipient_id or "")
            if event and identity(event.reference, event.body()) in believed:
                assert share.payout_status == event.status

    def _new_transitions(self, before: Rows) -> list[Row]:
        known = before[StatusTransition]
        changed = self.world.changed[StatusTransition]
        return [row for pk, row in changed.items() if pk not in known]

    def _reference(self, row: Row) -> str:
        session = self.world.rows[PaymentSession][row["session_id"]]
        return str(session["client_reference_id"])

    def _payment(self, row: Row) -> Any:
        return self.world.provider.sessions[self._reference(row)].payment

    def _origin(self, row: Row) -> int:
        sessions = self.world.rows[PaymentSession]
        while row["renews_id"] is not None:
            row = sessions[row["renews_id"]]
        return int(row["id"])
