"""A model of Redpin in this process: its payments, its list, its webhooks, and its bad days.

It follows the documented flows, with one payout for each recipient. It knows nothing of ours: the
statuses and steps below are written down a second time, from Redpin's documents.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django_redpin.client.transport import Answer
from django_redpin.exceptions import InvalidRequestError, NoAnswer, NotSent, ServerError
from tests.redpin_server import iso

LIFETIME: Final = timedelta(minutes=30)
PAGE: Final = "https://pay.redpin.test/canary-page-"
ENDS: Final = ("PAYMENT_COMPLETED", "CANCELLED", "REFUNDED")

# How a call can fail. The last three have been carried out all the same; the last one shows what is
# somebody else's. (There is "another session", too: of that nobody can tell while the answer to
# create is lost, so that it is for tests that know when it comes.)
FAULTS: Final = ("refused", "400", "503", "timeout", "lost", "garbage", "another payer")

Step = tuple[str, str]


@dataclass(frozen=True)
class Event:
    """One webhook. Its id is unique within its payment alone."""

    reference: str
    session_id: str
    customer_id: str
    client_customer_ref: str
    event_id: str
    payment_id: str
    status: str
    at: datetime
    recipient_id: str = ""

    def body(self, *, nested: bool = False) -> bytes:
        """Return what is posted, in either envelope."""
        payment: dict[str, Any] = {
            "payment_id": self.payment_id,
            "status": self.status,
            "customer_id": self.customer_id,
            "client_customer_ref": self.client_customer_ref,
            "client_reference_id": self.reference,
            "session_id": self.session_id,
        }
        data = {"recipient_id": self.recipient_id} if self.recipient_id else {}
        envelope: dict[str, Any] = {"event_id": self.event_id, "event_timestamp": iso(self.at)}
        if nested:
            envelope |= {"event_type": "PAYMENT STATUS", "version": "v1.0.0"}
            envelope["data"] = {**payment, **data}
        else:
            envelope |= {**payment, "data": data}
        return json.dumps(envelope).encode()


@dataclass
class Payment:
    """One payment: where it is, where it was, and how far each recipient's payout is."""

    payment_id: str
    is_fx: bool
    payouts: dict[str, str]
    history: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @property
    def status(self) -> str:
        return self.history[-1] if self.history else ""

    @property
    def has_left_its_end(self) -> bool:
        """Whether it went on from a status that ends a flow."""
        return any(status in ENDS for status in self.history[:-1])

    def steps(self) -> list[Step]:
        """Return the documented next steps; the first is the way to PAYMENT_COMPLETED."""
        waiting = [to for to, payout in self.payouts.items() if not payout]
        begun = [to for to, payout in self.payouts.items() if payout == "PAYOUT_INITIATED"]
        initiate = [("PAYOUT_INITIATED", to) for to in waiting]
        if self.status in ("PAYOUT_INITIATED", "PAYOUT_CREDITED"):
            steps = initiate + [("PAYOUT_CREDITED", to) for to in begun]
            steps += [("BOUNCED_BACK", to) for to in begun]
            if self.status == "PAYOUT_INITIATED":
                steps.append(("CANCELLED", ""))
            return steps if waiting or begun else [("PAYMENT_COMPLETED", "")]
        return {
            "": [("AWAITING_FUNDS" if self.is_fx else "PROCESSING", "")],
            "AWAITING_FUNDS": [("RECEIVED_FUNDS", ""), ("CANCELLED", "")],
            "RECEIVED_FUNDS": [("FX_COMPLETED", ""), ("REFUNDED", "")],
            "FX_COMPLETED": initiate,
            "PROCESSING": [*initiate, ("CANCELLED", "")],
            "BOUNCED_BACK": [("REFUNDED", "")],
        }.get(self.status, [])


@dataclass
class Session:
    """One session, and what the list showed of it since when."""

    request: dict[str, Any]
    record: dict[str, Any]
    expires_at: datetime
    versions: list[tuple[datetime, dict[str, Any]]]
    payment: Payment | None = None


@dataclass
class Provider:
    """Redpin, by the true time. `faults` are those of its next calls, `lag` is its list's age."""

    now: Callable[[], datetime]
    sessions: dict[str, Session] = field(default_factory=dict)
    sent: list[Event] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    lag: timedelta = timedelta()
    calls: int = 0
    before_answer: Callable[[], None] = lambda: None
    told: set[tuple[str, str]] = field(default_factory=set)

    # What the payer and the banks do.

    def pay(self, reference: str, *, is_fx: bool) -> None:
        """Let the payer begin."""
        session = self.sessions[reference]
        shares = session.request["recipient_details"]
        recipients = [each.get("recipient_id") or f"embedded-{n}" for n, each in enumerate(shares)]
        number = str(9000 + sum(1 for each in self.sessions.values() if each.payment))
        session.payment = Payment(number, is_fx, dict.fromkeys(recipients, ""))
        self.take(reference, session.payment.steps()[0])

    def take(self, reference: str, step: Step, *, silent: bool = False) -> None:
        """Let the payment take a step, and send the event, unless it is `silent`."""
        session = self.sessions[reference]
        payment = session.payment
        assert payment is not None
        status, recipient_id = step
        if recipient_id:
            payment.payouts[recipient_id] = status
        payment.history.append(status)
        session.record = {
            **session.record,
            "latest_status": status,
            "has_payment": True,
            "payment_id": payment.payment_id,
        }
        session.versions.append((self.now(), session.record))
        if silent:
            return
        record = session.record
        event = Event(
            reference=reference,
            session_id=record["session_id"],
            customer_id=record["customer_id"],
            client_customer_ref=record["client_customer_ref"],
            event_id=str(len(payment.history)),
            payment_id=payment.payment_id,
            status=status,
            at=self.now(),
            recipient_id=recipient_id,
        )
        payment.events.append(event)
        self.sent.append(event)

    # What it answers, in place of `client.transport.call`.

    def call(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        **_: Any,
    ) -> Answer:
        self.calls += 1
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "refused":
            raise NotSent("Nobody listens.")
        if fault == "400":
            raise InvalidRequestError(400, code="INVALID_PARAMETER", field="amount")
        if fault == "503":
            raise ServerError(503, description="Come back later.")
        if fault == "timeout":
            raise NoAnswer("Redpin took its time.")
        customer_id = url.split("/")[-2]
        if method == "POST":
            body = self._created(json, customer_id)
        else:
            body = self._listed(dict(params or {}))
            if fault == "another payer":
                body["sessions"] = [
                    {**each, "client_customer_ref": "SOMEBODY_ELSE"} for each in body["sessions"]
                ]
            elif fault == "another session":
                body["sessions"] = [
                    {**each, "session_id": f"not-{each['session_id']}"} for each in body["sessions"]
                ]
        at = self.now().replace(microsecond=0)
        self.before_answer()
        if fault == "lost":
            raise NoAnswer("The answer was lost.")
        if fault == "garbage":
            return Answer({"sessions": "none", "session_id": 7}, at)
        return Answer(body, at)

    def _created(self, request: dict[str, Any], customer_id: str) -> dict[str, Any]:
        reference = request["client_reference_id"]
        if reference in self.sessions:
            raise InvalidRequestError(
                400, code="INVALID_PARAMETER", description="duplicate", field="client_reference_id"
            )
        now = self.now()
        session_id = str(uuid.uuid5(uuid.NAMESPACE_URL, reference))
        record = {
            "session_id": session_id,
            "client_reference_id": reference,
            "client_customer_ref": request["client_customer_ref"],
            "customer_id": customer_id,
            "created_at": iso(now),
            "session_expires_at": iso(now + LIFETIME),
            "latest_status": None,
            "has_payment": False,
            "payment_id": None,
        }
        self.sessions[reference] = Session(request, record, now + LIFETIME, [(now, record)])
        return {
            "session_id": session_id,
            "client_reference_id": reference,
            "expires_at": record["session_expires_at"],
            "session_url": PAGE + session_id,
        }

    def _listed(self, filters: dict[str, str]) -> dict[str, Any]:
        page, limit = int(filters.pop("page", 1)), int(filters.pop("limit", 20))
        found = [
            record
            for record in map(self._shown, reversed(list(self.sessions.values())))
            if all(record.get(name) == value for name, value in filters.items())
        ]
        shown = found[(page - 1) * limit : page * limit]
        for record in shown:
            self.told.add((record["client_reference_id"], record["latest_status"]))
        meta = {"page": page, "limit": limit, "total_pages": -(-len(found) // limit)}
        return {"sessions": shown, "meta": meta}

    def _shown(self, session: Session) -> dict[str, Any]:
        """Return the session as the list has it: of some time ago, though never missing."""
        as_of = self.now() - self.lag
        old_enough = [record for since, record in session.versions if since <= as_of]
        return old_enough[-1] if old_enough else session.versions[0][1]
