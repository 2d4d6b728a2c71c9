"""The callback URL of a session: this project's webhook, ending in a token for that session."""

from __future__ import annotations

from django.urls import NoReverseMatch, reverse

from ..conf import Account
from ..exceptions import ConfigurationError
from ..rules.addresses import own_callback_faults
from ..rules.callback_tokens import sign


def callback_url(account: Account, client_reference_id: str) -> str:
    """Return the URL that Redpin is told for this session. It is a secret; it is never stored.

    Raises `ConfigurationError` where `WEBHOOK_BASE_URL` or `WEBHOOK_SECRETS` is missing or can't be
    used, or `django_redpin.urls` is not included.
    """
    token = sign(account.signing_secret, account.alias, client_reference_id)
    try:
        path = reverse("redpin:session-webhook", args=(account.alias, client_reference_id, token))
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
