"""Redpin's API in its two documented versions, and all that is inferred about the newer one.

The older is the page "Create a payment session"; of the newer only parts are known. Inferred, and
so to be mended here alone: that unknown fields such as ``callbacks`` are ignored rather than
refused (Redpin calls its changes backward compatible), that the create call names the end of a
session as the list call does, the path of the webhook-create call and that it answers 201, that
the earlier subscription keeps its ``id`` when it is overwritten, one subscription for each event
type, and that the identifiers stand beside ``payment_id`` in the nested envelope's ``data``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

WEBHOOKS_PATH: Final = "v1/customers/<str:customer_id>/webhooks"
PAYMENT_STATUS: Final = "PAYMENT STATUS"
EVENT_TYPES: Final = (
    "CUSTOMER STATUS",
    "VBAN STATUS",
    PAYMENT_STATUS,
    "THIRD PARTY CUSTOMER STATUS",
)
ENVELOPE_VERSION: Final = "v1.0.0"


@dataclass(frozen=True, slots=True)
class Version:
    """What differs.

    reference_most: how many characters a ``client_reference_id`` may have.
    unique_within: whether a reference is unique for each ``client`` or each ``customer``.
    expires_field: what the create call calls the end of a session.
    has_callbacks: whether a session brings its own callback URLs; else subscriptions are served.
    is_nested: whether events come in the newer envelope.
    """

    name: str
    reference_most: int
    unique_within: str
    expires_field: str
    has_callbacks: bool
    is_nested: bool


VERSIONS: Final = {
    version.name: version
    for version in (
        Version("seed", 100, "client", "expires_at", has_callbacks=True, is_nested=False),
        Version("new", 36, "customer", "session_expires_at", has_callbacks=False, is_nested=True),
    )
}


def nested(event: dict[str, Any]) -> dict[str, Any]:
    """Return a flat event in the newer envelope: what is not the event's own goes into ``data``."""
    own = ("event_id", "event_timestamp", "data")
    return {
        "event_id": event["event_id"],
        "event_type": PAYMENT_STATUS,
        "version": ENVELOPE_VERSION,
        "event_timestamp": event["event_timestamp"],
        "data": {name: event[name] for name in event if name not in own} | event["data"],
    }
