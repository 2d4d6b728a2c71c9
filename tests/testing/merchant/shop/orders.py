"""How the shop asks for money."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from moneyed import Money

from django_redpin.exceptions import OutcomeUnknown
from django_redpin.models import PaymentSession, Recipient
from django_redpin.services import Share, create_payment_session


def start_payment(number: int, amount: Money, email: str) -> PaymentSession | None:
    """Return the session that the buyer pays by, or None: "please try again in a minute"."""
    landlord, _ = Recipient.objects.get_or_create(
        recipient_id="501", defaults={"name": "Landlord", "currency": "AED", "country_code": "ARE"}
    )
    try:
        return create_payment_session(
            client_customer_ref=f"BUYER_{number}",
            amount=amount,
            due_date=datetime.now(timezone.utc).date() + timedelta(days=14),
            purpose_of_transaction="RENT",
            recipients=[Share(landlord, amount)],
            metadata={"email": email},
            idempotency_key=f"order-{number}",
        )
    except OutcomeUnknown:
        return None
