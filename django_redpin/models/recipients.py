"""Payees: who gets the money, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar, Final

from django.db import models
from django.db.models.base import ModelBase
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from ..exceptions.frames import frameless
from ..rules.recipients import RecipientCheck
from .columns import Flag, OptionalText, OptionalTime, SmallCount, Text, Time, Words
from .fields import EncryptedJSONField

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from .sessions import SessionRecipient

# What register_recipient() writes, and whoever else has the row in hand must not turn back.
REGISTRATION_FIELDS: Final = frozenset(
    {
        "recipient_id",
        "client_reference_id",
        "fingerprint",
        "check_request_identifier",
        "check_event_id",
        "last_error",
        "last_error_code",
        "last_error_field",
        "unanswered_at",
        "attempts",
        "leased_until",
        "next_attempt_at",
    }
)


class Recipient(models.Model):
    """A reusable payee, known to Redpin by `recipient_id` or sent along with its bank details.

    `save()` on a row that exists leaves out what the registration at Redpin writes: an instance
    that was read before would undo it, and the payee be added twice. A `recipient_id` that you
    know yourself is given when the row is made, or by `save(update_fields=["recipient_id"])`.
    """

    class Type(models.TextChoices):
        INDIVIDUAL = "Individual", _("individual")
        CORPORATE = "Corporate", _("corporate")

    account: Text = models.CharField(_("account"), max_length=64, default="default")
    name: Text = models.CharField(_("name"), max_length=255)
    type: Text = models.CharField(_("type"), max_length=16, choices=Type, default=Type.CORPORATE)
    country_code: Text = models.CharField(
        _("country"), max_length=3, help_text=_("ISO 3166-1 alpha-3, such as ARE.")
    )
    currency: Text = models.CharField(
        _("currency"), max_length=3, help_text=_("ISO 4217, such as AED.")
    )
    bank_details: EncryptedJSONField = EncryptedJSONField(
        _("bank details"),
        default=dict,
        blank=True,
        help_text=_(
            "As Redpin documents them: iban; or account_number and swift_code, with"
            " routing_code_value where the country has one."
        ),
    )
    recipient_id: OptionalText = models.CharField(  # noqa: DJ001  Unique, and NULL where there is none.
        _("Redpin's recipient id"), max_length=100, null=True, blank=True
    )
    is_own_account: Flag = models.BooleanField(
        _("own account"), default=False, help_text=_("Whether the account is your own.")
    )
    address: EncryptedJSONField = EncryptedJSONField(
        _("address"),
        default=dict,
        blank=True,
        help_text=_("As Redpin documents it: address_line, city, state, post_code."),
    )
    further_details: EncryptedJSONField = EncryptedJSONField(
        _("further details"),
        default=dict,
        blank=True,
        help_text=_(
            "Redpin's optional fields by their names: nick_name, email, phone_number,"
            " mobile_number, payment_reference, additional_details."
        ),
    )
    created_at: Time = models.DateTimeField(_("created"), auto_now_add=True)
    anonymised_at: OptionalTime = models.DateTimeField(
        _("anonymised"), null=True, blank=True, editable=False
    )

    # How it is registered at Redpin; for register_recipient() alone.
    client_reference_id: OptionalText = models.CharField(  # noqa: DJ001  Unique, and NULL where there is none.
        _("reference"), max_length=36, null=True, blank=True, editable=False
    )
    fingerprint: Text = models.CharField(max_length=64, blank=True, editable=False)
    check_request_identifier: Text = models.CharField(max_length=255, blank=True, editable=False)
    check_event_id: Text = models.CharField(max_length=255, blank=True, editable=False)
    last_error: Text = models.CharField(_("last error"), max_length=500, blank=True, editable=False)
    last_error_code: Text = models.CharField(
        _("its code"), max_length=500, blank=True, editable=False
    )
    last_error_field: Text = models.CharField(
        _("its field"), max_length=500, blank=True, editable=False
    )
    unanswered_at: OptionalTime = models.DateTimeField(
        _("unanswered since"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("When a request left that Redpin may have carried out, though nobody knows."),
    )
    attempts: SmallCount = models.PositiveSmallIntegerField(
        _("attempts"), default=0, editable=False
    )
    leased_until: OptionalTime = models.DateTimeField(null=True, blank=True, editable=False)
    next_attempt_at: OptionalTime = models.DateTimeField(
        _("next attempt"), null=True, blank=True, editable=False
    )

    # What Django adds, for type checkers.
    id: int
    shares: RelatedManager[SessionRecipient]
    get_type_display: Callable[[], str]

    class Meta:
        verbose_name: ClassVar[Words] = _("recipient")
        verbose_name_plural: ClassVar[Words] = _("recipients")
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["account", "recipient_id"], name="redpin_recipient_id_unique"
            ),
            models.UniqueConstraint(
                fields=["account", "client_reference_id"],
                name="redpin_recipient_reference_unique",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_attempt_at"], name="redpin_recipient_attempt"),
            models.Index(fields=["currency"], name="redpin_recipient_currency"),
            models.Index(fields=["unanswered_at"], name="redpin_recipient_unanswered"),
        ]

    def __str__(self) -> str:
        return self.name

    @sensitive_variables()  # Of the frames below, too: those of Django hold what is written.
    @frameless
    def save(  # pyright: ignore[reportIncompatibleMethodOverride]  Django 5.2 takes them by place.
        self,
        force_insert: bool | tuple[ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Save as Django does; an update without `update_fields` leaves the registration alone."""
        is_update = not self._state.adding and self.pk is not None and not force_insert
        if is_update and update_fields is None:
            unwritten = REGISTRATION_FIELDS | self.get_deferred_fields()
            update_fields = [
                field.name
                for field in self._meta.concrete_fields
                if not field.primary_key and unwritten.isdisjoint((field.name, field.attname))
            ]
        super().save(
            force_insert=force_insert,
            force_update=force_update,
            using=using,
            update_fields=update_fields,
        )

    @property
    def pending_check(self) -> RecipientCheck | None:
        """The mismatch of name and account that nobody has decided about yet, or None."""
        check = RecipientCheck(self.check_request_identifier, self.check_event_id)
        return check if check.request_identifier or check.event_id else None
