"""Redpin's statuses in plain words. The shop says what it knows, and adds no verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_redpin.models import PaymentSession

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Text = str | _StrPromise


class Words(NamedTuple):
    """A headline, and a sentence below it. `tone` names a colour of the style sheet."""

    title: Text
    text: Text
    tone: str = "waiting"


PAYMENT: Final[dict[str, Words]] = {
    "AWAITING_FUNDS": Words(
        _("Redpin awaits your transfer"),
        _("The payment is set up. Redpin will tell us when your money has reached it."),
    ),
    "PROCESSING": Words(
        _("Redpin is processing your payment"),
        _("Your payment was accepted and is on its way to the recipients."),
    ),
    "RECEIVED_FUNDS": Words(
        _("Redpin has received your money"),
        _("It will now be converted to dirhams and paid out."),
    ),
    "FX_COMPLETED": Words(
        _("Your money was converted to dirhams"),
        _("Redpin will now pay it out to the recipients."),
    ),
    "PAYOUT_INITIATED": Words(
        _("The payout has begun"),
        _("Redpin is paying the escrow account and the agent."),
    ),
    "PAYOUT_CREDITED": Words(
        _("The payout is arriving"),
        _("Redpin has credited a recipient; we wait until each has its share."),
    ),
    "PAYMENT_COMPLETED": Words(
        _("Your deposit has arrived"),
        _("Redpin reports that all recipients have their money."),
        "good",
    ),
    "CANCELLED": Words(
        _("Redpin reports this payment as cancelled"),
        _("No deposit was taken for this order. You can start again while the home is free."),
        "quiet",
    ),
    "BOUNCED_BACK": Words(
        _("Redpin reports that a bank returned the money"),
        _("Redpin is looking after it. Our sales desk will write to you; you need not pay again."),
        "quiet",
    ),
    "REFUNDED": Words(
        _("Redpin reports a refund"),
        _("The money is on its way back to you. You can start again while the home is free."),
        "quiet",
    ),
}

_State = PaymentSession.State
_PREPARING: Final = Words(
    _("Your payment session is being prepared"),
    _("We are waiting for Redpin's answer. Nothing was charged."),
)
SESSION: Final[dict[str, Words]] = {
    _State.CREATING: _PREPARING,
    _State.UNKNOWN: _PREPARING,
    _State.SUPERSEDED: _PREPARING,
    _State.OPEN: Words(
        _("We have not heard of a payment yet"),
        _("If you have just paid, Redpin will tell us shortly. If not, the session is still open."),
    ),
    _State.REJECTED: Words(
        _("Redpin did not accept the session"),
        _("Nothing was charged. You can try again, or start over with other details."),
        "quiet",
    ),
    _State.EXPIRED: Words(
        _("The payment session has expired"),
        _("Nothing was paid through it. You can start again while the home is free."),
        "quiet",
    ),
}

STEPS: Final[dict[str, Text]] = {
    "AWAITING_FUNDS": _("Awaiting your transfer"),
    "PROCESSING": _("Payment accepted"),
    "RECEIVED_FUNDS": _("Money received by Redpin"),
    "FX_COMPLETED": _("Converted to dirhams"),
    "PAYOUT_INITIATED": _("Payout begun"),
    "PAYOUT_CREDITED": _("Payout credited"),
    "PAYMENT_COMPLETED": _("All recipients paid"),
    "CANCELLED": _("Cancelled"),
    "BOUNCED_BACK": _("Returned by a bank"),
    "REFUNDED": _("Refunded"),
}


def of(payment_status: str, state: str) -> Words:
    """Return what is known of a payment: Redpin's news first, then the session's state."""
    if payment_status:
        return PAYMENT.get(payment_status) or Words(
            gettext("Redpin reports: %(status)s") % {"status": payment_status},
            gettext("We show Redpin's own word, since it is new to us."),
        )
    return SESSION.get(state, _PREPARING)
