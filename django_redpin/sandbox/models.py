"""What the sandbox keeps: sessions with their parts and codes, payees, tokens, subscriptions.

Payments, their facts and the callbacks about them are kept in ``ledger``; what a developer turns
and reads in ``instruments``.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from .instruments import ApiFault, Call
from .ledger import CallbackFault, Delivery, Fact, Payment
from .money import Amount

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models.fields.related_descriptors import RelatedManager

__all__ = [
    "AccessToken",
    "ApiFault",
    "Call",
    "CallbackFault",
    "Delivery",
    "Fact",
    "Item",
    "OneTimeCode",
    "Payee",
    "Payment",
    "Recipient",
    "Session",
    "Subscription",
]


def new_key() -> str:
    """Return an unguessable string that may stand in a URL."""
    return secrets.token_urlsafe(32)


def new_recipient_id() -> str:
    return str(10**9 + secrets.randbelow(9 * 10**9))


def digest_of(text: str) -> str:
    """Return what an access token, or a credential that is compared, is known by."""
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


class AccessToken(models.Model):
    """An OAuth access token, kept as its SHA-256 digest."""

    digest = models.CharField(max_length=64, unique=True)
    client_id = models.CharField(max_length=255)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"access token {self.pk}"


class Session(models.Model):
    """A hosted payment session. ``key`` is the unguessable part of its page's address."""

    session_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    key = models.CharField(max_length=64, unique=True, default=new_key, editable=False)
    # Signs the forms of this session's page, so that no other session's forms fit.
    form_secret = models.CharField(max_length=64, default=new_key, editable=False)
    client_id = models.CharField(max_length=255)
    customer_id = models.CharField(max_length=255)
    client_customer_ref = models.CharField(max_length=100)
    client_reference_id = models.CharField(max_length=100)
    # Whose references it must differ from: "client:" or "customer:", and whose id that is.
    unique_within = models.CharField(max_length=300, default="", editable=False)
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField()
    due_date = models.DateField()
    purpose_of_transaction = models.CharField(max_length=100)
    allowed_origins = models.JSONField(default=list)
    callbacks = models.JSONField(default=list)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # Whether its payment waits at each status for somebody to decide what comes next.
    paused = models.BooleanField(default=False)

    # What Django adds, for type checkers.
    recipients: RelatedManager[Recipient]
    items: RelatedManager[Item]
    deliveries: RelatedManager[Delivery]

    class Meta:
        ordering = ["-pk"]
        constraints = [
            # Redpin: a reference is unique for each client, in the newer API for each customer.
            models.UniqueConstraint(
                fields=["unique_within", "client_reference_id"],
                name="redpin_sandbox_unique_reference",
            ),
        ]

    def __str__(self) -> str:
        return f"session {self.session_id}"

    @property
    def total(self) -> Amount:
        return Amount(self.total_minor, self.currency)

    @property
    def needs_code(self) -> bool:
        """Redpin: a one-time code is required if ``allowed_origins`` is empty or omitted."""
        return not self.allowed_origins

    def has_expired(self, now: datetime) -> bool:
        return now >= self.expires_at


class Recipient(models.Model):
    """One payee's share of a session. An embedded payee is given a ``recipient_id`` too."""

    session = models.ForeignKey(Session, models.CASCADE, related_name="recipients")
    recipient_id = models.CharField(max_length=100, default=new_recipient_id)
    name = models.CharField(max_length=200, blank=True)
    type = models.CharField(max_length=20, blank=True)
    country_code = models.CharField(max_length=3, blank=True)
    bank_details = models.JSONField(default=dict)
    amount_minor = models.BigIntegerField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"recipient {self.recipient_id}"

    @property
    def amount(self) -> Amount:
        return Amount(self.amount_minor, self.session.currency)

    @property
    def account_tail(self) -> str:
        """The last four characters of the account, for a page; empty when there is no account."""
        account = self.bank_details.get("iban") or self.bank_details.get("account_number") or ""
        account = "".join(account.split())
        return account[-4:] if len(account) >= 8 else ""


class Payee(models.Model):
    """A recipient that was added for good, without its account: nothing here pays anybody."""

    customer_id = models.CharField(max_length=255)
    recipient_id = models.CharField(max_length=100, unique=True, default=new_recipient_id)
    client_reference_id = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=200)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"payee {self.recipient_id}"


class Subscription(models.Model):
    """Where the newer API posts events of one type. A later one takes an earlier one's place."""

    customer_id = models.CharField(max_length=255)
    event_type = models.CharField(max_length=50)
    endpoint = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer_id", "event_type"], name="redpin_sandbox_unique_subscription"
            ),
        ]

    def __str__(self) -> str:
        return f"subscription {self.pk}"


class Item(models.Model):
    """One line of what is being paid for."""

    session = models.ForeignKey(Session, models.CASCADE, related_name="items")
    item_ref = models.CharField(max_length=255, blank=True)
    description = models.CharField(max_length=1000, blank=True)
    amount_minor = models.BigIntegerField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"item {self.pk}"

    @property
    def amount(self) -> Amount:
        return Amount(self.amount_minor, self.session.currency)


class OneTimeCode(models.Model):
    """A code sent to the payer. Kept plain, because the outbox page shows it."""

    class Channel(models.TextChoices):
        """Redpin: by SMS or voice call, as the customer likes."""

        SMS = "sms", _("Text message")
        VOICE = "voice", _("Phone call")

    session = models.ForeignKey(Session, models.CASCADE, related_name="codes")
    channel = models.CharField(max_length=5, choices=Channel.choices, default=Channel.SMS)
    code = models.CharField(max_length=6)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)
    # The form that the code was entered in: pressing its button twice is no second use.
    used_by = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"one-time code {self.pk}"
