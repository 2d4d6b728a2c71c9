"""The token at the end of a callback URL: signed for one session, checked when Redpin posts.

Redpin documents no signature of its webhooks, so the URL that only Redpin was told is the proof.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from .signatures import matching

# An HMAC with a secret that can be guessed proves nothing.
SECRET_MIN_BYTES: Final = 24
_PURPOSE: Final = b"django_redpin.callback_token.v1"


def sign(secret: str, account: str, client_reference_id: str) -> str:
    """Return the token for callbacks of one session, safe in a URL path.

    Raises `ValueError` for a secret of fewer than 24 bytes.
    """
    if not is_strong(secret):
        raise ValueError(f"A webhook secret needs at least {SECRET_MIN_BYTES} bytes.")
    # The lengths keep ("a", "bc") and ("ab", "c") apart.
    names = (name.encode("utf-8", "surrogatepass") for name in (account, client_reference_id))
    fields = [_PURPOSE, *names]
    message = b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    digest = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def verify(
    token: str, secrets: Sequence[str], account: str, client_reference_id: str
) -> str | None:
    """Return which of the secrets signed this token for this session, or None.

    Every secret is tried, in constant time over bytes, so that the answer's time tells nothing.
    No secrets, or only weak ones, verify nothing.
    """
    given = token.encode("utf-8", "surrogatepass")
    strong = [secret for secret in secrets if is_strong(secret)]
    expected = [sign(secret, account, client_reference_id).encode() for secret in strong]
    index = matching(expected, [given])
    return None if index is None else strong[index]


def is_strong(secret: object) -> bool:
    """Tell whether `secret` is text of at least 24 bytes that are not all spaces."""
    if not isinstance(secret, str):
        return False
    try:
        return len(secret.strip().encode()) >= SECRET_MIN_BYTES
    except UnicodeEncodeError:  # What os.environ makes of bytes that are no UTF-8.
        return False
