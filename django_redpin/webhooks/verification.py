"""Did Redpin post this? The token in the URL's path, which only Redpin was told, says so."""

from __future__ import annotations

from typing import Final

from ..conf import get_account
from ..exceptions import ConfigurationError, UnknownAccount
from ..rules.callback_tokens import is_strong, verify

SESSION_TOKEN: Final = "session token"  # noqa: S105  A verifier's name.
ACCOUNT_TOKEN: Final = "account token"  # noqa: S105


class NotVerified(Exception):
    """The post can't be trusted. The text is for our log, never for the sender."""


class NoVerifier(Exception):
    """Nothing can be verified now, so nothing is accepted; later it may be. For our log, too."""


def verify_token(account: str, client_reference_id: str, token: str) -> str:
    """Return the name of the verifier that the post passed.

    The token has to be signed, by any of the account's `WEBHOOK_SECRETS`, for this session; or for
    the account as a whole where the URL names no session. Raises `NotVerified` otherwise, and
    `NoVerifier` where the account has no secret to verify with, or its settings can't be had.
    """
    try:
        secrets = get_account(account).webhook_secrets
    except UnknownAccount:
        raise NotVerified("unknown account") from None
    except ConfigurationError as error:  # Such as a resolver whose database is away.
        raise NoVerifier(str(error)) from None
    if not any(is_strong(secret) for secret in secrets):
        raise NoVerifier("REDPIN['WEBHOOK_SECRETS'] has no strong secret.")
    if not verify(token, secrets, account, client_reference_id):
        raise NotVerified("wrong token")
    return SESSION_TOKEN if client_reference_id else ACCOUNT_TOKEN
