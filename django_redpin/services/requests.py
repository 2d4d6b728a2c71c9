"""A stored session as the request that Redpin is sent: at every attempt under one reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Final

from ..conf import Account
from ..models import PaymentSession, Recipient
from ..models.fields import Sealed, unsealed
from ..rules.requests import Item, Payee, PayeeShare, SessionRequest
from .callbacks import callback_url

_PAYEE_COLUMNS: Final = (
    "session_id",
    "amount",
    *(f"recipient__{field.name}" for field in fields(Payee)),
)


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


def stored_request(
    session: PaymentSession, account: Account, items: Sequence[Item] | None = None
) -> SessionRequest:
    """Return the request of a stored session, this project's webhook among its callbacks.

    `items` are its own, where they are at hand: they never change. The payees are read all the same:
    Redpin is told what the table says of them, whatever an instance of the caller's says.
    """
    own_callback = callback_url(account, session.client_reference_id)
    shares = session.shares.select_related("recipient").only(*_PAYEE_COLUMNS)
    if items is None:
        items = [Item(item.item_ref, item.description, item.money) for item in session.items.all()]
    return SessionRequest(
        client_customer_ref=session.client_customer_ref,
        client_reference_id=session.client_reference_id,
        amount=session.money,
        due_date=session.due_date,
        purpose_of_transaction=session.purpose_of_transaction,
        recipients=[PayeeShare(payee(share.recipient), share.money) for share in shares],
        items=items or None,
        allowed_origins=list(session.allowed_origins),
        callbacks=[own_callback, *session.callbacks],
    )
