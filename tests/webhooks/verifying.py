"""What the verifiers' tests share: one of each kind, its secrets, and posts to ask them about."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from django.utils.datastructures import CaseInsensitiveMapping

from django_redpin.rules.networks import parsed_address
from django_redpin.webhooks.verification import make_verifiers
from django_redpin.webhooks.verifiers import Post, Verifier

NOW: Final = 1_767_225_600
PLACE: Final = "django_redpin.webhooks.verifiers"
NEW: Final = "canary-gateway-secret-new-0123456789"
OLD: Final = "canary-gateway-secret-old-0123456789"
STRANGERS: Final = "a-secret-that-nobody-has-configured"


def spelt(kind: str, text: str) -> str:
    """Return a secret of this text, as a verifier of this kind has it in its options."""
    if kind == "BasicVerifier":
        return f"gateway:{text}"
    if kind == "StandardWebhooksVerifier":
        return "whsec_" + base64.b64encode(text.encode()).decode()
    return text


KINDS: Final = ("HeaderVerifier", "BasicVerifier", "HMACVerifier", "StandardWebhooksVerifier")
SECRETS: Final = {kind: [spelt(kind, NEW), spelt(kind, OLD)] for kind in KINDS}
OPTIONS: Final[Mapping[str, dict[str, Any]]] = {
    "HeaderVerifier": {"header": "X-Gateway-Secret"},
    "BasicVerifier": {},
    "HMACVerifier": {"header": "X-Gateway-Signature"},
    "StandardWebhooksVerifier": {},
    "NetworksVerifier": {"networks": ["192.0.2.0/24", "2001:db8::/32"]},
}
SIGNED: Final = ("HMACVerifier", "StandardWebhooksVerifier")


def listed(kind: str, **options: Any) -> dict[str, Any]:
    """Return an entry of `WEBHOOK_VERIFIERS`, with these options changed; None takes one out."""
    right = {**OPTIONS[kind], **({"secrets": SECRETS[kind]} if kind in SECRETS else {})}
    return {"BACKEND": f"{PLACE}.{kind}", "OPTIONS": {**right, **options}}


def made(kind: str, **options: Any) -> Verifier:
    (verifier,) = make_verifiers([listed(kind, **options)])
    return verifier


def posted(
    headers: Mapping[str, str], body: bytes = b"{}", *, now: float = NOW, source: str = "192.0.2.1"
) -> Post:
    return Post(CaseInsensitiveMapping(headers), body, parsed_address(source), now)
