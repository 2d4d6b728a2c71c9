"""One post each, right for whom it goes to."""

from __future__ import annotations

from django_redpin.conf import get_account
from django_redpin.rules.callback_tokens import sign
from django_redpin.services import record

from ..wsgi_calls import Caller
from . import events, views

WSGI_HEADER = "HTTP_" + views.HEADER.upper().replace("-", "_")


class Posts:
    def __init__(self) -> None:
        self._caller = Caller()
        self._bodies = events.bodies("new")
        token = sign(get_account("default").signing_secret, "default", events.REFERENCE)
        self._path = f"/redpin/webhooks/default/{events.REFERENCE}/{token}/"
        vars(record)["enqueue"] = lambda *args: False

    def ours(self) -> None:
        self._caller.post(self._path, next(self._bodies), {})

    def bare(self) -> None:
        body = next(self._bodies)
        headers = {WSGI_HEADER: views.signature(body)}
        self._caller.post(f"/bare/{events.REFERENCE}/", body, headers)
