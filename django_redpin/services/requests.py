"""A stored session as the request that Redpin is sent: at every attempt under one reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Final

from moneyed import Money

from ..conf import Account
from ..models import PaymentSession, Recipient
from ..models.fields import Sealed, unsealed
from ..rules.requests import Item, Payee, PayeeShare, SessionRequest
from .callbacks import callback_url

# Of a recipient, those that Redpin is told of.
PAYEE_COLUMNS: Final = tuple(each.name for each in fields(Payee))


def payee(recipient: Recipient) -> Payee:
    """Return the recipient as Redpin is told of it.

    Raises `ConfigurationError` where its bank details are needed, and are encrypted under a key
    that the settings don't have.
    """
    details = recipient.bank_details
    is_needless = isinstance(details, Sealed) and recipient.recipient_id
    return Payee(
        name=recipient.name,
        type=recipient.type,
        country_code=recipient.country_code,
        currency=recipient.currency,
        bank_details=None if is_needless else unsealed(details),
        recipient_id=recipient.recipient_id,
    )


@dataclass(frozen=True, slots=True)
class Parts:
    """What a session was stored with just now, as far as it need not be read for that.

    `shares` are None where its payees have to be: Redpin is told what the table says of them,
    whatever an instance of the caller's does.
    """

    own_callback: str = field(repr=False)  # It is a secret.
    items: Sequence[Item]
    shares: Sequence[tuple[Recipient, Money]] | None = None


def stored_request(
    session: PaymentSession, account: Account, parts: Parts | None = None
) -> SessionRequest:
    """Return the request of a stored session, this project's webhook among its callbacks."""
    if parts is None:
        parts = Parts(callback_url(account, session.client_reference_id), _items(session))
    shares = _shares(session) if parts.shares is None else parts.shares
    return SessionRequest(
        client_customer_ref=session.client_customer_ref,
        client_reference_id=session.client_reference_id,
        amount=session.money,
        due_date=session.due_date,
        purpose_of_transaction=session.purpose_of_transaction,
        recipients=[PayeeShare(payee(recipient), amount) for recipient, amount in shares],
        items=parts.items or None,
        allowed_origins=list(session.allowed_origins),
        callbacks=[parts.own_callback, *session.callbacks],
    )


def _items(session: PaymentSession) -> list[Item]:
    return [Item(item.item_ref, item.description, item.money) for item in session.items.all()]


def _shares(session: PaymentSession) -> list[tuple[Recipient, Money]]:
    names = [f"recipient__{name}" for name in PAYEE_COLUMNS]
    shares = session.shares.select_related("recipient").only("session_id", "amount", *names)
    return [(share.recipient, share.money) for share in shares]
