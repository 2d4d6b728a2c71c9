"""The admin: thin doors. What Redpin owns is read here, never written."""

from __future__ import annotations

from .events import WebhookEventAdmin
from .recipients import RecipientAdmin
from .sessions import PaymentSessionAdmin
from .transitions import StatusTransitionAdmin

__all__ = [
    "PaymentSessionAdmin",
    "RecipientAdmin",
    "StatusTransitionAdmin",
    "WebhookEventAdmin",
]
