"""What a post may have to pass besides the token in its URL: `REDPIN["WEBHOOK_VERIFIERS"]`.

A verifier of your own derives from `Verifier`. Whatever it needs to know stands in its options;
nothing in a post can choose a secret or a scheme.
"""

from __future__ import annotations

import base64
import math
import re
import uuid
from collections.abc import Sequence
from typing import ClassVar, Final

from ..exceptions import ConfigurationError
from ..rules.callback_tokens import SECRET_MIN_BYTES, is_strong
from ..rules.networks import Address, network_of, parsed_networks
from ..rules.signatures import (
    fingerprint,
    is_timely,
    matching,
    read_standard,
    read_timestamped,
    standard_key,
    standard_signature,
    timestamped_signature,
)
from .base import NotVerified as NotVerified
from .base import Post as Post
from .base import Proof as Proof
from .base import Verifier as Verifier
from .base import WeakSecret

DEFAULT_TOLERANCE: Final = 300  # Seconds, either way.
# Web servers take an underscore for a hyphen.
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
# What arrives in a header as it was sent.
_HEADER_VALUE: Final = re.compile(r"[!-~]([ -~]*[!-~])?")


class _SecretsVerifier(Verifier):
    """What has a list of secrets has this: the first signs, any verifies."""

    title: ClassVar[str]

    def __init__(self, *, secrets: Sequence[str]) -> None:
        if not isinstance(secrets, (list, tuple)) or not secrets:
            raise WeakSecret("'secrets' has to be a list of one secret or more.")
        keys = [self._key(secret) if isinstance(secret, str) else None for secret in secrets]
        if None in keys:
            raise WeakSecret(f"Each of 'secrets' needs {self._form()}.")
        self._keys = [key for key in keys if key is not None]
        self._fingerprints = [fingerprint(secret) for secret in secrets]

    def _key(self, secret: str) -> bytes | None:
        """Return what is compared or signed with, or None for a secret that can't be used."""
        return secret.encode() if is_strong(secret) else None

    def _form(self) -> str:
        return f"at least {SECRET_MIN_BYTES} bytes"

    def _proof(self, expected: Sequence[bytes], given: Sequence[bytes]) -> Proof:
        index = matching(expected, given)
        if index is None:
            raise NotVerified(f"wrong {self.title}")
        return Proof(f"{self.title} {self._fingerprints[index]}", is_first=index == 0)


class HeaderVerifier(_SecretsVerifier):
    """A header that holds a shared secret, as gateways add it."""

    title = "header"

    def __init__(self, *, header: str, secrets: Sequence[str]) -> None:
        self._header = _header_name(header)
        super().__init__(secrets=secrets)

    def verify(self, post: Post) -> Proof:
        return self._proof(self._keys, [post.header(self._header)])

    def sign(self, body: bytes, *, now: float, message_id: str = "") -> dict[str, str]:
        return {self._header: self._keys[0].decode()}

    def _key(self, secret: str) -> bytes | None:
        return super()._key(secret) if _HEADER_VALUE.fullmatch(secret) else None

    def _form(self) -> str:
        return f"{super()._form()} of plain ASCII, with no space around"


class BasicVerifier(_SecretsVerifier):
    """HTTP Basic authentication; each secret is `user:password`."""

    title = "Basic"

    def verify(self, post: Post) -> Proof:
        scheme, _, credentials = post.header("Authorization").partition(b" ")
        if scheme.lower() != b"basic":
            raise NotVerified("another scheme than Basic")
        return self._proof(self._keys, [credentials])

    def sign(self, body: bytes, *, now: float, message_id: str = "") -> dict[str, str]:
        return {"Authorization": f"Basic {self._keys[0].decode()}"}

    def _key(self, secret: str) -> bytes | None:
        # The user's name is no secret, and adds nothing to the password's strength.
        user, _, password = secret.partition(":")
        is_right = user and is_strong(secret) and is_strong(password)
        return base64.b64encode(secret.encode()) if is_right else None

    def _form(self) -> str:
        return f"the form user:password, with a password of {super()._form()}"


class HMACVerifier(_SecretsVerifier):
    """An HMAC-SHA256 over `timestamp.body`, in a header such as `t=1767225600,v1=5257a8...`."""

    title = "HMAC"
    is_signed = True

    def __init__(
        self, *, header: str, secrets: Sequence[str], tolerance: float | None = DEFAULT_TOLERANCE
    ) -> None:
        self._header = _header_name(header)
        self._tolerance = _seconds(tolerance)
        super().__init__(secrets=secrets)

    def verify(self, post: Post) -> Proof:
        read = read_timestamped(post.header(self._header))
        if read is None:
            raise NotVerified(f"no 't=...,v1=...' in {self._header}")
        timestamp, signatures = read
        if not is_timely(timestamp, post.now, self._tolerance):
            raise NotVerified(f"the timestamp in {self._header} is none of now")
        right = [timestamped_signature(key, timestamp, post.body) for key in self._keys]
        return self._proof(right, signatures)

    def sign(self, body: bytes, *, now: float, message_id: str = "") -> dict[str, str]:
        timestamp = str(int(now)).encode()
        signature = timestamped_signature(self._keys[0], timestamp, body)
        return {self._header: f"t={timestamp.decode()},v1={signature.decode()}"}


class StandardWebhooksVerifier(_SecretsVerifier):
    """The scheme of standardwebhooks.com: an HMAC-SHA256 over `id.timestamp.body`."""

    title = "Standard Webhooks"
    is_signed = True

    def __init__(
        self, *, secrets: Sequence[str], tolerance: float | None = DEFAULT_TOLERANCE
    ) -> None:
        self._tolerance = _seconds(tolerance)
        super().__init__(secrets=secrets)

    def verify(self, post: Post) -> Proof:
        message_id = post.header("webhook-id")
        timestamp = post.header("webhook-timestamp")
        signatures = read_standard(post.header("webhook-signature"))
        if b"." in message_id:  # It would not be clear where the id ends and the timestamp begins.
            raise NotVerified("a full stop in webhook-id")
        if not is_timely(timestamp, post.now, self._tolerance):
            raise NotVerified("webhook-timestamp is none of now")
        right = [standard_signature(key, message_id, timestamp, post.body) for key in self._keys]
        return self._proof(right, signatures)

    def sign(self, body: bytes, *, now: float, message_id: str = "") -> dict[str, str]:
        message_id = message_id or f"msg_{uuid.uuid4().hex}"
        timestamp = str(int(now))
        signature = standard_signature(
            self._keys[0], message_id.encode(), timestamp.encode(), body
        ).decode()
        return {
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{signature}",
        }

    def _key(self, secret: str) -> bytes | None:
        key = standard_key(secret)
        if key is None or len(key) < SECRET_MIN_BYTES or not key.strip():
            return None
        return key

    def _form(self) -> str:
        return f"base64 of {super()._form()}, with or without 'whsec_' before it"


class NetworksVerifier(Verifier):
    """The networks from which posts come. A second lock, never the only one: lists grow old."""

    def __init__(self, *, networks: Sequence[str]) -> None:
        try:
            self._networks = parsed_networks(networks)
        except ValueError as error:
            raise ConfigurationError(f"'networks': {error}") from None
        if not self._networks:
            raise ConfigurationError("'networks' has to be a list of one network or more.")

    def verify(self, post: Post) -> Proof:
        if post.source is None:
            raise NotVerified("it can't be told where it came from")
        network = network_of(post.source, self._networks)
        if network is None:
            raise NotVerified(f"{post.source} is in none of the networks")
        return Proof(f"network {network}")

    def sign(self, body: bytes, *, now: float, message_id: str = "") -> dict[str, str]:
        """Return no headers: nothing that is sent proves from where it is sent."""
        return {}

    def addresses(self) -> list[Address]:
        """Return one address of each network: for tests, which can be posted from anywhere."""
        return [network.network_address for network in self._networks]

    def lets_in(self, address: Address) -> bool:
        """Tell whether the address is in one of the networks."""
        return network_of(address, self._networks) is not None


def _header_name(name: object) -> str:
    if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
        raise ConfigurationError("'header' has to be the name of one, such as 'X-Signature'.")
    return name


def _seconds(tolerance: object) -> float | None:
    is_number = isinstance(tolerance, (int, float)) and not isinstance(tolerance, bool)
    if tolerance is None:
        return None
    if not is_number or not 0 < tolerance < math.inf:  # type: ignore[operator]
        raise ConfigurationError("'tolerance' has to be a number of seconds, or None for any.")
    return float(tolerance)  # type: ignore[arg-type]
