"""For your own tests: a Redpin that runs in them, its events, and its posts.

Nothing here is imported until it is used, so that pytest can load the plugin before Django's
settings are there. What is not imported from here is internal.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .fake import FakeRedpin
    from .faults import FAULTS, Fault
    from .payloads import (
        Payload,
        customer_event,
        encode,
        payment_event,
        payout_events,
        referral_event,
        third_party_event,
        virtual_account_event,
    )
    from .posting import (
        PostedWebhook,
        ReceiverFailed,
        SignedWebhook,
        post_webhook,
        settle,
        sign_webhook,
    )
    from .project import SETTINGS
    from .records import Call
    from .sessions import make_session

__all__ = [
    "FAULTS",
    "SETTINGS",
    "Call",
    "FakeRedpin",
    "Fault",
    "Payload",
    "PostedWebhook",
    "ReceiverFailed",
    "SignedWebhook",
    "customer_event",
    "encode",
    "make_session",
    "payment_event",
    "payout_events",
    "post_webhook",
    "referral_event",
    "settle",
    "sign_webhook",
    "third_party_event",
    "virtual_account_event",
]

_ROOMS: Final = {
    "fake": ("FakeRedpin",),
    "faults": ("FAULTS", "Fault"),
    "payloads": (
        *("Payload", "customer_event", "encode", "payment_event", "payout_events"),
        *("referral_event", "third_party_event", "virtual_account_event"),
    ),
    "posting": (
        *("PostedWebhook", "ReceiverFailed", "SignedWebhook"),
        *("post_webhook", "settle", "sign_webhook"),
    ),
    "project": ("SETTINGS",),
    "records": ("Call",),
    "sessions": ("make_session",),
}
_WHERE: Final = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
