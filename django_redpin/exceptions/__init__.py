"""What can go wrong, as a small tree. Each error says what happened, and what to do about it.

`RedpinError` is the root. Below it: what the caller can mend (`ConfigurationError`,
`InvalidPaymentSession`, `OpenTransactionError`, `IdempotencyConflict`, `PaymentUnderWay`), what
became of a session (`SessionRejected`, `OutcomeUnknown`, `NotCreatedYet`), and what a question
to Redpin met (`NoAnswer`, `APIError`).
"""

from .answers import (
    APIError,
    AuthenticationError,
    CircuitOpen,
    ConflictError,
    InvalidRequestError,
    NoAnswer,
    NotFoundError,
    NotSent,
    RateLimitedError,
    ServerError,
)
from .base import ConfigurationError, OpenTransactionError, RedpinError, UnknownAccount
from .recipients import RecipientNotConfirmed, RecipientNotRegistered, RecipientRejected
from .sessions import (
    FactNotApplied,
    IdempotencyConflict,
    InvalidPaymentSession,
    NotCreatedYet,
    NotExpired,
    OutcomeUnknown,
    PaymentUnderWay,
    SessionRejected,
    UnreadableEvent,
)

__all__ = [
    "APIError",
    "AuthenticationError",
    "CircuitOpen",
    "ConfigurationError",
    "ConflictError",
    "FactNotApplied",
    "IdempotencyConflict",
    "InvalidPaymentSession",
    "InvalidRequestError",
    "NoAnswer",
    "NotCreatedYet",
    "NotExpired",
    "NotFoundError",
    "NotSent",
    "OpenTransactionError",
    "OutcomeUnknown",
    "PaymentUnderWay",
    "RateLimitedError",
    "RecipientNotConfirmed",
    "RecipientNotRegistered",
    "RecipientRejected",
    "RedpinError",
    "ServerError",
    "SessionRejected",
    "UnknownAccount",
    "UnreadableEvent",
]
