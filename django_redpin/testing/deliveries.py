"""The fake's webhooks on their way: posted, spoilt, held back, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from .faults import WEBHOOK
from .network import Planned, take
from .payloads import Envelope, Payload, encode, wire_money
from .spoiling import (
    DELAY,
    DROP,
    DUPLICATE,
    FLAT,
    NESTED,
    REORDER,
    WRONG_CONTENT_TYPE,
    spoilt_body,
    spoilt_payload,
)

if TYPE_CHECKING:
    from ..models import PaymentSession
    from .posting import PostedWebhook, PostingClient, SignedWebhook

_ENVELOPES: Final[dict[str, Envelope]] = {FLAT: "flat", NESTED: "nested"}


class Deliveries:
    """Posts events through a test client, the way that the faults that are planned leave them."""

    def __init__(self, client: PostingClient | None, envelope: Envelope) -> None:
        self.planned: list[Planned] = []
        self.posted: list[PostedWebhook] = []
        self._client = client
        self._envelope: Envelope = envelope
        # In the order of events, each with the fault that holds it.
        self._waiting: list[tuple[str, SignedWebhook]] = []

    def send(self, session: PaymentSession, event: Callable[[Envelope], Payload]) -> None:
        """Post the event to the session's callback URL, and then what was held until a later one.

        One fault of each name that is planned is played, together.
        """
        faults = self._take_all()
        envelope = self._envelope
        for name in faults:
            envelope = _ENVELOPES.get(name, envelope)
        signed = _signed(session, event(envelope), faults)
        if DROP in faults:
            return
        copies = [signed] * int(faults.get(DUPLICATE, 1))
        if DELAY in faults or REORDER in faults:
            holds = DELAY if DELAY in faults else REORDER
            self._waiting += [(holds, copy) for copy in copies]
            return
        held = [earlier for holds, earlier in self._waiting if holds == REORDER]
        self._waiting = [each for each in self._waiting if each[0] != REORDER]
        for each in (*copies, *held):
            self._post(each)

    def deliver_held(self) -> None:
        """Post all that is held, in the order of events."""
        waiting, self._waiting = self._waiting, []
        for _, signed in waiting:
            self._post(signed)

    def _take_all(self) -> dict[str, str]:
        names = dict.fromkeys(plan.fault for plan in self.planned)
        taken = [take(self.planned, call=WEBHOOK, fault=name) for name in names]
        return {plan.fault: plan.value for plan in taken if plan is not None}

    def _post(self, signed: SignedWebhook) -> None:
        from django.test import Client

        from .posting import post_webhook

        client = self._client or Client()
        self.posted.append(post_webhook(client, signed))


def _signed(session: PaymentSession, payload: Payload, faults: Mapping[str, str]) -> SignedWebhook:
    from .posting import sign_webhook

    spoilt = spoilt_payload(payload, faults, wire_money(session.money))
    signed = sign_webhook(spoilt_body(encode(spoilt), faults), session=session)
    is_declared = WRONG_CONTENT_TYPE not in faults
    return signed if is_declared else replace(signed, content_type="text/plain")
