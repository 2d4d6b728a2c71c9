"""What the system checks find in the settings of webhooks, of one account at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as WarningMessage

from ..exceptions import ConfigurationError
from ..rules.callback_tokens import SECRET_MIN_BYTES, is_strong
from .base import WeakSecret
from .verification import make_verifiers

# No event comes near it, and each may be asked to be read, verified and stored.
LARGEST_BODY: Final = 1024 * 1024


def webhook_messages(
    where: str, raw: Mapping[str, Any], wrong: Collection[str]
) -> Iterator[CheckMessage]:
    """Yield what is wrong with an account's webhook settings; `wrong` names those of no shape."""
    if "WEBHOOK_SECRETS" not in wrong and not all(map(is_strong, raw["WEBHOOK_SECRETS"])):
        yield weak_secrets(where)
    if not {"WEBHOOK_VERIFIERS", "WEBHOOK_TRUST"} & set(wrong):
        yield from _verifiers(where, raw)
    limit = raw["WEBHOOK_MAX_BODY_BYTES"]
    if "WEBHOOK_MAX_BODY_BYTES" not in wrong and limit > LARGEST_BODY:
        yield WarningMessage(
            f"{where}['WEBHOOK_MAX_BODY_BYTES'] lets in bodies of more than 1 MiB.",
            hint="Redpin's events have a few kB; leave it out, and the limit is 64 KiB.",
            id="redpin.W002",
        )


def weak_secrets(where: str) -> CheckMessage:
    """Return what is said of `WEBHOOK_SECRETS` that are missing or can be guessed."""
    return Error(
        f"{where}['WEBHOOK_SECRETS'] needs secrets of at least {SECRET_MIN_BYTES} bytes.",
        hint="Make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'."
        " The first signs new callback URLs, the others are still accepted.",
        id="redpin.E006",
    )


def _verifiers(where: str, raw: Mapping[str, Any]) -> Iterator[CheckMessage]:
    try:
        verifiers = make_verifiers(raw["WEBHOOK_VERIFIERS"])
    except WeakSecret as error:
        # Hexadecimal digits are base64, too, as Standard Webhooks has it.
        hint = (
            "Make one with: python -c 'import secrets; print(secrets.token_hex(32))'. Each of the"
            " list is accepted; the page Securing webhooks tells how to replace one."
        )
        yield Error(_named(where, error), hint=hint, id="redpin.E012")
        return
    except ConfigurationError as error:
        hint = "The page Securing webhooks lists the verifiers and their options."
        yield Error(_named(where, error), hint=hint, id="redpin.E011")
        return
    if raw["WEBHOOK_TRUST"] == "verified" and not any(each.is_signed for each in verifiers):
        yield Error(
            f"{where}['WEBHOOK_TRUST'] is 'verified', but no verifier is of signatures.",
            hint="Add HMACVerifier or StandardWebhooksVerifier to WEBHOOK_VERIFIERS, or leave"
            " WEBHOOK_TRUST out: Redpin's API is then asked whether it is so.",
            id="redpin.E013",
        )


def _named(where: str, error: Exception) -> str:
    return str(error).replace("REDPIN[", f"{where}[", 1)
