"""What neither Oscar nor django-redpin stores: which belongs to which, and what is booked."""

from __future__ import annotations

from django.db import models

from django_redpin.models import PaymentSession, StatusTransition


class OrderPayment(models.Model):
    """An order and the first session that was made for it."""

    order = models.OneToOneField("order.Order", on_delete=models.PROTECT, related_name="payment")
    session = models.OneToOneField(PaymentSession, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"{self.order}: {self.session}"

    @property
    def newest_session(self) -> PaymentSession:
        """The session, or the one that took its place when the payer started again."""
        session: PaymentSession = self.session
        while (renewal := getattr(session, "renewal", None)) is not None:
            session = renewal
        return session


class BookedTransition(models.Model):
    """A transition that the shop has dealt with. Signals may come again; this row comes once."""

    transition = models.OneToOneField(
        StatusTransition, on_delete=models.PROTECT, primary_key=True, related_name="+"
    )

    def __str__(self) -> str:
        return f"{self.transition}"
