"""What the client meets instead of the network: answers, faults and notes of all calls.

`responses` stands in for `BoundedAdapter.carry`, the one method under the client that sends, and so
for no other request of the project.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timezone
from email.utils import format_datetime
from types import TracebackType
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import requests
from django.conf import settings

from ..client.connections import current_call
from ..conf import get_account
from ..exceptions import ConfigurationError
from ..rules import exact_json
from .faults import CREATE, EXPIRED_TOKEN, FAULTS, SLOW, TOKEN, WEBHOOK, WITH_URL, Options, Reply
from .library import responses
from .records import Call
from .redpin import Redpin
from .spoiling import BEFORE_ANSWER
from .wire import Api, Request, call_of

_SENDS: Final = "django_redpin.client.adapter.BoundedAdapter.carry"
_MADE_UP_ORIGIN: Final = "https://pay.redpin.test"
_ANY: Final = Options("")
_EVERYTHING: Final = re.compile(".*")
_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


@dataclass(slots=True)
class Planned:
    """A fault that waits for its turn: so many times more, or None for ever."""

    call: str
    fault: str
    left: int | None
    options: Options = _ANY
    value: str = ""


def take(planned: list[Planned], *, call: str, fault: str = "") -> Planned | None:
    """Return the first that is planned for this call, and of this fault, with one use taken."""
    for plan in planned:
        if plan.call == call and fault in ("", plan.fault):
            if plan.left is not None:
                plan.left -= 1
                if plan.left <= 0:
                    planned.remove(plan)
            return plan
    return None


class Network:
    """Carries what the client sends to a `Redpin`. A context manager: outside, nothing is caught.

    `pay_before_answer` is called with the client and the reference whose payment is to be there
    before the answer.
    """

    def __init__(
        self,
        redpin: Redpin,
        purposes: tuple[str, ...],
        pay_before_answer: Callable[[str, str], None],
    ) -> None:
        self.calls: list[Call] = []
        self.planned: list[Planned] = []
        self._redpin = redpin
        self._purposes = purposes
        self._pay_before_answer = pay_before_answer
        self._lock = threading.RLock()
        self._mock = responses.RequestsMock(assert_all_requests_are_fired=False, target=_SENDS)

    def __enter__(self) -> None:
        for method in _METHODS:
            self._mock.add_callback(method, _EVERYTHING, self._carry, content_type=None)
        self._mock.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._mock.stop()
        self._mock.reset()  # It keeps the requests, with their secrets.

    def _carry(
        self, sent: requests.PreparedRequest
    ) -> tuple[int, dict[str, str], bytes] | Exception:
        request = _read(sent)
        with self._lock:
            plan = take(self.planned, call=request.call) if request.call else None
        fault = FAULTS[plan.fault] if plan else None
        # So the client knows whether anything has left this machine.
        current_call.has_sent = fault is None or fault.is_sent
        usual = Reply(200, b"{}")
        if fault is None or fault.is_done:
            shows_url = plan is not None and plan.fault == WITH_URL
            usual = self._answer(request, shows_url=shows_url)
        reply: Reply | Exception = usual
        if plan is not None and fault is not None:
            reply = _played(plan, fault.play(plan.options, usual), sent)
            if plan.fault == EXPIRED_TOKEN:
                self._redpin.expire_tokens()
        self._note(request, reply, plan.fault if plan else "")
        if isinstance(reply, Exception):
            return reply
        headers = {"Content-Type": "application/json", **dict(reply.headers)}
        headers["Date"] = format_datetime(self._redpin.now().astimezone(timezone.utc), usegmt=True)
        return reply.status, headers, reply.body

    def _answer(self, request: Request, *, shows_url: bool) -> Reply:
        api = Api(self._redpin, self._purposes, allow_loopback=bool(settings.DEBUG))
        with self._lock:
            client_id = self._redpin.client_of(request.bearer) or ""
            reply = api.answer(request, _origin(), shows_url=shows_url)
            paid = reply.status == 201 and request.call == CREATE
            first = take(self.planned, call=WEBHOOK, fault=BEFORE_ANSWER) if paid else None
        if first is not None:
            reference = exact_json.loads(request.body)["client_reference_id"]
            self._pay_before_answer(client_id, reference)
            current_call.has_sent = True  # Other calls were made meanwhile.
        return reply

    def _note(self, request: Request, reply: Reply | Exception, fault: str) -> None:
        body = b"" if request.call == TOKEN else request.body  # That one holds the secret.
        status = reply.status if isinstance(reply, Reply) else 0
        call = Call(
            *(request.call, request.method, request.path, request.query, body, status), fault=fault
        )
        self.calls.append(call)


def _read(sent: requests.PreparedRequest) -> Request:
    parts = urlsplit(str(sent.url))
    body = sent.body or b""
    return Request(
        call=call_of(str(sent.method), parts.path),
        method=str(sent.method),
        path=parts.path,
        query=dict(parse_qsl(parts.query)),
        body=body.encode() if isinstance(body, str) else body,
        bearer=str(sent.headers.get("Authorization", "")).partition(" ")[2],
    )


def _played(plan: Planned, reply: Reply | Exception, sent: Any) -> Reply | Exception:
    """Return the reply, or what the client is told of one that takes too long for it."""
    longest = current_call.may_wait(sent.req_kwargs["timeout"][1])
    asked = plan.options.seconds
    seconds = asked if asked is not None else (longest + 1 if plan.fault == SLOW else 0)
    if seconds > longest:
        return requests.ReadTimeout("The fake took too long.")
    return reply


def _origin() -> str:
    """Return where hosted pages are: the first of `HOSTED_PAGE_ORIGINS`, to be framed."""
    try:
        origins = get_account().hosted_page_origins
    except ConfigurationError:
        origins = ()
    return origins[0] if origins else _MADE_UP_ORIGIN
