"""What is fuzzed: verify, parse, normalise. Pure functions, which need no Django settings."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django_redpin.client.events import EventMessage, read_event
from django_redpin.exceptions import UnreadableEvent
from django_redpin.rules import exact_json
from django_redpin.rules.callback_tokens import sign, verify
from django_redpin.rules.signatures import (
    is_timely,
    matching,
    read_standard,
    read_timestamped,
    standard_key,
    standard_signature,
    timestamped_signature,
)
from django_redpin.rules.statuses import is_known

SECRETS: Final = ("s" * 32, "an-older-one-" * 3)
# What the columns hold.
_LENGTHS: Final = {
    "event_id": 255,
    "event_type": 64,
    "payment_id": 100,
    "status": 64,
    "customer_id": 255,
    "session_id": 100,
    "client_reference_id": 100,
    "recipient_id": 100,
}


def try_one(data: bytes) -> EventMessage | None:
    """Take the first line for a token, an account and a reference, or for a header that signs, and
    the rest for a body.

    Returns what was read, or None where it was refused as no JSON object. Raises for whatever must
    not be: any other exception, a token that was not signed, a text that no column could hold.
    """
    head, _, body = data.partition(b"\n")
    token, _, rest = head.decode("utf-8", "surrogateescape").partition("/")
    account, _, reference = rest.partition("/")
    if verify(token, SECRETS, account, reference):
        assert token in {sign(secret, account, reference) for secret in SECRETS}
    _try_signatures(head, body)
    try:
        message = read_event(body)
    except UnreadableEvent:
        return None
    for name, length in _LENGTHS.items():
        text = getattr(message, name)
        assert isinstance(text, str)
        assert len(text) <= length
        assert b"\x00" not in text.encode()
    assert message.at is None or message.at.utcoffset() == timedelta(0)
    is_known(message.status)
    # Whatever can be read can be written.
    exact_json.dumps(exact_json.loads(body))
    return message


def _try_signatures(header: bytes, body: bytes) -> None:
    """Read the header as each scheme does; nobody without the key can have signed the body."""
    standard_key(header.decode("latin-1"))
    key = SECRETS[0].encode()
    stamped = read_timestamped(header)
    if stamped is not None:
        timestamp, given = stamped
        is_timely(timestamp, 0.0, 300)
        assert matching([timestamped_signature(key, timestamp, body)], given) is None
    given = read_standard(header)
    assert matching([standard_signature(key, b"msg_1", b"1", body)], given) is None
