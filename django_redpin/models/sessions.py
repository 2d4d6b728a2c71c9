"""Payment sessions and their parts: the shares of the payees, and the items."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from moneyed import Money

from ..rules.money import money_of
from .columns import (
    JSON,
    Amount,
    Computed,
    Day,
    LongText,
    OptionalText,
    OptionalTime,
    Permissions,
    SmallCount,
    Text,
    Time,
    Words,
)
from .recipients import Recipient

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable
    from django.db.models.fields.related_descriptors import RelatedManager

    from .events import WebhookEvent
    from .journal import StatusTransition


class PaymentSession(models.Model):
    """One payment session, from the intent to create it to the end of its payment.

    `state` is ours, the life of the session. `payment_status` is Redpin's, as Redpin writes it;
    empty until the first fact. Amounts are in major units; the one currency holds for all parts.
    """

    class State(models.TextChoices):
        CREATING = "creating", _("being created")
        OPEN = "open", _("open")
        CLOSED = "closed", _("closed")
        REJECTED = "rejected", _("rejected by Redpin")
        UNKNOWN = "unknown", _("no answer yet")
        EXPIRED = "expired", _("expired")
        SUPERSEDED = "superseded", _("replaced")

    account: Text = models.CharField(_("account"), max_length=64, default="default")
    customer_id: Text = models.CharField(_("customer id"), max_length=64)
    client_customer_ref: Text = models.CharField(_("payer's reference"), max_length=255)
    client_reference_id: Text = models.CharField(_("reference"), max_length=100)
    idempotency_key: OptionalText = models.CharField(  # noqa: DJ001  Unique, and NULL where there is none.
        _("idempotency key"), max_length=255, null=True, blank=True
    )
    fingerprint: Text = models.CharField(max_length=64, editable=False)

    amount: Amount = models.DecimalField(_("amount"), max_digits=19, decimal_places=4)
    currency: Text = models.CharField(_("currency"), max_length=3)
    due_date: Day = models.DateField(_("due date"))
    purpose_of_transaction: Text = models.CharField(_("purpose"), max_length=100)
    allowed_origins: JSON = models.JSONField(_("allowed origins"), default=list, blank=True)
    callbacks: JSON = models.JSONField(
        _("callbacks"),
        default=list,
        blank=True,
        help_text=_("Besides this project's own webhook, whose URL is never stored."),
    )

    session_id: OptionalText = models.CharField(  # noqa: DJ001  Unique, and NULL until Redpin tells it.
        _("Redpin's session id"), max_length=100, null=True, blank=True
    )
    session_url: LongText = models.TextField(_("hosted page"), blank=True, editable=False)
    expires_at: OptionalTime = models.DateTimeField(_("expires"), null=True, blank=True)

    state: Text = models.CharField(_("state"), max_length=16, choices=State, default=State.CREATING)
    payment_id: OptionalText = models.CharField(  # noqa: DJ001  Unique, and NULL until Redpin tells it.
        _("Redpin's payment id"), max_length=100, null=True, blank=True
    )
    payment_status: Text = models.CharField(_("payment status"), max_length=64, blank=True)
    payment_status_position: Text = models.CharField(max_length=128, blank=True, editable=False)
    review_reason: Text = models.CharField(_("needs review"), max_length=1000, blank=True)
    # The database's own, whoever writes the reason: so the few among very many are found by index.
    needs_review: Computed = models.GeneratedField(
        expression=models.Case(models.When(review_reason="", then=False), default=True),
        output_field=models.BooleanField(),
        db_persist=True,
    )

    # A project's own user.
    payer: models.ForeignKey[Any, Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("payer"),
    )
    metadata: JSON = models.JSONField(_("metadata"), default=dict, blank=True)
    anonymised_at: OptionalTime = models.DateTimeField(
        _("anonymised"), null=True, blank=True, editable=False
    )
    renews: models.OneToOneField[PaymentSession | Combinable | None, PaymentSession | None] = (
        models.OneToOneField(
            "self",
            on_delete=models.PROTECT,
            null=True,
            blank=True,
            related_name="renewal",
            verbose_name=_("replaces"),
        )
    )

    last_error: Text = models.CharField(_("last error"), max_length=500, blank=True)
    last_error_code: Text = models.CharField(_("its code"), max_length=500, blank=True)
    last_error_field: Text = models.CharField(_("its field"), max_length=500, blank=True)
    unanswered_at: OptionalTime = models.DateTimeField(
        _("unanswered since"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("When a request left that Redpin may have carried out, though nobody knows."),
    )
    lost_answers: SmallCount = models.PositiveSmallIntegerField(default=0, editable=False)
    attempts: SmallCount = models.PositiveSmallIntegerField(_("attempts"), default=0)
    leased_until: OptionalTime = models.DateTimeField(null=True, blank=True, editable=False)
    next_attempt_at: OptionalTime = models.DateTimeField(_("next attempt"), null=True, blank=True)
    created_at: Time = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at: Time = models.DateTimeField(_("changed"), auto_now=True)

    # What Django adds, for type checkers.
    id: int
    payer_id: Any
    renews_id: int | None
    renewal: PaymentSession
    shares: RelatedManager[SessionRecipient]
    items: RelatedManager[SessionItem]
    events: RelatedManager[WebhookEvent]
    transitions: RelatedManager[StatusTransition]
    get_state_display: Callable[[], str]

    class Meta:
        verbose_name: ClassVar[Words] = _("payment session")
        verbose_name_plural: ClassVar[Words] = _("payment sessions")
        ordering: ClassVar[list[str]] = ["-pk"]
        # Within an account: a webhook names no customer, and the ids of a sandbox may coincide with
        # those of the live system. The account comes last, so that a search without it finds the
        # row by index, too.
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["client_reference_id", "account"], name="redpin_session_reference_unique"
            ),
            models.UniqueConstraint(
                fields=["session_id", "account"], name="redpin_session_id_unique"
            ),
            models.UniqueConstraint(
                fields=["payment_id", "account"], name="redpin_session_payment_unique"
            ),
            models.UniqueConstraint(
                fields=["idempotency_key", "account"], name="redpin_session_key_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(amount__gt=0), name="redpin_session_amount_positive"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["state", "next_attempt_at"], name="redpin_session_attempt"),
            models.Index(fields=["client_customer_ref"], name="redpin_session_customer_ref"),
            # What the admin lists: the newest of a state, of a status, and so on. These cost one
            # entry each at every write; a filter without one reads the whole table.
            models.Index(fields=["state", "-id"], name="redpin_session_state"),
            models.Index(fields=["payment_status", "-id"], name="redpin_session_status"),
            models.Index(fields=["currency", "-id"], name="redpin_session_currency"),
            models.Index(fields=["account", "-id"], name="redpin_session_account"),
            models.Index(fields=["needs_review", "-id"], name="redpin_session_review"),
            models.Index(fields=["created_at"], name="redpin_session_created"),
        ]
        permissions: ClassVar[Permissions] = [
            ("refresh_paymentsession", "Can ask Redpin about payment sessions"),
            ("renew_paymentsession", "Can renew payment sessions"),
            ("expire_paymentsession", "Can expire payment sessions"),
            ("dispatch_paymentsession", "Can tell receivers of payment sessions again"),
            ("release_paymentsession", "Can release payment sessions from review"),
            ("export_paymentsession", "Can export payment sessions"),
        ]

    def __str__(self) -> str:
        return self.client_reference_id

    def __repr__(self) -> str:
        return f"<PaymentSession {self.client_reference_id}: {self.state}>"

    @property
    def money(self) -> Money:
        """The total, with the decimals of its currency."""
        return money_of(self.amount, self.currency)


class SessionRecipient(models.Model):
    """One payee's share of one session."""

    session: models.ForeignKey[PaymentSession | Combinable, PaymentSession] = models.ForeignKey(
        PaymentSession, on_delete=models.CASCADE, related_name="shares", verbose_name=_("session")
    )
    recipient: models.ForeignKey[Recipient | Combinable, Recipient] = models.ForeignKey(
        Recipient, on_delete=models.PROTECT, related_name="shares", verbose_name=_("recipient")
    )
    amount: Amount = models.DecimalField(_("amount"), max_digits=19, decimal_places=4)
    payout_status: Text = models.CharField(_("payout status"), max_length=64, blank=True)
    payout_position: Text = models.CharField(max_length=128, blank=True, editable=False)

    id: int
    session_id: int
    recipient_id: int
    transitions: RelatedManager[StatusTransition]

    class Meta:
        verbose_name: ClassVar[Words] = _("recipient's share")
        verbose_name_plural: ClassVar[Words] = _("recipients' shares")
        ordering: ClassVar[list[str]] = ["pk"]

    def __str__(self) -> str:
        return f"{self.recipient}: {self.money}"

    @property
    def money(self) -> Money:
        """The share, in the session's currency."""
        return money_of(self.amount, self.session.currency)


class SessionItem(models.Model):
    """One line of what is paid for."""

    session: models.ForeignKey[PaymentSession | Combinable, PaymentSession] = models.ForeignKey(
        PaymentSession, on_delete=models.CASCADE, related_name="items", verbose_name=_("session")
    )
    item_ref: Text = models.CharField(_("reference"), max_length=100, blank=True)
    description: Text = models.CharField(_("description"), max_length=255, blank=True)
    amount: Amount = models.DecimalField(_("amount"), max_digits=19, decimal_places=4)

    id: int
    session_id: int

    class Meta:
        verbose_name: ClassVar[Words] = _("item")
        verbose_name_plural: ClassVar[Words] = _("items")
        ordering: ClassVar[list[str]] = ["pk"]

    def __str__(self) -> str:
        return self.description or self.item_ref

    @property
    def money(self) -> Money:
        """The item's amount, in the session's currency."""
        return money_of(self.amount, self.session.currency)
