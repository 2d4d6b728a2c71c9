"""The inbox: what was posted to the webhook, kept as it came, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..rules import exact_json
from .columns import (
    Bytes,
    Computed,
    Count,
    Flag,
    OptionalTime,
    Permissions,
    SmallCount,
    Text,
    Time,
    Words,
)
from .sessions import PaymentSession

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable
    from django.db.models.fields.related_descriptors import RelatedManager

    from .journal import StatusTransition


class WebhookEvent(models.Model):
    """One event, stored once before anything is done with it.

    `key` identifies it: a digest of event type, event id and payment id, and of all else that is
    claimed and acted upon; or of the body where the event has no id. The other columns repeat what
    the body claims, for people who search.
    """

    class Outcome(models.TextChoices):
        PENDING = "pending", _("to be processed")
        APPLIED = "applied", _("applied")
        KNOWN = "known", _("nothing new")
        IGNORED = "ignored", _("not about a payment")
        UNKNOWN_STATUS = "unknown_status", _("status not documented")
        WAITING = "waiting", _("waiting for its session")
        ORPHAN = "orphan", _("its session never came")
        CONTRADICTED = "contradicted", _("Redpin says otherwise")
        DEAD = "dead", _("given up")

    account: Text = models.CharField(_("account"), max_length=64)
    key: Text = models.CharField(_("key"), max_length=64)
    session: models.ForeignKey[PaymentSession | Combinable | None, PaymentSession | None] = (
        models.ForeignKey(
            PaymentSession,
            on_delete=models.PROTECT,
            null=True,
            blank=True,
            related_name="events",
            verbose_name=_("session"),
        )
    )
    client_reference_id: Text = models.CharField(_("reference"), max_length=100, blank=True)
    event_type: Text = models.CharField(_("type"), max_length=64, blank=True)
    event_id: Text = models.CharField(_("event id"), max_length=255, blank=True)
    payment_id: Text = models.CharField(_("payment id"), max_length=100, blank=True)
    client_customer_ref: Text = models.CharField(_("payer's reference"), max_length=255, blank=True)
    status: Text = models.CharField(_("status"), max_length=64, blank=True)
    body: Bytes = models.BinaryField(_("body"), editable=False)  # Empty once it is purged.
    # The database's own, whoever writes the body: so what is still to be purged is found by index.
    has_body: Computed = models.GeneratedField(
        expression=models.Case(models.When(body=b"", then=False), default=True),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    verifier: Text = models.CharField(_("verified by"), max_length=255)
    is_signed: Flag = models.BooleanField(
        _("signed"),
        default=False,
        help_text=_("Whether a signature that was verified covers the body."),
    )

    outcome: Text = models.CharField(
        _("outcome"), max_length=16, choices=Outcome, default=Outcome.PENDING
    )
    duplicates: Count = models.PositiveIntegerField(_("duplicates"), default=0)
    attempts: SmallCount = models.PositiveSmallIntegerField(_("attempts"), default=0)
    leased_until: OptionalTime = models.DateTimeField(null=True, blank=True, editable=False)
    next_attempt_at: OptionalTime = models.DateTimeField(_("next attempt"), null=True, blank=True)
    last_error: Text = models.CharField(_("last error"), max_length=500, blank=True)
    received_at: Time = models.DateTimeField(_("received"), auto_now_add=True)
    processed_at: OptionalTime = models.DateTimeField(_("processed"), null=True, blank=True)

    # What Django adds, for type checkers.
    id: int
    session_id: int | None
    transitions: RelatedManager[StatusTransition]
    get_outcome_display: Callable[[], str]

    class Meta:
        verbose_name: ClassVar[Words] = _("webhook event")
        verbose_name_plural: ClassVar[Words] = _("webhook events")
        ordering: ClassVar[list[str]] = ["-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["account", "key"], name="redpin_event_key_unique")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_attempt_at"], name="redpin_event_attempt"),
            models.Index(fields=["client_reference_id"], name="redpin_event_reference"),
            # Redpin's support names an event, or a payment that may have no session here.
            models.Index(fields=["event_id"], name="redpin_event_id"),
            models.Index(fields=["payment_id"], name="redpin_event_payment"),
            models.Index(fields=["client_customer_ref"], name="redpin_event_customer_ref"),
            models.Index(fields=["received_at"], name="redpin_event_received"),
            models.Index(fields=["has_body", "received_at"], name="redpin_event_has_body"),
            models.Index(fields=["outcome", "-id"], name="redpin_event_outcome"),
        ]
        permissions: ClassVar[Permissions] = [
            ("redrive_webhookevent", "Can process webhook events again")
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.status} {self.event_id}".strip()

    @property
    def payload(self) -> dict[str, Any]:
        """What was posted, numbers exact; empty once the body is purged. All of it is a claim."""
        found = exact_json.loads(bytes(self.body)) if self.body else {}
        return found if isinstance(found, dict) else {}
