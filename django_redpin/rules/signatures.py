"""Signatures of posts: how their headers are read, what is signed, and how it is compared.

All of it is bytes: what a stranger put into a header need not be text of any encoding.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Final

# Whoever sends more has something else in mind than to be verified.
HEADER_MAX_BYTES: Final = 4096
MAX_SIGNATURES: Final = 8

_FINGERPRINT: Final = b"django_redpin.secret_fingerprint.v1"
_TIMESTAMP: Final = re.compile(rb"[0-9]{1,12}")
_SECRET_PREFIX: Final = "whsec_"  # noqa: S105  Standard Webhooks writes it before a secret.
_V1: Final = b"v1,"


def fingerprint(secret: str) -> str:
    """Return eight digits that name a secret and don't tell it, for rows and logs."""
    return hashlib.sha256(_FINGERPRINT + b"\x00" + secret.encode()).hexdigest()[:8]


def matching(expected: Sequence[bytes], given: Sequence[bytes]) -> int | None:
    """Return which of the expected values is among the given ones, or None.

    Each is compared with each, in constant time, so that the answer's time tells nothing.
    """
    hits = [
        index
        for index, right in enumerate(expected)
        for one in given
        if hmac.compare_digest(right, one)
    ]
    return hits[0] if hits else None


def is_timely(timestamp: bytes, now: float, tolerance: float | None) -> bool:
    """Tell whether these are Unix seconds at most `tolerance` away from `now`, either way.

    With None, any seconds will do.
    """
    if not _TIMESTAMP.fullmatch(timestamp):
        return False
    return tolerance is None or abs(now - int(timestamp)) <= tolerance


def timestamped_signature(key: bytes, timestamp: bytes, body: bytes) -> bytes:
    """Return the HMAC-SHA256 of `timestamp.body`, in hexadecimal digits."""
    return hmac.new(key, timestamp + b"." + body, hashlib.sha256).hexdigest().encode()


def read_timestamped(header: bytes) -> tuple[bytes, list[bytes]] | None:
    """Return the timestamp and the signatures of `t=...,v1=...,v1=...`; None for another form.

    Other schemes beside v1 are passed over. Two timestamps are none: it would depend on the reader
    which of them counts.
    """
    timestamps, signatures = [], []
    for item in header.split(b","):
        if item.count(b"=") != 1:
            return None
        name, _, value = item.strip().partition(b"=")
        if name == b"t":
            timestamps.append(value)
        elif name == b"v1":
            signatures.append(value)
    if len(timestamps) != 1:
        return None
    return timestamps[0], signatures[:MAX_SIGNATURES]


def standard_signature(key: bytes, message_id: bytes, timestamp: bytes, body: bytes) -> bytes:
    """Return the signature by Standard Webhooks, of `id.timestamp.body`, without its version."""
    content = b".".join((message_id, timestamp, body))
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())


def read_standard(header: bytes) -> list[bytes]:
    """Return the signatures of `v1,... v1,...`; other versions are passed over.

    None of them counts where one is of another form: so is what servers make of a doubled header.
    """
    listed = header.split()
    if any(one.count(b",") != 1 for one in listed):
        return []
    return [one.removeprefix(_V1) for one in listed[:MAX_SIGNATURES] if one.startswith(_V1)]


def standard_key(secret: str) -> bytes | None:
    """Return the bytes that a secret of Standard Webhooks stands for, or None if it is no base64.

    `whsec_` before it and the padding behind it may be missing.
    """
    text = secret.removeprefix(_SECRET_PREFIX)
    if not text.endswith("="):
        text += "=" * (-len(text) % 4)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
