"""What the shop keeps: units, and orders for them. The verbs on an order are in `orders`."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Final

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

CURRENCY: Final = "AED"
COMMISSION_PERCENT: Final = 2
_FILS: Final = Decimal("0.01")


class Unit(models.Model):
    """A home that is not built yet. Prices are in dirhams."""

    reference = models.SlugField(_("reference"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=60)
    kind = models.CharField(_("type"), max_length=40)
    building = models.CharField(_("building"), max_length=40)
    floor = models.PositiveSmallIntegerField(_("floor"))
    area = models.DecimalField(_("area (m²)"), max_digits=7, decimal_places=1)
    bedrooms = models.PositiveSmallIntegerField(_("bedrooms"))
    outlook = models.CharField(_("outlook"), max_length=40)
    description = models.TextField(_("description"))
    drawing = models.CharField(_("drawing (static file)"), max_length=80)
    price = models.DecimalField(
        _("price (AED)"), max_digits=14, decimal_places=2, validators=[MinValueValidator(_FILS)]
    )
    deposit_percent = models.PositiveSmallIntegerField(
        _("deposit (%)"), default=10, validators=[MinValueValidator(5), MaxValueValidator(100)]
    )
    release = models.PositiveSmallIntegerField(_("release"), default=1)

    class Meta:
        verbose_name = _("unit")
        verbose_name_plural = _("units")
        ordering = ["release", "price", "reference"]

    def __str__(self) -> str:
        return f"{self.name}, {self.building}"

    def get_absolute_url(self) -> str:
        """Return the address of the unit's own page."""
        return reverse("properties:unit", args=[self.reference])

    @property
    def deposit(self) -> Decimal:
        """The deposit in dirhams, to the fils."""
        return (self.price * self.deposit_percent / 100).quantize(_FILS)

    @property
    def commission(self) -> Decimal:
        """The agent's part of the deposit in dirhams, to the fils."""
        return (self.price * COMMISSION_PERCENT / 100).quantize(_FILS)

    @property
    def rooms(self) -> str:
        """Its bedrooms in words."""
        if not self.bedrooms:
            return gettext("Studio")
        return ngettext("%(n)d bedroom", "%(n)d bedrooms", self.bedrooms) % {"n": self.bedrooms}


class Order(models.Model):
    """A buyer's wish for one unit, and the payment session for its deposit.

    `holds` is the unit while the order is live, and empty once it is not. The column is unique,
    so that the database itself refuses a second live order for a unit, whoever comes first.
    """

    class Status(models.TextChoices):
        """Where the shop stands with the order; what Redpin says is on the session."""

        PENDING = "pending", _("Awaiting payment")
        PAID = "paid", _("Paid")
        RELEASED = "released", _("Released")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    unit = models.ForeignKey(
        Unit, models.PROTECT, related_name="orders", verbose_name=_("unit"), editable=False
    )
    holds = models.OneToOneField(
        Unit,
        models.PROTECT,
        related_name="holder",
        null=True,
        blank=True,
        editable=False,
        verbose_name=_("holds"),
    )
    buyer_name = models.CharField(_("buyer's name"), max_length=120)
    email = models.EmailField(_("e-mail"))
    client_customer_ref = models.CharField(_("buyer's reference"), max_length=100)
    # What was agreed stays with the order, whatever becomes of the price.
    deposit = models.DecimalField(_("deposit (AED)"), max_digits=14, decimal_places=2)
    commission = models.DecimalField(_("commission (AED)"), max_digits=14, decimal_places=2)
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.PENDING
    )
    session = models.ForeignKey(
        "redpin.PaymentSession",
        models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        editable=False,
        verbose_name=_("payment session"),
    )
    due_date = models.DateField(_("due date"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    held_at = models.DateTimeField(_("held since"), default=timezone.now, editable=False)
    paid_at = models.DateTimeField(_("paid"), null=True, editable=False)
    receipt_claimed_at = models.DateTimeField(_("receipt begun"), null=True, editable=False)
    receipt_sent_at = models.DateTimeField(_("receipt sent"), null=True, editable=False)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.number} · {self.unit}"

    def get_absolute_url(self) -> str:
        """Return the address of the order's page, which only its buyer can guess."""
        return reverse("properties:order", args=[self.pk])

    @property
    def number(self) -> str:
        """A short name for people; the address has the long one."""
        return str(self.pk)[:8].upper()

    @property
    def is_paid(self) -> bool:
        """Tell whether the deposit has arrived with all recipients."""
        return self.status == self.Status.PAID
