"""What is kept: sessions and their parts, payees, the inbox of events, the journal."""

from __future__ import annotations

from .events import WebhookEvent
from .journal import StatusTransition
from .recipients import Recipient
from .sessions import PaymentSession, SessionItem, SessionRecipient

__all__ = [
    "PaymentSession",
    "Recipient",
    "SessionItem",
    "SessionRecipient",
    "StatusTransition",
    "WebhookEvent",
]
