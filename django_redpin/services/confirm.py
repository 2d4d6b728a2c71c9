"""Is it so? Asks Redpin's authenticated API before a webhook's claim is believed.

Redpin documents no signature, so what a body says about money is a hint. Its list call is the
proof: same session, same payment, and a status that the claimed one can have led to.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..client import EventMessage, SessionRecord
from ..models import PaymentSession
from ..rules.statuses import PAYOUT, is_known, may_follow, proves
from .lookup import look_up


@dataclass(frozen=True, slots=True)
class Verdict:
    """What Redpin says of a claim.

    `contradiction` is why the claim is not believed, or "". `mismatch` is why a person has to look
    (Redpin's session is not the one that we created), or "".
    """

    record: SessionRecord | None = None
    contradiction: str = ""
    mismatch: str = ""


def confirm(session: PaymentSession, message: EventMessage) -> Verdict:
    """Compare a claim with Redpin's list call. Raises as that call does."""
    record = look_up(session, message.session_id)
    if record is None:
        return Verdict(contradiction="Redpin lists no session with this reference.")
    mismatch = identity_mismatch(session, record)
    if mismatch:
        return Verdict(record, mismatch, mismatch)
    return Verdict(record, _contradiction(session, message, record))


def identity_mismatch(session: PaymentSession, record: SessionRecord) -> str:
    """Return how Redpin's record differs from the session that we created, or ""."""
    # That of an anonymous session is a pseudonym.
    payer = "" if session.anonymised_at else session.client_customer_ref
    pairs = (
        ("session_id", session.session_id, record.session_id),
        ("customer_id", session.customer_id, record.customer_id),
        ("client_customer_ref", payer, record.client_customer_ref),
        ("payment_id", session.payment_id, record.payment_id),
    )
    for name, ours, theirs in pairs:
        if ours and theirs and ours != theirs:
            return f"Redpin lists another {name} for this reference than the one on record."
    return ""


def _contradiction(session: PaymentSession, message: EventMessage, record: SessionRecord) -> str:
    claims = (
        ("session_id", message.session_id, record.session_id),
        ("payment_id", message.payment_id, record.payment_id),
    )
    for name, claimed, listed in claims:
        if claimed and listed and claimed != listed:
            return f"The event's {name} is not the one that Redpin lists."
    if not record.has_payment:
        return "Redpin lists no payment for this session."
    if not is_known(record.latest_status):
        return f"Redpin lists the status {record.latest_status!r}, which is not documented."
    if proves(record.latest_status, message.status):
        return ""
    if _tells_of_one_payee(session, message, record):
        return ""
    return f"Redpin lists {record.latest_status}, which does not prove {message.status}."


def _tells_of_one_payee(
    session: PaymentSession, message: EventMessage, record: SessionRecord
) -> bool:
    """Tell whether the claim is of one payee among several, and fits what Redpin lists.

    The list shows the payment's latest status and none of its payees': one may be credited before
    another's payout begins, or is sent back. No call that would prove it is known.
    """
    listed = record.latest_status
    is_possible = message.status in PAYOUT and may_follow(message.status, listed)
    return is_possible and session.shares.count() > 1
