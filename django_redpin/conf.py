"""A typed, frozen view of `settings.REDPIN`, read lazily: never at import, never in a migration.

`get_account(alias)` is the only door. What is wrong in the settings is told by the system checks
(`checks.py`); here it raises `ConfigurationError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final

from django.conf import settings

from .exceptions import ConfigurationError
from .rules.callback_tokens import is_strong
from .rules.references import REFERENCE_MAX_LENGTH
from .rules.requests import Policy

DEFAULT_ACCOUNT: Final = "default"

# Redpin documents both hosts; the path of its sessions is documented for the list call.
DEFAULTS: Final[dict[str, Any]] = {
    "BASE_URL": "https://api.redpincompany.com",
    "SESSIONS_PATH": "/v1/customers/{customer_id}/sessions",
    "TOKEN_URL": "https://api.currenciesdirect.com/auth/oauth/v2/token",
    "CLIENT_ID": "",
    "CLIENT_SECRET": "",
    "CUSTOMER_ID": "",
    "WEBHOOK_BASE_URL": "",
    "WEBHOOK_SECRETS": [],
    "ALLOWED_ORIGINS": [],
    "HOSTED_PAGE_ORIGINS": [],
    "PURPOSES_OF_TRANSACTION": None,
    "REFERENCE_MAX_LENGTH": REFERENCE_MAX_LENGTH,
    "CONNECT_TIMEOUT": 3.05,
    "READ_TIMEOUT": 10.0,
}
ACCOUNTS: Final = "ACCOUNTS"


@dataclass(frozen=True, slots=True)
class Account:
    """The settings of one Redpin account. Time-outs in seconds."""

    alias: str
    base_url: str
    sessions_path: str
    token_url: str
    client_id: str
    client_secret: str
    customer_id: str
    webhook_base_url: str
    webhook_secrets: tuple[str, ...]
    allowed_origins: tuple[str, ...]
    hosted_page_origins: tuple[str, ...]
    purposes_of_transaction: tuple[str, ...] | None
    reference_max_length: int
    connect_timeout: float
    read_timeout: float

    def __repr__(self) -> str:
        return f"<Account {self.alias}>"

    @property
    def signing_secret(self) -> str:
        """The secret that signs new callback URLs: the first of `WEBHOOK_SECRETS`.

        Raises `ConfigurationError` where there is none, or a weak one.
        """
        if not self.webhook_secrets or not is_strong(self.webhook_secrets[0]):
            raise ConfigurationError(
                "REDPIN['WEBHOOK_SECRETS'] needs a first secret of at least 24 bytes; make one"
                " with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
            )
        return self.webhook_secrets[0]

    def required(self, name: str) -> str:
        """Return the setting of this field's name, or raise `ConfigurationError` if it is empty."""
        value = str(getattr(self, name))
        if not value:
            raise ConfigurationError(
                f"REDPIN[{name.upper()!r}] is not set for the account {self.alias!r}."
            )
        return value

    def policy(self) -> Policy:
        """Return what the rules have to know of this account, with today's date in UTC."""
        return Policy(
            today=datetime.now(timezone.utc).date(),
            purposes=self.purposes_of_transaction,
            reference_max_length=self.reference_max_length,
            allow_loopback=bool(settings.DEBUG),
        )


def redpin_settings() -> Mapping[str, Any]:
    """Return `settings.REDPIN` as the project wrote it, or an empty dict."""
    found = getattr(settings, "REDPIN", {})
    if not isinstance(found, Mapping):
        raise ConfigurationError("settings.REDPIN has to be a dict.")
    return found


def account_aliases() -> list[str]:
    """Return the alias of every account, `default` first."""
    accounts = redpin_settings().get(ACCOUNTS) or {}
    if not isinstance(accounts, Mapping):
        raise ConfigurationError("REDPIN['ACCOUNTS'] has to be a dict of dicts, by alias.")
    return [DEFAULT_ACCOUNT, *(alias for alias in accounts if alias != DEFAULT_ACCOUNT)]


def raw_settings(alias: str) -> dict[str, Any]:
    """Return the settings of one account: the defaults, `REDPIN`, and its entry in `ACCOUNTS`."""
    base = {key: value for key, value in redpin_settings().items() if key != ACCOUNTS}
    own = (redpin_settings().get(ACCOUNTS) or {}).get(alias, {})
    if not isinstance(own, Mapping):
        raise ConfigurationError(f"REDPIN['ACCOUNTS'][{alias!r}] has to be a dict.")
    return {**DEFAULTS, **base, **own}


def get_account(alias: str = DEFAULT_ACCOUNT) -> Account:
    """Return the settings of the account `alias`.

    Raises `ConfigurationError` for an alias that is not in `REDPIN["ACCOUNTS"]`, and for values
    of a wrong type.
    """
    if alias not in account_aliases():
        raise ConfigurationError(f"REDPIN['ACCOUNTS'] has no account {alias!r}.")
    raw = raw_settings(alias)
    try:
        purposes = raw["PURPOSES_OF_TRANSACTION"]
        return Account(
            alias=alias,
            base_url=str(raw["BASE_URL"]).rstrip("/"),
            sessions_path=str(raw["SESSIONS_PATH"]),
            token_url=str(raw["TOKEN_URL"]),
            client_id=str(raw["CLIENT_ID"]),
            client_secret=str(raw["CLIENT_SECRET"]),
            customer_id=str(raw["CUSTOMER_ID"]),
            webhook_base_url=str(raw["WEBHOOK_BASE_URL"]).rstrip("/"),
            webhook_secrets=_strings(raw["WEBHOOK_SECRETS"]),
            allowed_origins=_strings(raw["ALLOWED_ORIGINS"]),
            hosted_page_origins=_strings(raw["HOSTED_PAGE_ORIGINS"]),
            purposes_of_transaction=None if purposes is None else _strings(purposes),
            reference_max_length=int(raw["REFERENCE_MAX_LENGTH"]),
            connect_timeout=float(raw["CONNECT_TIMEOUT"]),
            read_timeout=float(raw["READ_TIMEOUT"]),
        )
    except (TypeError, ValueError):
        # The value itself stays out of the text: it may be a secret.
        raise ConfigurationError(
            f"A value in REDPIN for the account {alias!r} has a wrong type; `manage.py check`"
            " says which."
        ) from None


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        raise TypeError
    return tuple(value)
