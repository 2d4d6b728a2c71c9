"""Redpin's HTTP API: tokens, transport, messages. Knows no model."""

from __future__ import annotations

from .api import RedpinClient
from .events import EventMessage, is_other, read_event
from .messages import CreatedSession, SessionPage, SessionRecord
from .outcomes import Outcome, outcome_of
from .retries import RetryBudget, budget_for, full_jitter

__all__ = [
    "CreatedSession",
    "EventMessage",
    "Outcome",
    "RedpinClient",
    "RetryBudget",
    "SessionPage",
    "SessionRecord",
    "budget_for",
    "full_jitter",
    "is_other",
    "outcome_of",
    "read_event",
]
