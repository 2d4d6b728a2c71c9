"""dj-stripe's webhook: the released package, as its docs set it up, with signed events."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from ..wsgi_calls import Caller
from . import stripe_server

_SECRET: Final = "whsec_bench-webhook-secret-0123456789"  # noqa: S105  Of nobody.
# One that its handlers take, as Stripe's docs have of a payment; it asks Stripe for the object.
HANDLED: Final = "payment_intent.succeeded"
# One of those that it knows and has no handler for.
UNHANDLED: Final = "balance.available"


@contextmanager
def stripe_away_from_here() -> Iterator[str]:
    """Return the URL of a Stripe in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.peers.stripe_server"]
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None  # noqa: S101  Both are pipes.
        assert process.stdout is not None  # noqa: S101
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.stdin.close()


class DjStripe:
    """Posts events to dj-stripe's view."""

    def __init__(self, caller: Caller, stripe_url: str) -> None:
        import stripe
        from djstripe import models
        from djstripe.settings import djstripe_settings

        stripe.api_base = stripe_url
        account = models.Account.objects.create(id="acct_bench", livemode=False)
        models.APIKey.objects.create(
            secret=djstripe_settings.TEST_API_KEY,
            type="secret",
            livemode=False,
            djstripe_owner_account=account,
        )
        endpoint = models.WebhookEndpoint.objects.create(
            id="we_bench",
            livemode=False,
            secret=_SECRET,
            enabled_events=["*"],
            status="enabled",
            url="https://merchant.example/stripe/webhook/",
            djstripe_owner_account=account,
        )
        self._caller = caller
        self._path = f"/stripe/webhook/{endpoint.djstripe_uuid}/"
        self._numbers = itertools.count()
        self._signed: Any = stripe.WebhookSignature._compute_signature

    def handled(self) -> None:
        """Post an event that is handled: it is stored, its object asked for and stored, too."""
        self._post(HANDLED)

    def unhandled(self) -> None:
        """Post an event that is stored alone."""
        self._post(UNHANDLED)

    def stored(self) -> int:
        """Return how many of the events that came were verified, stored and done with."""
        from djstripe import models

        return int(models.WebhookEventTrigger.objects.filter(valid=True, processed=True).count())

    def _post(self, kind: str) -> None:
        now = int(time.time())
        body = _body(kind, f"evt_{kind}_{next(self._numbers)}", now)
        signature = self._signed(f"{now}.{body}", _SECRET)
        headers = {"HTTP_STRIPE_SIGNATURE": f"t={now},v1={signature}"}
        self._caller.post(self._path, body.encode(), headers)


def _body(kind: str, event_id: str, now: int, size: int = 900) -> str:
    subject = stripe_server.INTENT if kind == HANDLED else {"object": "balance"}
    event: dict[str, Any] = {
        "id": event_id,
        "object": "event",
        "api_version": "2026-05-27.dahlia",
        "created": now,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        "data": {"object": {**subject, "metadata": {"note": ""}}},
    }
    event["data"]["object"]["metadata"]["note"] = "x" * max(0, size - len(json.dumps(event)))
    return json.dumps(event)
