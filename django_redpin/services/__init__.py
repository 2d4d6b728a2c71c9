"""The verbs. A merchant uses what is imported here; the rest of this package is internal."""

from __future__ import annotations

from ..client.breaker import circuit_states
from ..rules.faults import Fault
from ..rules.recipients import RecipientCheck
from ..rules.requests import Item
from .anonymise import Anonymised, Refused, anonymise_payer, anonymise_recipient
from .complete import complete_payment_session
from .create import Share, create_payment_session
from .journal import release_from_review
from .recipients import register_recipient
from .reconcile import Reconciled, reconcile_payment_sessions
from .redrive import Redriven, redrive_events, redrive_transitions
from .refresh import refresh_payment_session
from .renew import renew_payment_session

__all__ = [
    "Anonymised",
    "Fault",
    "Item",
    "RecipientCheck",
    "Reconciled",
    "Redriven",
    "Refused",
    "Share",
    "anonymise_payer",
    "anonymise_recipient",
    "circuit_states",
    "complete_payment_session",
    "create_payment_session",
    "reconcile_payment_sessions",
    "redrive_events",
    "redrive_transitions",
    "refresh_payment_session",
    "register_recipient",
    "release_from_review",
    "renew_payment_session",
]
