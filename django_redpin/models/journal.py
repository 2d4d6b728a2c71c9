"""The journal, which is the outbox too: every transition, and whether it has been told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from .columns import Flag, OptionalTime, Permissions, SmallCount, Text, Time, Words
from .events import WebhookEvent
from .sessions import PaymentSession, SessionRecipient

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable


class StatusTransition(models.Model):
    """One real transition: what moved, from, to, and because of which event.

    Written in the transaction that moves the session; never changed after, but for its dispatch.
    Its primary key is the stable id by which receivers can tell a repeated signal.
    """

    class Subject(models.TextChoices):
        STATE = "state", _("session state")
        PAYMENT_STATUS = "payment_status", _("payment status")
        PAYOUT = "payout", _("payout to a recipient")
        REVIEW = "review", _("review")

    class Outcome(models.TextChoices):
        PENDING = "pending", _("to be told")
        TOLD = "told", _("told")
        HELD = "held", _("held until the review")
        DEAD = "dead", _("given up")

    session: models.ForeignKey[PaymentSession | Combinable, PaymentSession] = models.ForeignKey(
        PaymentSession,
        on_delete=models.PROTECT,
        related_name="transitions",
        verbose_name=_("session"),
    )
    subject: Text = models.CharField(_("subject"), max_length=16, choices=Subject)
    share: models.ForeignKey[SessionRecipient | Combinable | None, SessionRecipient | None] = (
        models.ForeignKey(
            SessionRecipient,
            on_delete=models.PROTECT,
            null=True,
            blank=True,
            related_name="transitions",
            verbose_name=_("share"),
        )
    )
    event: models.ForeignKey[WebhookEvent | Combinable | None, WebhookEvent | None] = (
        models.ForeignKey(
            WebhookEvent,
            on_delete=models.PROTECT,
            null=True,
            blank=True,
            related_name="transitions",
            verbose_name=_("event"),
        )
    )
    from_value: Text = models.CharField(_("from"), max_length=1000, blank=True)
    to_value: Text = models.CharField(_("to"), max_length=1000, blank=True)
    is_documented: Flag = models.BooleanField(
        _("documented"), default=True, help_text=_("Whether Redpin's flow has this step.")
    )
    note: Text = models.CharField(
        _("note"), max_length=500, blank=True, help_text=_("What the person who did it wrote.")
    )
    occurred_at: OptionalTime = models.DateTimeField(_("occurred"), null=True, blank=True)
    created_at: Time = models.DateTimeField(_("recorded"), auto_now_add=True)

    outcome: Text = models.CharField(
        _("dispatch"), max_length=16, choices=Outcome, default=Outcome.PENDING
    )
    dispatched_at: OptionalTime = models.DateTimeField(_("dispatched"), null=True, blank=True)
    attempts: SmallCount = models.PositiveSmallIntegerField(_("attempts"), default=0)
    leased_until: OptionalTime = models.DateTimeField(null=True, blank=True, editable=False)
    next_attempt_at: OptionalTime = models.DateTimeField(_("next attempt"), null=True, blank=True)
    last_error: Text = models.CharField(_("last error"), max_length=500, blank=True)

    # What Django adds, for type checkers.
    id: int
    session_id: int
    share_id: int | None
    event_id: int | None
    get_subject_display: Callable[[], str]
    get_outcome_display: Callable[[], str]

    class Meta:
        verbose_name: ClassVar[Words] = _("status transition")
        verbose_name_plural: ClassVar[Words] = _("status transitions")
        ordering: ClassVar[list[str]] = ["pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_attempt_at"], name="redpin_transition_attempt"),
            models.Index(fields=["outcome", "-id"], name="redpin_transition_outcome"),
            models.Index(fields=["subject", "-id"], name="redpin_transition_subject"),
            models.Index(fields=["is_documented", "-id"], name="redpin_transition_known"),
            models.Index(fields=["created_at"], name="redpin_transition_created"),
        ]
        permissions: ClassVar[Permissions] = [
            ("redrive_statustransition", "Can tell receivers of a transition again")
        ]

    def __str__(self) -> str:
        return f"{self.subject}: {self.from_value or '-'} → {self.to_value}"
