"""Posts that are right for whom they go to, and some that are not."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from http import HTTPStatus

from django.conf import settings

from django_redpin.conf import get_account
from django_redpin.rules.callback_tokens import sign
from django_redpin.webhooks.samples import signed_headers

from ..wsgi_calls import Caller
from . import events, views

# The account whose posts are signed besides, as a gateway does it.
SIGNED = "signed"


class Posts:
    """Posts of new events, no two of them the same."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._bodies = events.bodies("new")
        self._path = path_of("default")
        self._signed_path = path_of(SIGNED)
        self._forged_path = path_of("default", "a-secret-that-nobody-here-has-0123456789")
        self._forged_body = events.body("forged")
        self._addresses = addresses()

    def ours(self) -> None:
        """Post to our view: the token in the URL is checked, as it is without any setting."""
        self._caller.post(self._path, next(self._bodies), {})

    def ours_signed(self) -> None:
        """Post to our view, which checks a signature over the body, too."""
        body = next(self._bodies)
        headers = signed_headers(get_account(SIGNED), body, "")
        self._caller.post(self._signed_path, body, wsgi_headers(headers))

    def bare(self) -> None:
        """Post to the bare view."""
        self._by_hand("bare")

    def raw(self) -> None:
        """Post to the view with SQL of its own."""
        self._by_hand("raw")

    def rest(self) -> None:
        """Post to REST framework's view."""
        self._by_hand("rest")

    def forged(self) -> None:
        """Post what nobody signed to our view."""
        self._caller.post(self._forged_path, self._forged_body, {}, HTTPStatus.UNAUTHORIZED)

    def forged_flood(self) -> None:
        """Post it from an address that has done so often enough not to be told of any more."""
        self._caller.post(self._forged_path, self._forged_body, {}, HTTPStatus.TOO_MANY_REQUESTS)

    def forged_from_anywhere(self) -> None:
        """Post it from an address that has not done so before."""
        self._caller.post(
            self._forged_path,
            self._forged_body,
            {},
            HTTPStatus.UNAUTHORIZED,
            REMOTE_ADDR=next(self._addresses),
        )

    def forged_bare(self) -> None:
        """Post what nobody signed to the bare view."""
        headers = wsgi_headers({views.HEADER: "0" * 64})
        path = f"/bare/{events.REFERENCE}/"
        self._caller.post(path, self._forged_body, headers, HTTPStatus.UNAUTHORIZED)

    def _by_hand(self, view: str) -> None:
        body = next(self._bodies)
        headers = wsgi_headers({views.HEADER: views.signature(body)})
        self._caller.post(f"/{view}/{events.REFERENCE}/", body, headers)


class Copies:
    """Posts of events that are done, each again and again, in turn."""

    def __init__(self, caller: Caller, count: int = 100) -> None:
        from django.utils import timezone

        from django_redpin.models import WebhookEvent

        self._caller = caller
        self._path = path_of("default")
        bodies = list(itertools.islice(events.bodies(f"done-{time.monotonic_ns()}"), count))
        for body in bodies:
            caller.post(self._path, body, {})
        WebhookEvent.objects.filter(event_id__startswith="done-").update(
            outcome="applied", processed_at=timezone.now(), next_attempt_at=None
        )
        self._bodies = itertools.cycle(bodies)

    def ours(self) -> None:
        """Post a copy of the next event."""
        self._caller.post(self._path, next(self._bodies), {})


def settings_with_signed() -> None:
    """Add the account whose posts are signed besides."""
    verifier = {
        "BACKEND": "django_redpin.webhooks.verifiers.HMACVerifier",
        "OPTIONS": {"header": "X-Gateway", "secrets": [views.SECRET.decode()]},
    }
    accounts = {SIGNED: {"WEBHOOK_VERIFIERS": [verifier]}}
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": accounts}


def path_of(account: str, secret: str = "", reference: str = events.REFERENCE) -> str:
    """Return the path of our webhook, with a token by this secret, or by the account's own."""
    token = sign(secret or get_account(account).signing_secret, account, reference)
    return f"/redpin/webhooks/{account}/{reference}/{token}/"


def wsgi_headers(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers as WSGI names them."""
    return {f"HTTP_{name.upper().replace('-', '_')}": told for name, told in headers.items()}


def addresses() -> Iterator[str]:
    """Return addresses without end, of different neighbourhoods."""
    for number in itertools.count():
        yield f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}"
