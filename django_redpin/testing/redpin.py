"""Redpin's own side, in memory: clients, tokens, sessions, payments, recipients.

It knows nothing of HTTP, which is `wire.py`, and nothing of faults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from moneyed import Money

from ..rules.requests import SessionRequest
from ..rules.statuses import (
    AWAITING_FUNDS,
    FINAL,
    FX_COMPLETED,
    PAYMENT_COMPLETED,
    PAYOUT,
    PAYOUT_CREDITED,
    PAYOUT_INITIATED,
    PROCESSING,
    RANKS,
    RECEIVED_FUNDS,
    REFUNDED,
)
from .subjects import Payout, Subject, payment_id_of, recipient_id_of, session_id_of

TOKEN_SECONDS: Final = 3600

# Redpin's documented flows, with an exchange of currencies and without.
_WITH_EXCHANGE: Final = (AWAITING_FUNDS, RECEIVED_FUNDS, FX_COMPLETED)
_WITHOUT_EXCHANGE: Final = (PROCESSING,)
_OF_THE_PAYER: Final = frozenset({RECEIVED_FUNDS, FX_COMPLETED, REFUNDED})
_TO_RECIPIENTS: Final = (PAYOUT_INITIATED, PAYOUT_CREDITED)


@dataclass(slots=True)
class Payment:
    """The payment of a session: what the payer sends, and all that has happened, in order.

    What happened is a status, and the `recipient_id` whose payout it was, or "".
    """

    sell: Money
    happened: list[tuple[str, str]] = field(default_factory=list)

    @property
    def status(self) -> str:
        return self.happened[-1][0]

    def told_of(self, status: str) -> Money | None:
        """Return the amount that the payer's part of the payment is of, where `status` is that."""
        return self.sell if status in _OF_THE_PAYER else None


@dataclass(slots=True)
class HostedSession:
    """One session as Redpin keeps it. Times in UTC."""

    subject: Subject
    client_id: str
    url: str = field(repr=False)
    callbacks: tuple[str, ...] = field(repr=False)
    created_at: datetime
    expires_at: datetime
    payment: Payment | None = None

    def only_recipient(self, status: str) -> str:
        """Return whose payout it is where the status is told for each, and there is one alone."""
        is_clear = status in PAYOUT and len(self.subject.payouts) == 1
        return self.subject.payouts[0].recipient_id if is_clear else ""

    def to_come(self) -> list[tuple[str, str]]:
        """Return what the documented flow still has for the session's payment."""
        payment = self.payment or Payment(self.subject.amount)
        has_exchange = payment.sell.currency != self.subject.amount.currency
        flow = [(status, "") for status in (_WITH_EXCHANGE if has_exchange else _WITHOUT_EXCHANGE)]
        for status in _TO_RECIPIENTS:
            flow += [(status, payout.recipient_id) for payout in self.subject.payouts]
        flow.append((PAYMENT_COMPLETED, ""))
        return [step for step in flow if not _is_over(step, payment.happened)]


def _is_over(step: tuple[str, str], happened: Sequence[tuple[str, str]]) -> bool:
    """Tell whether a step of the flow is done, or can't be any more."""
    status, recipient_id = step
    if any(each in FINAL for each, _ in happened):
        return True
    reached = [RANKS.get(each, 0) for each, whose in happened if recipient_id in ("", whose)]
    return max(reached, default=0) >= RANKS[status]


class Taken(Exception):
    """The reference is another session's."""


class Redpin:
    """What Redpin knows. `now` is its clock, `lifetime` how long a session's page lasts."""

    def __init__(self, now: Callable[[], datetime], lifetime: timedelta) -> None:
        self.now = now
        self.lifetime = lifetime
        self.sessions: dict[tuple[str, str], HostedSession] = {}
        self.recipients: dict[str, list[dict[str, str]]] = {}
        self.decisions = 0  # About payers.
        self._tokens: dict[str, tuple[str, datetime]] = {}

    def give_token(self, client_id: str) -> str:
        """Return a new access token of this client."""
        token = f"token-of-the-fake-{len(self._tokens) + 1}"
        self._tokens[token] = (client_id, self.now() + timedelta(seconds=TOKEN_SECONDS))
        return token

    def expire_tokens(self) -> None:
        """Let every token that was given be of no use any more."""
        self._tokens = {token: (owner, self.now()) for token, (owner, _) in self._tokens.items()}

    def client_of(self, token: str) -> str | None:
        """Return whose token it is, or None for one that is none, or has expired."""
        client_id, expires_at = self._tokens.get(token, ("", self.now()))
        return client_id if expires_at > self.now() else None

    def create(
        self, request: SessionRequest, client_id: str, customer_id: str, origin: str
    ) -> HostedSession:
        """Create a session. Raises `Taken`: a reference is unique for each client."""
        reference = request.client_reference_id
        if (client_id, reference) in self.sessions:
            raise Taken
        session_id = session_id_of(customer_id, reference)
        now = self.now().replace(microsecond=0)
        session = HostedSession(
            subject=Subject(
                customer_id=customer_id,
                client_customer_ref=request.client_customer_ref,
                client_reference_id=reference,
                session_id=session_id,
                payment_id=payment_id_of(customer_id, reference),
                amount=request.amount,
                payouts=tuple(
                    Payout(
                        share.payee.recipient_id or recipient_id_of(reference, place), share.amount
                    )
                    for place, share in enumerate(request.recipients)
                ),
            ),
            client_id=client_id,
            url=f"{origin}/pay/{session_id}/",
            callbacks=tuple(dict.fromkeys(request.callbacks)),
            created_at=now,
            expires_at=now + self.lifetime,
        )
        self.sessions[client_id, reference] = session
        return session

    def listed(self, customer_id: str, filters: Mapping[str, str]) -> list[HostedSession]:
        """Return the customer's sessions that fit all filters, the newest first."""
        return [
            session
            for session in reversed(self.sessions.values())
            if session.subject.customer_id == customer_id
            and all(getattr(session.subject, name) == value for name, value in filters.items())
        ]

    def add_recipient(self, customer_id: str, reference: str) -> dict[str, str]:
        """Add a recipient, and return its record. A reference is taken any number of times."""
        known = self.recipients.setdefault(customer_id, [])
        recipient_id = recipient_id_of(reference or customer_id, len(known))
        known.append({"recipient_id": recipient_id, "client_reference_id": reference})
        return dict(known[-1])
