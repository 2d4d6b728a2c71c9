"""What the shop does once it is paid: it sends a receipt, after the commit."""

from __future__ import annotations

from functools import partial

from django.core.mail import send_mail
from django.db import transaction
from django.dispatch import receiver

from django_redpin.models import PaymentSession
from django_redpin.signals import payment_completed


@receiver(payment_completed)
def send_receipt(session: PaymentSession, **kwargs: object) -> None:
    text = f"We received {session.money}."
    to = [session.metadata["email"]]
    transaction.on_commit(partial(send_mail, "Your receipt", text, "shop@example.com", to))
