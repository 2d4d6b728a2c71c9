"""Models of what happens after Pay: the payment, the facts about it, the callbacks to post.

How they move is in ``flows`` and ``courier``.
"""

from __future__ import annotations

import secrets
import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from .money import Amount


class Status(models.TextChoices):
    """Redpin's payment statuses that the sandbox plays, as its pages word them."""

    AWAITING_FUNDS = "AWAITING_FUNDS", _("Waiting for your funds")
    PROCESSING = "PROCESSING", _("Payment accepted")
    RECEIVED_FUNDS = "RECEIVED_FUNDS", _("Funds received")
    FX_COMPLETED = "FX_COMPLETED", _("Currency exchanged")
    PAYOUT_INITIATED = "PAYOUT_INITIATED", _("Payout sent")
    PAYOUT_CREDITED = "PAYOUT_CREDITED", _("Payout credited")
    PAYMENT_COMPLETED = "PAYMENT_COMPLETED", _("Payment completed")
    CANCELLED = "CANCELLED", _("Payment cancelled")


def new_payment_id() -> str:
    return str(10**11 + secrets.randbelow(9 * 10**11))


class Payment(models.Model):
    """The one payment of a session. The one-to-one key is what stops a second one."""

    session = models.OneToOneField("redpin_sandbox.Session", models.CASCADE, related_name="payment")
    payment_id = models.CharField(max_length=20, unique=True, default=new_payment_id)
    sell_currency = models.CharField(max_length=3)
    sell_minor = models.BigIntegerField()
    status = models.CharField(max_length=40, blank=True)
    # How many facts are true so far; every move is a compare-and-set on this number.
    facts_true = models.PositiveIntegerField(default=0)
    next_fact_at = models.DateTimeField(null=True, db_index=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"payment {self.payment_id}"

    @property
    def sell(self) -> Amount:
        return Amount(self.sell_minor, self.sell_currency)

    @property
    def is_final(self) -> bool:
        return self.next_fact_at is None

    @property
    def can_be_cancelled(self) -> bool:
        return self.status in (Status.AWAITING_FUNDS, Status.PROCESSING)


class Fact(models.Model):
    """One status that a payment has reached or is to reach at ``due_at``: Redpin's event."""

    payment = models.ForeignKey(Payment, models.CASCADE, related_name="facts")
    position = models.PositiveIntegerField()
    event_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    status = models.CharField(max_length=40, choices=Status.choices)
    recipient = models.ForeignKey("redpin_sandbox.Recipient", models.CASCADE, null=True)
    # JSON text rather than a JSONField, which would turn its numbers into floats.
    data = models.TextField(default="{}")
    due_at = models.DateTimeField()

    class Meta:
        ordering = ["payment", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["payment", "position"], name="redpin_sandbox_unique_fact"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} of payment {self.payment_id}"


class Delivery(models.Model):
    """One callback to post: one fact to one URL, tried until answered or given up."""

    payment = models.ForeignKey(Payment, models.CASCADE, related_name="deliveries")
    fact = models.ForeignKey(Fact, models.CASCADE, related_name="deliveries")
    url = models.TextField()
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(db_index=True)
    claimed_at = models.DateTimeField(null=True)
    # When it was answered 200, or when the last try failed; null while there is more to do.
    finished_at = models.DateTimeField(null=True)
    delivered = models.BooleanField(default=False)
    outcome = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"delivery {self.pk}"
