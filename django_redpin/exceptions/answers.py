"""What a call to Redpin's API met: no answer to trust, or an answer that is an error.

The services turn these into errors about the session where they create one. Whoever calls the
services meets them as they are only where an existing session was asked about: money can have
moved then, since that session may have been paid, and whether it was is what was not learned.
"""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from ..rules.quoting import quoted
from .base import RedpinError, Words

_NAME_LENGTH: Final = 100
_DESCRIPTION_LENGTH: Final = 300

NO_NEWS: Final = _(
    "We could not find out about your payment just now. If you have paid, please do not pay again."
    " Try again in a few minutes."
)


class NoAnswer(RedpinError):
    """The call ended without an answer to trust: a time-out, a broken connection, or garbage.

    The request may have been carried out. `retry_after` are the seconds after which another
    attempt is worth it, or None where nobody said; `is_lasting` tells that the same question will
    hardly ever be answered. Money can have moved: the session that was asked about may have been
    paid.
    """

    money_may_have_moved = True
    next_step: str = "Ask again later; until then leave the order as it is."
    user_message: Words = NO_NEWS

    def __init__(
        self, text: str = "", *, retry_after: float | None = None, is_lasting: bool = False
    ) -> None:
        self.retry_after = retry_after
        self.is_lasting = is_lasting
        super().__init__(text)


class NotSent(NoAnswer):
    """The request never left: no connection, no TLS, no token. It was not carried out.

    Money can have moved all the same: the session to be asked about may have been paid.
    """

    next_step: str = (
        "See that this machine reaches Redpin, and ask again; leave the order as it is."
    )


class CircuitOpen(NotSent):
    """Redpin failed so often just now that it is left alone for a while; nothing was sent.

    Money can have moved all the same: the session to be asked about may have been paid.
    """

    next_step: str = "Ask again later: calls begin by themselves again, once Redpin answers."


class APIError(RedpinError):
    """Redpin answered with an error, with the HTTP status `status_code`.

    `code`, `description`, `type`, `field` and `details` are those of its envelope. `request_id` is
    the id that Redpin gave the call, for its support; `retry_after` are the seconds that it asks to
    wait, or None. Money can have moved: the session that was asked about may have been paid.
    """

    money_may_have_moved = True
    next_step: str = "Ask again later; Redpin's support can look the `request_id` up."
    user_message: Words = NO_NEWS

    def __init__(
        self,
        status_code: int,
        *,
        code: str = "",
        description: str = "",
        type: str = "",  # noqa: A002  Redpin's own name.
        field: str = "",
        details: Any = None,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.status_code = status_code
        self.code = code
        self.description = description
        self.type = type
        self.field = field
        self.details = details
        self.request_id = request_id
        self.retry_after = retry_after
        said = in_redpins_words(code, field, description, request_id)
        super().__init__(f"Redpin answered {status_code} {said}")


def in_redpins_words(code: str, field: str, description: str, request_id: str) -> str:
    """Return what Redpin said, fit for a log."""
    names = [quoted(code, _NAME_LENGTH) or "no code"]
    names += [f"field {quoted(field, _NAME_LENGTH)}"] if field else []
    names += [f"request {quoted(request_id, _NAME_LENGTH)}"] if request_id else []
    return f"({', '.join(names)}): {quoted(description, _DESCRIPTION_LENGTH) or 'no description'}"


class AuthenticationError(APIError):
    """Redpin refuses the credentials or the token (401, or an error of the token endpoint)."""

    next_step: str = "Check CLIENT_ID and CLIENT_SECRET with Redpin's Partner Integrations Team."


class InvalidRequestError(APIError):
    """Redpin refuses the request as it is (400, 422, or another 4xx): not carried out."""

    next_step: str = (
        "See `code`, `field` and `description`: the same request will be refused again."
    )


class NotFoundError(InvalidRequestError):
    """Redpin knows no such customer or entity (404)."""

    next_step: str = "Check CUSTOMER_ID, BASE_URL and SESSIONS_PATH."


class ConflictError(InvalidRequestError):
    """The request conflicts with what exists (409), such as a reference used before."""


class RateLimitedError(APIError):
    """Redpin asks to wait (429): not carried out."""

    next_step: str = "Ask again after `retry_after` seconds, and less often."


class ServerError(APIError):
    """Redpin failed (5xx). The request may have been carried out."""
