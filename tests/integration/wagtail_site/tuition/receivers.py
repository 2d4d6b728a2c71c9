"""What the site does about a payment's news. Each is an UPDATE that changes a row once."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.dispatch import receiver
from django.utils import timezone

from django_redpin.models import PaymentSession, StatusTransition
from django_redpin.rules.statuses import REFUNDED
from django_redpin.signals import payment_completed, payment_failed

from .models import TuitionPayment


@receiver(payment_completed)
def tuition_paid(session: PaymentSession, **named: Any) -> None:
    # Signals keep no order: this one may come after that of the refund.
    session.refresh_from_db(fields=["payment_status"])
    if session.payment_status != REFUNDED:
        _payment(session).filter(paid_at=None).update(paid_at=timezone.now())


@receiver(payment_failed)
def tuition_paid_back(session: PaymentSession, transition: StatusTransition, **named: Any) -> None:
    if transition.to_value == REFUNDED:
        _payment(session).filter(refunded_at=None).exclude(paid_at=None).update(
            refunded_at=timezone.now()
        )


def _payment(session: PaymentSession) -> QuerySet[TuitionPayment]:
    """Find it for the first session and for those that took its place; else nothing."""
    return TuitionPayment.objects.filter(pk=session.metadata.get("tuition"))
