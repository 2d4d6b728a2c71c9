"""Models of what happens after Pay: the payment, the facts about it, callbacks and their faults.

How they move is in ``flows`` and ``courier``.
"""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from .money import Amount

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager


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
    BOUNCED_BACK = "BOUNCED_BACK", _("Payout sent back by the recipient's bank")
    REFUNDED = "REFUNDED", _("Payment refunded")


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

    # What Django adds, for type checkers.
    facts: RelatedManager[Fact]

    def __str__(self) -> str:
        return f"payment {self.payment_id}"

    @property
    def sell(self) -> Amount:
        return Amount(self.sell_minor, self.sell_currency)

    @property
    def is_final(self) -> bool:
        """Whether nothing more is planned; only a status by hand goes on from there."""
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

    payment_id: int
    recipient_id: int | None

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
    """One callback to post: one event to one URL, tried until answered or given up."""

    session = models.ForeignKey("redpin_sandbox.Session", models.CASCADE, related_name="deliveries")
    # Null for a forged event: nothing that happened stands behind it.
    fact = models.ForeignKey(Fact, models.CASCADE, related_name="deliveries", null=True)
    # The text of a forged event; that of a true one is made from its fact.
    event = models.TextField(blank=True, default="")
    url = models.TextField()
    # Pairs of a kind and its value: what is done to this post, at each of its tries.
    faults = models.JSONField(default=list)
    # Whether it waits for the posts before it, and those after it wait for it.
    in_turn = models.BooleanField(default=True)
    # Whether it waits until a later event has been posted.
    on_hold = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(db_index=True)
    claimed_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    # When it was answered 200, or when the last try failed; null while there is more to do.
    finished_at = models.DateTimeField(null=True)
    delivered = models.BooleanField(default=False)
    outcome = models.CharField(max_length=100, blank=True)

    session_id: int
    fact_id: int | None

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"delivery {self.pk}"


class CallbackFault(models.Model):
    """What is to go wrong with the callbacks of the next events: ``callback_faults`` knows how."""

    # Null: whichever session has the next event.
    session = models.ForeignKey(
        "redpin_sandbox.Session", models.CASCADE, related_name="callback_faults", null=True
    )
    kind = models.CharField(max_length=30)
    value = models.CharField(max_length=100, blank=True)
    events_left = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.kind} of the next {self.events_left}"
