"""What verifiers have in common: what they see, what they say, and their base class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from ..rules.networks import Address
from ..rules.signatures import HEADER_MAX_BYTES


class NotVerified(Exception):
    """The post can't be trusted. The text is for our log, never for the sender."""


class NoVerifier(Exception):
    """Nothing can be verified now, so nothing is accepted; later it may be. For our log, too."""


class WeakSecret(Exception):
    """A verifier has no secrets, or one that can be guessed or is of the wrong form."""


@dataclass(frozen=True, slots=True)
class Post:
    """What a verifier gets to see. `headers` is read in any case; `now` is in Unix seconds.

    `source` is the address from which the post came, past `WEBHOOK_TRUSTED_PROXIES`, or None.
    """

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    source: Address | None
    now: float

    def header(self, name: str) -> bytes:
        """Return a header as the bytes that were sent.

        Raises `NotVerified` where it is missing, empty or longer than 4 kB.
        """
        value = self.headers.get(name, "")
        if not value:
            raise NotVerified(f"no {name} header")
        if len(value) > HEADER_MAX_BYTES:
            raise NotVerified(f"the {name} header is longer than {HEADER_MAX_BYTES} bytes")
        try:
            return value.encode("latin-1")  # As WSGI and ASGI decode what was sent.
        except UnicodeEncodeError:
            raise NotVerified(f"the {name} header is not of bytes") from None


@dataclass(frozen=True, slots=True)
class Proof:
    """What a post passed: a name for the event's row, and whether it was by the first secret."""

    name: str
    is_first: bool = True


class Verifier:
    """The base of all verifiers. `OPTIONS` are the keyword arguments of its `__init__`.

    That raises `ConfigurationError` for an option that can't be used; nothing is accepted then.
    `is_signed` says that a post's body can't have been written by anybody without the secret.
    """

    is_signed: ClassVar[bool] = False

    def verify(self, post: Post) -> Proof:
        """Return what the post passed. Raises `NotVerified` if it did not."""
        raise NotImplementedError

    def sign(self, body: bytes, *, now: float, message_id: str = "") -> dict[str, str]:
        """Return the headers with which a post of this body passes: for tests and for gateways."""
        raise NotImplementedError
