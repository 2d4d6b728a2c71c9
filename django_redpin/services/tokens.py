"""Can Redpin be spoken to? The first thing that it asks for is an access token."""

from __future__ import annotations

from ..accounts import DEFAULT_ACCOUNT
from ..client import RedpinClient
from ..conf import get_account


def require_token(account: str = DEFAULT_ACCOUNT) -> None:
    """See that the account has an access token. One that is at hand costs no call.

    Args:
        account: An alias of `ACCOUNTS`, or one that the `ACCOUNT_RESOLVER` knows.

    Raises:
        AuthenticationError: The credentials are refused.
        NotSent: No token can be had.
        ConfigurationError: There is no such alias, or the settings allow no call.
    """
    RedpinClient(get_account(account)).require_token()
