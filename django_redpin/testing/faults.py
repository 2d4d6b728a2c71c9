"""What can go wrong with a call: a table, by name. The sandbox's faults have the same names here.

`outcome` is what the client makes of it where the call creates a session, by its table of outcomes
(`client/outcomes.py`); None where the call succeeds all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import requests

from ..client.outcomes import Outcome
from ..rules import exact_json

TOKEN: Final = "token"  # noqa: S105  A call's name.
CREATE: Final = "create"
WEBHOOK: Final = "webhook"  # No call of ours, but planned as those are.
LIST: Final = "list"
RECIPIENTS: Final = "recipients"
CALLS: Final = (TOKEN, CREATE, LIST, RECIPIENTS)

# Redpin documents 400, 401, 404 and 500 (code and type); the others are inferred from those.
ENVELOPES: Final = {
    400: ("INVALID_PARAMETER", "Validation Error"),
    401: ("UNAUTHORIZED", "Authentication Error"),
    403: ("FORBIDDEN", "Authorization Error"),
    404: ("RESOURCE_NOT_FOUND", "Resource Error"),
    409: ("CONFLICT", "Resource Error"),
    422: ("UNPROCESSABLE_ENTITY", "Validation Error"),
    429: ("TOO_MANY_REQUESTS", "Rate Limit Error"),
    500: ("INTERNAL_SERVER_ERROR", "Server Error"),
    502: ("BAD_GATEWAY", "Server Error"),
    503: ("SERVICE_UNAVAILABLE", "Server Error"),
    504: ("GATEWAY_TIMEOUT", "Server Error"),
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered: status, body, headers."""

    status: int
    body: bytes = field(repr=False)
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Options:
    """How a fault is played. Seconds for `retry_after` and `seconds`; None for the fault's own."""

    call: str
    status: int | None = None
    retry_after: int | None = None
    seconds: float | None = None
    code: str = ""
    description: str = ""
    field: str = ""


# Given what would have been answered, what is; an exception is what the network says.
Play = Callable[[Options, Reply], "Reply | Exception"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to go wrong. `is_done`: the call is carried out all the same.

    `is_sent`: the request left this machine. `calls` are those that it makes sense for.
    """

    text: str
    outcome: Outcome | None
    play: Play = field(repr=False)
    is_done: bool = False
    is_sent: bool = True
    calls: tuple[str, ...] = CALLS


def _usual(options: Options, usual: Reply) -> Reply:
    return usual


def _error(options: Options, usual: Reply) -> Reply:
    status = options.status or 503
    description = options.description or "The fake was told to answer so."
    if options.call == TOKEN:
        name = "invalid_client" if status == 401 else "temporarily_unavailable"
        return _paused(options, status, {"error": options.code or name})
    code, kind = ENVELOPES.get(status, ("ERROR", "Error"))
    body = {"code": options.code or code, "description": description, "type": kind}
    return _paused(options, status, {**body, **({"field": options.field} if options.field else {})})


def _answering(status: int, *, retry_after: int | None = None, field: str = "") -> Play:
    def play(options: Options, usual: Reply) -> Reply:
        asked = retry_after if options.retry_after is None else options.retry_after
        told = replace(options, status=options.status or status, retry_after=asked)
        return _error(replace(told, field=options.field or field), usual)

    return play


def _html(options: Options, usual: Reply) -> Reply:
    status = options.status or 503
    text = f"<!doctype html>\n<title>{status}</title><h1>{status}</h1>\n"
    return replace(_paused(options, status, {}), body=text.encode())


def _paused(options: Options, status: int, body: object) -> Reply:
    asked = options.retry_after
    headers = () if asked is None else (("Retry-After", str(asked)),)
    return Reply(status, exact_json.dumps(body), headers)


def _redirect(options: Options, usual: Reply) -> Reply:
    return Reply(options.status or 302, b"", (("Location", "https://elsewhere.test/"),))


def _reset(options: Options, usual: Reply) -> Exception:
    return requests.ConnectionError("The fake closed the connection.")


def _silence(options: Options, usual: Reply) -> Exception:
    return requests.ReadTimeout("The fake does not answer.")


def _refuse(options: Options, usual: Reply) -> Exception:
    return requests.ConnectionError("The fake takes no connection.")


def _body(change: Callable[[bytes], bytes]) -> Play:
    return lambda options, usual: replace(usual, body=change(usual.body))


def _without_url(body: bytes) -> bytes:
    document = exact_json.loads(body)
    for session in (document, *document.get("sessions", ())):
        session.pop("session_url", None)
    return exact_json.dumps(document)


WITH_URL: Final = "with_url"
EXPIRED_TOKEN: Final = "expired_token"  # noqa: S105  A fault's name.
SLOW: Final = "slow"
_UNKNOWN, _NOT_EXECUTED = Outcome.UNKNOWN, Outcome.NOT_EXECUTED

FAULTS: Final[dict[str, Fault]] = {
    # As in the sandbox.
    "error": Fault("Any status, with Redpin's error body", _UNKNOWN, _error),
    "html": Fault("Any status, with an HTML page as of a proxy", _UNKNOWN, _html),
    SLOW: Fault(
        "Carried out; the answer takes so many seconds, which nobody waits for",
        *(None, _usual),
        is_done=True,
    ),
    "lost": Fault(
        "Carried out; the connection ends without an answer", _UNKNOWN, _reset, is_done=True
    ),
    "dropped": Fault("Not carried out; the connection ends without an answer", _UNKNOWN, _reset),
    "not_json": Fault(
        "Carried out; the answer is no JSON",
        *(_UNKNOWN, _body(lambda _: b"OK, but this is no JSON.")),
        is_done=True,
    ),
    "empty": Fault(
        "Carried out; the answer is empty", _UNKNOWN, _body(lambda _: b""), is_done=True
    ),
    "truncated": Fault(
        "Carried out; the answer breaks off in the middle",
        *(_UNKNOWN, _body(lambda body: body[: len(body) // 2])),
        is_done=True,
    ),
    "no_url": Fault(
        "Carried out; the answer has no session_url",
        *(_UNKNOWN, _body(_without_url)),
        is_done=True,
        calls=(CREATE, LIST),
    ),
    WITH_URL: Fault(
        "Carried out; the answer has each session_url", None, _usual, is_done=True, calls=(LIST,)
    ),
    EXPIRED_TOKEN: Fault(
        "An access_token that has expired at once", None, _usual, is_done=True, calls=(TOKEN,)
    ),
    # The table of outcomes, line by line, as far as Redpin has a part in it.
    "unreachable": Fault(
        "Nothing leaves this machine: no connection, no TLS", _NOT_EXECUTED, _refuse, is_sent=False
    ),
    "unauthorized": Fault(
        "401: the token, or the credentials, are wrong", *(_NOT_EXECUTED, _answering(401))
    ),
    "rate_limited": Fault("429", _NOT_EXECUTED, _answering(429)),
    "busy": Fault("503, with Retry-After", _NOT_EXECUTED, _answering(503, retry_after=30)),
    "duplicate": Fault(
        "400: another session has this client_reference_id",
        *(Outcome.DUPLICATE, _answering(400, field="client_reference_id")),
        calls=(CREATE,),
    ),
    "conflict": Fault("409", Outcome.DUPLICATE, _answering(409), calls=(CREATE,)),
    "refused": Fault("400: the request has to be corrected", Outcome.REFUSED, _answering(400)),
    "redirect": Fault("302, which is not followed", _UNKNOWN, _redirect),
    "server_error": Fault("500", _UNKNOWN, _answering(500)),
    "timeout": Fault("Carried out; no answer comes in time", _UNKNOWN, _silence, is_done=True),
}
