"""Did Redpin post this? The token in the URL's path, which only Redpin was told, says so.

What `WEBHOOK_VERIFIERS` lists is asked besides, never instead.
"""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest
from django.utils.module_loading import import_string
from django.views.decorators.debug import sensitive_variables

from ..conf import Account, get_account
from ..exceptions import ConfigurationError, UnknownAccount
from ..exceptions.interrupts import is_interrupt
from ..rules.callback_tokens import is_strong, verify
from ..rules.quoting import bounded
from ..rules.signatures import fingerprint
from ..telemetry import LogEvent, tell
from .base import NotVerified as NotVerified
from .base import NoVerifier as NoVerifier
from .base import Post, Proof, Verifier, WeakSecret
from .sources import source_of

logger: logging.Logger = logging.getLogger("django_redpin.security")

SESSION_TOKEN: Final = "session token"  # noqa: S105  A verifier's name.
ACCOUNT_TOKEN: Final = "account token"  # noqa: S105
MAX_VERIFIERS: Final = 8
# The names of all of them stand in one column beside that of the token; a row that is too wide
# would never be stored.
_NAMES_LENGTH: Final = 224
_REASON_LENGTH: Final = 500


def find_account(alias: str) -> Account:
    """Return the account that a post is for.

    Raises `NotVerified` where there is none, and `NoVerifier` where it has no strong secret to
    verify with, or its settings can't be had.
    """
    try:
        account = get_account(alias)
    except UnknownAccount:
        raise NotVerified("unknown account") from None
    except ConfigurationError as error:  # Such as a resolver whose database is away.
        raise NoVerifier(str(error)) from None
    if not any(is_strong(secret) for secret in account.webhook_secrets):
        raise NoVerifier("REDPIN['WEBHOOK_SECRETS'] has no strong secret.")
    return account


@sensitive_variables()
def verify_token(account: Account, client_reference_id: str, token: str) -> str:
    """Return the name of the verifier that the token in the URL passed; nothing is read for it.

    The token has to be signed, by any of the account's `WEBHOOK_SECRETS`, for this session; or for
    the account as a whole where the URL names no session. The name ends in the fingerprint of the
    secret that signed it. Raises `NotVerified` otherwise.
    """
    secret = verify(token, account.webhook_secrets, account.alias, client_reference_id)
    if secret is None:
        raise NotVerified("wrong token")
    kind = SESSION_TOKEN if client_reference_id else ACCOUNT_TOKEN
    proof = Proof(f"{kind} {fingerprint(secret)}", is_first=secret == account.webhook_secrets[0])
    _tell_of_an_older_secret(account, proof)
    return proof.name


@dataclass(frozen=True, slots=True)
class Passed:
    """The names of the verifiers that a post passed, and whether one of them covers its body."""

    names: tuple[str, ...] = ()
    is_signed: bool = False


def verify_post(account: Account, request: HttpRequest, body: bytes) -> Passed:
    """Ask each of the account's `WEBHOOK_VERIFIERS`, and return what the post passed: all of them.

    Raises `NotVerified` where it did not pass one, and `NoVerifier` where one can't be made.
    """
    try:
        verifiers = make_verifiers(account.webhook_verifiers)
    except (ConfigurationError, WeakSecret) as error:
        raise NoVerifier(str(error)) from None
    if account.webhook_trust == "verified" and not any(each.is_signed for each in verifiers):
        raise NoVerifier("REDPIN['WEBHOOK_TRUST'] is 'verified', and no verifier is of signatures.")
    if not verifiers:
        return Passed()
    source = source_of(request.META, account.webhook_trusted_proxies)
    post = Post(request.headers, body, source, time.time())
    proofs, failures = [], []
    for verifier in verifiers:  # All of them, so that the answer's time does not tell which failed.
        try:
            proofs.append(_ask(verifier, post))
        except NotVerified as error:
            failures.append(f"{type(verifier).__name__}: {error}")
    if failures:
        raise NotVerified(bounded("; ".join(failures), _REASON_LENGTH))
    for proof in proofs:
        _tell_of_an_older_secret(account, proof)
    length = _NAMES_LENGTH // len(proofs) - len(", ")
    names = tuple(bounded(proof.name, length) for proof in proofs)  # No NUL, which no row takes.
    return Passed(names, is_signed=any(verifier.is_signed for verifier in verifiers))


def _ask(verifier: Verifier, post: Post) -> Proof:
    name = type(verifier).__name__
    try:
        proof: object = verifier.verify(post)
    except NotVerified:
        raise
    except Exception as error:  # A stranger's code: what it fails at, it has not verified.
        if is_interrupt(error):
            raise
        raise NoVerifier(f"{name} failed ({type(error).__name__}).") from None
    if not isinstance(proof, Proof) or not isinstance(proof.name, str):
        raise NoVerifier(f"{name} returned no Proof.")
    return proof


def _tell_of_an_older_secret(account: Account, proof: Proof) -> None:
    if not proof.is_first:
        tell(
            logger,
            LogEvent.WEBHOOK_OLDER_SECRET,
            "A webhook came by an older secret: %s. Keep it until this line comes no more.",
            proof.name,
            account=account.alias,
            verifier=proof.name,
        )


def make_verifiers(listed: Sequence[Mapping[str, Any]]) -> list[Verifier]:
    """Return the verifiers of `WEBHOOK_VERIFIERS`.

    Raises `ConfigurationError` where one can't be imported, or its options can't be used, and
    `WeakSecret`. The text holds names alone, as any value may be a secret.
    """
    if len(listed) > MAX_VERIFIERS:
        raise ConfigurationError(f"REDPIN['WEBHOOK_VERIFIERS'] has more than {MAX_VERIFIERS}.")
    return [_made(place, each) for place, each in enumerate(listed)]


@sensitive_variables()
def _made(place: int, given: Mapping[str, Any]) -> Verifier:
    where = f"REDPIN['WEBHOOK_VERIFIERS'][{place}]"
    backend, options = given["BACKEND"], given.get("OPTIONS", {})
    try:
        kind: object = import_string(backend)
        if not (inspect.isclass(kind) and issubclass(kind, Verifier)):
            raise ConfigurationError("BACKEND is no Verifier.")
        try:
            inspect.signature(kind).bind(**options)
        except TypeError as error:  # Which tells of names alone.
            raise ConfigurationError(f"OPTIONS: {error}.") from None
        made: Verifier = kind(**options)
    except WeakSecret as error:
        raise WeakSecret(f"{where}: {error}") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from None
    except Exception as error:
        if is_interrupt(error):
            raise
        raise ConfigurationError(
            f"{where}: BACKEND can't be imported, or made with OPTIONS ({type(error).__name__})."
        ) from None
    return made
