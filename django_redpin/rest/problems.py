"""What an app is answered where something went wrong: one table, and the JSON that tells of it.

The form is that of RFC 9457. It holds what the payer may be told, and nothing of what the log is.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

from rest_framework.response import Response

from ..exceptions import (
    ConfigurationError,
    IdempotencyConflict,
    InvalidPaymentSession,
    NotExpired,
    OpenTransactionError,
    OutcomeUnknown,
    PaymentUnderWay,
    RedpinError,
    SessionRejected,
)
from ..l10n import fault_message
from ..telemetry import LogEvent, tell

logger: logging.Logger = logging.getLogger("django_redpin")

MEDIA_TYPE: Final = "application/problem+json"

# By the nearest class. `OutcomeUnknown` is no failure yet: it is answered as a session that is
# still being prepared.
STATUS_OF: Final[dict[type[RedpinError], HTTPStatus]] = {
    OutcomeUnknown: HTTPStatus.ACCEPTED,
    InvalidPaymentSession: HTTPStatus.UNPROCESSABLE_ENTITY,
    SessionRejected: HTTPStatus.UNPROCESSABLE_ENTITY,
    IdempotencyConflict: HTTPStatus.CONFLICT,
    PaymentUnderWay: HTTPStatus.CONFLICT,
    NotExpired: HTTPStatus.CONFLICT,
    ConfigurationError: HTTPStatus.INTERNAL_SERVER_ERROR,
    OpenTransactionError: HTTPStatus.INTERNAL_SERVER_ERROR,
    RedpinError: HTTPStatus.SERVICE_UNAVAILABLE,
}
# In seconds, where nobody said when to ask again.
_RETRY_AFTER: Final = 30


def status_of(kind: type[RedpinError]) -> HTTPStatus:
    """Return the status that an error of this kind is answered with."""
    return next(STATUS_OF[each] for each in kind.__mro__ if each in STATUS_OF)


def problem(error: RedpinError, status_url: str = "") -> Response:
    """Return the answer that tells of the error, and log what the operator should know.

    `status_url` is that of the session which the error is about, where the asker may see it.
    """
    status = status_of(type(error))
    told: dict[str, Any] = {
        "title": status.phrase,
        "status": status.value,
        "detail": str(error.user_message),
        "code": type(error).__name__,
        "money_may_have_moved": error.money_may_have_moved,
        "errors": list(_faults(error)),
        "status_url": status_url or None,
    }
    response = Response(told, status.value, content_type=MEDIA_TYPE)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response["Retry-After"] = retry_after(error)
    is_ours = status == HTTPStatus.INTERNAL_SERVER_ERROR
    tell(
        logger,
        LogEvent.REST_FAILED if is_ours else LogEvent.REST_REFUSED,
        "%s",
        error,
        failure=type(error).__name__,
        status_code=status.value,
    )
    return response


def retry_after(error: RedpinError) -> str:
    """Return after how many whole seconds it is worth asking again."""
    return str(max(1, math.ceil(getattr(error, "retry_after", None) or _RETRY_AFTER)))


def _faults(error: RedpinError) -> Iterator[dict[str, str]]:
    if isinstance(error, InvalidPaymentSession):
        for fault in error.faults:
            yield {"field": fault.field, "code": fault.code, "message": fault_message(fault)}
    elif isinstance(error, SessionRejected) and (error.field or error.code):
        # Redpin's description may repeat a payee's bank details; the log and the admin have it.
        message = str(error.user_message)
        yield {"field": error.field, "code": error.code, "message": message}
