"""The callback URLs: this project's webhook, ending in a token for one session or one account."""

from __future__ import annotations

import secrets
from typing import Final

from django.urls import NoReverseMatch, reverse

from ..conf import Account
from ..exceptions import ConfigurationError
from ..rules.addresses import own_callback_faults
from ..rules.callback_tokens import sign

# What the view says to whom it does not believe; the diagnosis knows it by that.
NOT_VERIFIED: Final = "This post was not verified."
TOO_MANY: Final = "Too many were not verified."
UNCONFIGURED: Final = "The webhook is not configured."


def callback_url(account: Account, client_reference_id: str) -> str:
    """Return the URL that Redpin is told for this session. It is a secret; it is never stored.

    Raises `ConfigurationError` where `WEBHOOK_BASE_URL` or `WEBHOOK_SECRETS` is missing or can't be
    used, or `django_redpin.urls` is not included.
    """
    token = sign(account.signing_secret, account.alias, client_reference_id)
    return _public_url(account, "session-webhook", account.alias, client_reference_id, token)


def subscription_url(account: Account) -> str:
    """Return the URL for a subscription of Redpin's newer API, which tells of all sessions.

    It is a secret, and raises, as that of `callback_url`.
    """
    token = sign(account.signing_secret, account.alias, "")
    return _public_url(account, "account-webhook", account.alias, token)


def unsigned_url(account: Account) -> str:
    """Return a URL of the webhook's with a token that nobody signed, which is no secret.

    It raises as `callback_url` does.
    """
    made_up = f"unsigned-{secrets.token_hex(16)}"
    return _public_url(account, "account-webhook", account.alias, made_up)


def _public_url(account: Account, view: str, *arguments: str) -> str:
    try:
        path = reverse(f"redpin:{view}", args=arguments)
    except NoReverseMatch:
        raise ConfigurationError(
            "Add path('redpin/', include('django_redpin.urls')) to the project's URLs."
        ) from None
    url = account.required("webhook_base_url") + path
    # The token must not travel in the clear, whether or not anybody ran the system checks.
    loopback = account.policy().allow_loopback
    for fault in own_callback_faults(url, "callbacks", allow_loopback=loopback):
        raise ConfigurationError(
            f"REDPIN['WEBHOOK_BASE_URL'] of the account {account.alias!r} can't be used:"
            f" {fault.message} Give this site's public address, such as https://example.com."
        )
    return url
