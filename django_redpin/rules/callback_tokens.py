"""The token at the end of a callback URL: signed for one session, checked when Redpin posts.

Redpin documents no signature of its webhooks, so the URL that only Redpin was told is the proof.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from typing import Final

from .signatures import matching

# An HMAC with a secret that can be guessed proves nothing.
SECRET_MIN_BYTES: Final = 24


def sign(secret: str, account: str, client_reference_id: str) -> str:
    """Return the token for callbacks of one session, safe in a URL path.

    Raises `ValueError` for a secret of fewer than 24 bytes.
    """
    if not is_strong(secret):
        raise ValueError(f"A webhook secret needs at least {SECRET_MIN_BYTES} bytes.")
    return _signed(secret, _message(account, client_reference_id)).decode()


def _message(account: str, client_reference_id: str) -> bytes:
    # The lengths keep ("a", "bc") and ("ab", "c") apart.
    return _BEGINNING + _sized(account) + _sized(client_reference_id)


def _sized(text: str) -> bytes:
    field = text.encode("utf-8", "surrogatepass")
    return len(field).to_bytes(4, "big") + field


_BEGINNING: Final = _sized("django_redpin.callback_token.v1")


def _signed(secret: str, message: bytes) -> bytes:
    digest = hmac.digest(secret.encode(), message, "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=")


def verify(
    token: str, secrets: Sequence[str], account: str, client_reference_id: str
) -> str | None:
    """Return which of the secrets signed this token for this session, or None.

    Every secret is tried, in constant time over bytes, so that the answer's time tells nothing.
    No secrets, or only weak ones, verify nothing.
    """
    given = token.encode("utf-8", "surrogatepass")
    strong = [secret for secret in secrets if is_strong(secret)]
    message = _message(account, client_reference_id)
    expected = [_signed(secret, message) for secret in strong]
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
