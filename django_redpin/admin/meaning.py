"""What a session's state and its payment's status mean, in plain words for finance people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..models import PaymentSession
from ..rules.statuses import (
    AWAITING_FUNDS,
    BOUNCED_BACK,
    CANCELLED,
    FINAL,
    FX_COMPLETED,
    PAYMENT_COMPLETED,
    PAYOUT_CREDITED,
    PAYOUT_INITIATED,
    PROCESSING,
    RANKS,
    RECEIVED_FUNDS,
    REFUNDED,
)

State = PaymentSession.State


@dataclass(frozen=True, slots=True)
class Meaning:
    """`what` is so, what can be done `next`, and how it looks: good, bad, wait or plain."""

    what: str
    next: str
    tone: str


# While no payment is known of.
_UNPAID: Final[dict[str, Meaning]] = {
    State.CREATING: Meaning(
        "Redpin has not created this session yet. Its payer has no page, so nothing was paid.",
        "Nothing: it is tried again by itself. If that lasts, read the last error below; Refresh"
        " tries at once.",
        "wait",
    ),
    State.OPEN: Meaning(
        "The payer can pay on Redpin's page. Redpin has told of no payment so far.",
        "Wait. Refresh asks Redpin at once. A page that ends unpaid expires, and can be renewed.",
        "wait",
    ),
    State.CLOSED: Meaning(
        "The session is closed, though no payment status is on record.",
        "Refresh it from Redpin, and read the timeline before you give or sell anything.",
        "bad",
    ),
    State.REJECTED: Meaning(
        "Redpin refused this session. There is no page, and nothing can be paid through it.",
        "Read Redpin's words at the last error, correct the order, and create another session.",
        "bad",
    ),
    State.UNKNOWN: Meaning(
        "Redpin was asked to create this session and gave no answer that can be trusted. Its payer"
        " has seen no page.",
        "Create no other session for the same payment: this one is looked up by itself. Refresh"
        " looks it up at once.",
        "wait",
    ),
    State.EXPIRED: Meaning(
        "Redpin's page has ended, and nothing was paid on it.",
        "If the payer still wants to pay, renew it. It is looked at again an hour and a day after"
        " its end, as Redpin may list a payment late.",
        "plain",
    ),
    State.SUPERSEDED: Meaning(
        "Another session stands in the place of this one. Nothing was paid through it.",
        "Look at the session that replaces it.",
        "plain",
    ),
}

# What Redpin says of a payment. AWAITING_FUNDS and PROCESSING prove no money.
_PAID: Final[dict[str, Meaning]] = {
    AWAITING_FUNDS: Meaning(
        "The payer has begun to pay. Redpin has not received the money.",
        "Wait: a bank transfer can take days. Let the payer not pay a second time.",
        "wait",
    ),
    PROCESSING: Meaning(
        "The payer has paid in the payees' own currency, and Redpin is at work on it. No payee has"
        " the money.",
        "Wait. Redpin can still cancel it.",
        "wait",
    ),
    RECEIVED_FUNDS: Meaning(
        "Redpin has received the payer's money. No payee has it.",
        "Wait. Redpin exchanges it next, or refunds it.",
        "wait",
    ),
    FX_COMPLETED: Meaning(
        "Redpin has the money, and has exchanged it. No payee has it.",
        "Wait for the payouts.",
        "wait",
    ),
    PAYOUT_INITIATED: Meaning(
        "Redpin has sent money to at least one payee; their banks have not confirmed it.",
        "Wait. The recipients below say whose payout has begun.",
        "wait",
    ),
    PAYOUT_CREDITED: Meaning(
        "At least one payee has been credited; that all were is not confirmed.",
        "Wait until the payment is complete. The recipients below say who was credited.",
        "wait",
    ),
    PAYMENT_COMPLETED: Meaning(
        "Paid: Redpin says that the payment is complete and the payees are credited.",
        "Nothing. What was paid for can be given out.",
        "good",
    ),
    CANCELLED: Meaning(
        "The payment was cancelled.",
        "Give nothing out. If the payer still wants to pay, renew it.",
        "bad",
    ),
    BOUNCED_BACK: Meaning(
        "A payee's bank sent the money back to Redpin.",
        "Check the payee's bank details, and ask Redpin: as a rule the payer is refunded next.",
        "bad",
    ),
    REFUNDED: Meaning(
        "The payer was refunded.",
        "Take back, or don't give out, what was paid for. If the payer still wants it, renew it.",
        "bad",
    ),
}

# A payment in a state of the session that it doesn't fit.
_BESIDES: Final[dict[str, str]] = {
    State.CREATING: "Here, the session's creation has not come to an end.",
    State.UNKNOWN: "Here, it is not known yet how the session's creation ended.",
    State.REJECTED: "But Redpin had refused this session: ask Redpin what happened.",
    State.EXPIRED: "The payment was told of after the page had ended.",
    State.SUPERSEDED: "But another session stands in its place: see that the payer pays one alone.",
}
_STILL_OPEN: Final = "The session is closed with the next look."
_NOT_AT_AN_END: Final = "The session is closed, though its payment may go on: refresh it."


def _of(state: str, status: str) -> Meaning:
    """Return one field of the table: what a payment means, and what its session's state adds."""
    if not status:
        return _UNPAID[state]
    meaning, besides = _PAID[status], _BESIDES.get(state, "")
    if state == State.OPEN and status in FINAL:
        besides = _STILL_OPEN
    if state == State.CLOSED and status not in FINAL:
        besides = _NOT_AT_AN_END
    return Meaning(f"{meaning.what} {besides}".rstrip(), meaning.next, meaning.tone)


MEANINGS: Final[dict[tuple[str, str], Meaning]] = {
    (state, status): _of(state, status) for state in State.values for status in ("", *RANKS)
}


def meaning_of(session: PaymentSession) -> Meaning:
    """Return what the session's state and payment status mean; an unknown status says so."""
    known = MEANINGS.get((session.state, session.payment_status))
    return known or Meaning(
        f"Redpin tells a status that this version does not know: {session.payment_status}.",
        "Ask Redpin what it means, and give nothing out for it until you know.",
        "bad",
    )
