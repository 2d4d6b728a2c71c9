"""The verbs. A merchant uses what is imported here; the rest of this package is internal."""

from __future__ import annotations

from ..client.breaker import circuit_states
from ..rules.faults import Fault
from ..rules.recipients import RecipientCheck
from ..rules.requests import Item
from .anonymise import Anonymised, Refused, anonymise_payer
from .anonymise_recipient import anonymise_recipient
from .backlog import Backlog, backlog
from .complete import complete_payment_session
from .create import Share, create_payment_session
from .expire import due_to_expire, expire_payment_session
from .journal import release_from_review
from .recipients import register_recipient
from .reconcile import Reconciled, reconcile_payment_sessions
from .redispatch import Redispatched, redispatch_transitions
from .redrive import Redriven, redrive_events, redrive_transitions
from .refresh import refresh_payment_session
from .renew import renew_payment_session
from .tokens import require_token

__all__ = [
    "Anonymised",
    "Backlog",
    "Fault",
    "Item",
    "RecipientCheck",
    "Reconciled",
    "Redispatched",
    "Redriven",
    "Refused",
    "Share",
    "anonymise_payer",
    "anonymise_recipient",
    "backlog",
    "circuit_states",
    "complete_payment_session",
    "create_payment_session",
    "due_to_expire",
    "expire_payment_session",
    "reconcile_payment_sessions",
    "redispatch_transitions",
    "redrive_events",
    "redrive_transitions",
    "refresh_payment_session",
    "register_recipient",
    "release_from_review",
    "renew_payment_session",
    "require_token",
]
