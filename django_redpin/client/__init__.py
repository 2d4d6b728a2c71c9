"""Redpin's HTTP API: tokens, transport, messages. Knows no model."""

from __future__ import annotations

from .api import RedpinClient
from .events import EventMessage, read_event
from .messages import CreatedSession, SessionPage, SessionRecord

__all__ = [
    "CreatedSession",
    "EventMessage",
    "RedpinClient",
    "SessionPage",
    "SessionRecord",
    "read_event",
]
