"""Payees: who gets the money, and where."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Recipient(models.Model):
    """A reusable payee, known to Redpin by `recipient_id` or sent along with its bank details."""

    class Type(models.TextChoices):
        INDIVIDUAL = "Individual", _("individual")
        CORPORATE = "Corporate", _("corporate")

    account = models.CharField(_("account"), max_length=64, default="default")
    name = models.CharField(_("name"), max_length=255)
    type = models.CharField(_("type"), max_length=16, choices=Type, default=Type.CORPORATE)
    country_code = models.CharField(
        _("country"), max_length=3, help_text=_("ISO 3166-1 alpha-3, such as ARE.")
    )
    currency = models.CharField(_("currency"), max_length=3, help_text=_("ISO 4217, such as AED."))
    bank_details = models.JSONField(
        _("bank details"),
        default=dict,
        blank=True,
        help_text=_(
            "As Redpin documents them: iban; or account_number and swift_code, with"
            " routing_code_value where the country has one."
        ),
    )
    recipient_id = models.CharField(  # noqa: DJ001  Unique, and NULL where there is none.
        _("Redpin's recipient id"), max_length=100, null=True, blank=True
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "recipient_id"], name="redpin_recipient_id_unique"
            )
        ]

    def __str__(self) -> str:
        return self.name
