"""Redpin's documented events, made from a session, in either envelope.

Where Redpin's pages cut a status's fields off, what stands here is what `client/events.py` infers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from django.utils import timezone as clock
from moneyed import Money

from ..client.events import PAYMENT_STATUS, THIRD_PARTY_CUSTOMER_STATUS, made_event
from ..conf import get_account
from ..rules import exact_json, statuses
from ..rules.money import quantise
from .subjects import Payout, Subject, event_id_of, subject_of

if TYPE_CHECKING:
    from ..models import PaymentSession, Recipient

# Redpin's older pages show the flat envelope, its newest the nested one.
Envelope: TypeAlias = Literal["flat", "nested"]
Payload: TypeAlias = dict[str, Any]

_PER_RECIPIENT: Final = frozenset({statuses.PAYOUT_INITIATED, statuses.PAYOUT_CREDITED})
_WITH_AMOUNT: Final = _PER_RECIPIENT | {
    *(statuses.RECEIVED_FUNDS, statuses.FX_COMPLETED, statuses.REFUNDED),
    statuses.PAYMENT_COMPLETED,  # Where Redpin's page shows none, and the client reads one.
}
_WITH_REASON: Final = frozenset({statuses.CANCELLED, statuses.BOUNCED_BACK})


def payment_event(
    session: PaymentSession,
    status: str,
    *,
    envelope: Envelope = "nested",
    recipient: Recipient | str | None = None,
    amount: Money | None = None,
    reason: str = "",
    event_id: str = "",
    payment_id: str = "",
    at: datetime | None = None,
    data: Mapping[str, object] | None = None,
) -> Payload:
    """Return a PAYMENT STATUS event of the session's payment, with all that belongs to `status`.

    `recipient` says whose payout it is, by its row or Redpin's `recipient_id`; a payout of a
    session with one recipient needs none. `amount`, in major units, is by default what the session
    says: the total, or the recipient's share; for RECEIVED_FUNDS and FX_COMPLETED it is what the
    payer sent, in any currency; PAYMENT_COMPLETED has one only where it is given. `reason` is that
    of CANCELLED and BOUNCED_BACK. `at` is the time of the event, by default now. `data` replaces or
    adds single fields.

    The same arguments make the same `event_id`, so that the event posted twice is a repetition.
    Raises `ValueError` for a payout of nobody in this session, or of nobody in particular, and for
    an amount or a reason of a status whose event tells none: nothing of it would be tested.
    """
    return subject_event(
        subject_of(session),
        status,
        envelope=envelope,
        recipient_id=id_of(recipient),
        amount=amount,
        reason=reason,
        event_id=event_id,
        payment_id=payment_id,
        at=at,
        data=data,
    )


def payout_events(
    session: PaymentSession,
    status: str,
    *,
    envelope: Envelope = "nested",
    at: datetime | None = None,
) -> list[Payload]:
    """Return one event for each of the session's recipients, in their order.

    `status` is PAYOUT_INITIATED, PAYOUT_CREDITED or BOUNCED_BACK; raises `ValueError` for others.
    """
    if status not in statuses.PAYOUT:
        raise ValueError(f"{status} is told once, not for each recipient: use payment_event().")
    return [
        payment_event(session, status, envelope=envelope, recipient=each.recipient_id, at=at)
        for each in subject_of(session).payouts
    ]


def third_party_event(
    payer: PaymentSession | str,
    status: str = "APPROVED",
    *,
    envelope: Envelope = "nested",
    customer_id: str = "",
    reasons: Sequence[Mapping[str, str]] = (),
    event_id: str = "",
    at: datetime | None = None,
) -> Payload:
    """Return a THIRD PARTY CUSTOMER STATUS event: Redpin approves or rejects a payer.

    `payer` is a session, or its payer's `client_customer_ref`; `status` is APPROVED or REJECTED.
    Only REJECTED has `reasons`, each `{"reason": ..., "code": ...}`; by default one of Redpin's.
    `customer_id` is by default the session's, or that of the default account.
    """
    reference = payer if isinstance(payer, str) else payer.client_customer_ref
    known = get_account().customer_id if isinstance(payer, str) else payer.customer_id
    customer = customer_id or known
    claims = {"customer_id": customer, "client_customer_ref": reference, "status": status}
    if not reasons and status == "REJECTED":
        reasons = [{"reason": "Compliance check failed", "code": "COMPLIANCE_CHECK_FAILED"}]
    told: dict[str, object] = {}
    if reasons:
        told["reasons"] = [dict(reason) for reason in reasons]
    event = made_event(
        envelope,
        event_id or event_id_of(THIRD_PARTY_CUSTOMER_STATUS, customer, reference, status),
        _utc(at),
        claims,
        told,
        THIRD_PARTY_CUSTOMER_STATUS,
    )
    if envelope == "flat":  # Where `data` is the list itself, and is there for REJECTED alone.
        event.pop("data")
        event |= {"data": told["reasons"]} if told else {}
    return event


def customer_event(
    status: str = "active", *, customer_id: str = "1000000000000000", reason: str = ""
) -> Payload:
    """Return a CUSTOMER STATUS event, which Redpin documents without envelope and `event_id`.

    `status` is active or inactive, `reason` why it is inactive.
    """
    event: Payload = {
        "customer_id": customer_id,
        "status": status,
        "unique_identifier": event_id_of("customer", customer_id),
        "contacts": [],
    }
    if status == "inactive":
        event |= {"reason_for_inactive": reason or "Documents missing", "documents_required": []}
    return event


def virtual_account_event(*, customer_id: str = "1000000000000000") -> Payload:
    """Return a VBAN STATUS event, which Redpin documents without envelope and `event_id`."""
    details = {"unique_identifier": event_id_of("vban", customer_id), "currency": "EUR"}
    return {
        "customer_id": customer_id,
        "customer_name": "A customer",
        "virtual_account_details": details,
    }


def referral_event(*, event_id: str = "", at: datetime | None = None) -> Payload:
    """Return a REFERRAL CREATED event. Its fields are not known; it has the nested envelope's."""
    name = "REFERRAL CREATED"
    return made_event("nested", event_id or event_id_of(name), _utc(at), {}, {}, name)


def encode(payload: Mapping[str, object]) -> bytes:
    """Return the payload as JSON, each amount as the number that it is."""
    return exact_json.dumps(dict(payload))


def subject_event(
    subject: Subject,
    status: str,
    *,
    envelope: Envelope = "nested",
    recipient_id: str = "",
    amount: Money | None = None,
    reason: str = "",
    event_id: str = "",
    payment_id: str = "",
    at: datetime | None = None,
    data: Mapping[str, object] | None = None,
) -> Payload:
    """Return the event of a subject, as `payment_event` does of a session."""
    payout = _payout(subject, status, recipient_id)
    payment_id = payment_id or subject.payment_id
    claims = {
        "payment_id": payment_id,
        "status": status,
        "customer_id": subject.customer_id,
        "client_customer_ref": subject.client_customer_ref,
        "client_reference_id": subject.client_reference_id,
        "session_id": subject.session_id,
    }
    whose = payout.recipient_id if payout else ""
    return made_event(
        envelope,
        event_id or event_id_of(PAYMENT_STATUS, subject.session_id, payment_id, status, whose),
        _utc(at),
        claims,
        {**_data(subject, status, payout, amount, reason), **(data or {})},
    )


def _payout(subject: Subject, status: str, recipient_id: str) -> Payout | None:
    known = subject.payouts
    if not recipient_id:
        if status not in _PER_RECIPIENT:
            return None
        if len(known) != 1:
            raise ValueError(
                f"{status} is told for each recipient, and this session has {len(known)}: name one"
                " with recipient=..., or make all events with payout_events()."
            )
        return known[0]
    for payout in known:
        if payout.recipient_id == recipient_id:
            return payout
    raise ValueError(f"This session pays no recipient {recipient_id!r}.")


def _data(
    subject: Subject, status: str, payout: Payout | None, amount: Money | None, reason: str
) -> dict[str, object]:
    _require_place(status, amount, reason)
    total = wire_money(subject.amount if amount is None else amount)
    known: dict[str, dict[str, object]] = {
        statuses.RECEIVED_FUNDS: {"amount": total},
        statuses.FX_COMPLETED: {"sell_amount": total, "buy_amount": wire_money(subject.amount)},
        statuses.CANCELLED: {"reason_description": reason or "Cancelled by the customer"},
        statuses.BOUNCED_BACK: {"bounce_reason": reason or "The account is closed"},
        statuses.REFUNDED: {"refund_amount": total},
    }
    if amount is not None:
        known[statuses.PAYMENT_COMPLETED] = {"amount": total}
    told = known.get(status, {})
    if payout is not None:
        told = {**told, "recipient_id": payout.recipient_id}
        if status in _PER_RECIPIENT:
            told["amount"] = wire_money(payout.amount if amount is None else amount)
    return told


def _require_place(status: str, amount: Money | None, reason: str) -> None:
    """Raise `ValueError` for what the event would leave out."""
    if amount is not None and status not in _WITH_AMOUNT:
        raise ValueError(f"An event of {status} tells no amount; data={{...}} adds a field to it.")
    if reason and status not in _WITH_REASON:
        raise ValueError(f"An event of {status} tells no reason; data={{...}} adds a field to it.")


def wire_money(money: Money) -> dict[str, object]:
    """Return an amount as Redpin writes it: a number, in major units."""
    return {"currency": money.currency.code, "value": quantise(money).amount}


def id_of(recipient: Recipient | str | None) -> str:
    """Return Redpin's id of a recipient, or "" for none. Raises `ValueError` for one without."""
    if recipient is None or isinstance(recipient, str):
        return recipient or ""
    if not recipient.recipient_id:
        raise ValueError("The recipient has no recipient_id yet: give Redpin's id as text.")
    return recipient.recipient_id


def _utc(at: datetime | None) -> datetime:
    return (at or clock.now()).astimezone(timezone.utc)
