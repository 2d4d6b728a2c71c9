"""A session to test with, made as a merchant makes one: by `create_payment_session`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from django.contrib.auth.base_user import AbstractBaseUser
from moneyed import Money

from ..conf import DEFAULT_ACCOUNT
from ..models import PaymentSession, Recipient
from ..services import Share, create_payment_session
from .subjects import recipient_id_of

AMOUNT: Final = Money("250000.00", "AED")
_DAYS_AHEAD: Final = 30


def make_session(
    amount: Money = AMOUNT,
    *,
    recipients: Sequence[Share] | None = None,
    client_customer_ref: str = "CUST_001",
    client_reference_id: str | None = None,
    payer: AbstractBaseUser | None = None,
    metadata: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
    account: str = DEFAULT_ACCOUNT,
) -> PaymentSession:
    """Create a payment session at the Redpin that is there, a `FakeRedpin` say, and return it.

    `amount` is in major units; without `recipients` one is made who gets all of it. The due date is
    30 days ahead. Raises as `create_payment_session` does, which has the rest of the arguments.
    """
    if recipients is None:
        recipients = [Share(make_recipient(amount.currency.code, account=account), amount)]
    return create_payment_session(
        client_customer_ref=client_customer_ref,
        client_reference_id=client_reference_id,
        amount=amount,
        due_date=datetime.now(timezone.utc).date() + timedelta(days=_DAYS_AHEAD),
        purpose_of_transaction="PROPERTY_PURCHASE",
        recipients=recipients,
        payer=payer,
        metadata=metadata,
        idempotency_key=idempotency_key,
        account=account,
    )


def make_recipient(currency: str = "AED", *, account: str = DEFAULT_ACCOUNT) -> Recipient:
    """Return the one recipient of the tests in this currency, whom Redpin knows by an id."""
    recipient, _ = Recipient.objects.get_or_create(
        account=account,
        recipient_id=recipient_id_of(currency),
        defaults={"name": "Escrow of the tests", "country_code": "ARE", "currency": currency},
    )
    return recipient
