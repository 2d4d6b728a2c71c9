"""A typed, frozen view of `settings.REDPIN`, read lazily: never at import, never in a migration.

`get_account(alias)` is the only door; where an account's values come from is in `accounts.py`. What
is wrong in the settings is told by the system checks (`checks/`); here it raises
`ConfigurationError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from .accounts import DEFAULT_ACCOUNT as DEFAULT_ACCOUNT
from .accounts import (
    PROJECT_KEYS,
    account_aliases,
    made_of_settings,
    overrides,
    redpin_settings,
)
from .exceptions import ConfigurationError
from .rules.addresses import is_loopback, origin_of
from .rules.callback_tokens import is_strong
from .rules.requests import Policy
from .shapes import DEFAULTS, PROJECT_DEFAULTS, PROJECT_SHAPES, SHAPES


@dataclass(frozen=True, slots=True)
class Account:
    """The settings of one Redpin account. Time-outs in seconds."""

    alias: str
    base_url: str
    """Redpin's API."""
    sessions_path: str
    """The path of the calls that create and list sessions."""
    recipients_path: str
    """The path of the calls that add and list recipients."""
    token_url: str
    """The OAuth 2.0 token endpoint. Where `BASE_URL` is on this machine, the same path there."""
    client_id: str
    """The OAuth 2.0 client id, from Redpin's Partner Integrations Team. Required."""
    client_secret: str
    """The secret of `CLIENT_ID`. Required."""
    customer_id: str
    """Your customer id at Redpin. Required."""
    webhook_base_url: str
    """This site's public address, by HTTPS; with `DEBUG` this machine too. Required."""
    webhook_secrets: tuple[str, ...]
    """Each of at least 24 bytes. The first signs callback URLs, all are accepted. Required."""
    # The client keeps its tokens by account, and a dict has no hash.
    webhook_verifiers: tuple[Mapping[str, Any], ...] = field(hash=False)
    """What a post has to pass besides the token in its URL: dicts of `BACKEND` and `OPTIONS`.
    The page "Securing webhooks" lists them.
    """
    webhook_trust: str
    """`"confirm"`: what an event claims is asked for at Redpin before it is believed.
    `"verified"` believes what a signature covers, and needs a verifier of signatures.
    """
    webhook_trusted_proxies: tuple[str, ...]
    """The networks of your own proxies, whose `X-Forwarded-For` is believed; never its first
    hop.
    """
    webhook_max_body_bytes: int
    """In bytes. A larger post is refused before it is read."""
    allowed_origins: tuple[str, ...]
    """What `allowed_origins` of a session is, where the call says nothing. Without any, Redpin asks
    the payer for a one-time code.
    """
    hosted_page_origins: tuple[str, ...]
    """The origins whose pages may be put into the iframe."""
    purposes_of_transaction: tuple[str, ...] | None
    """The allowed purposes, or `None` for any."""
    reference_max_length: int
    """In characters; `36` for Redpin's newer API."""
    connect_timeout: float
    """In seconds, of each call: until there is a connection."""
    read_timeout: float
    """In seconds, of each call: from one byte of its answer to the next."""
    total_timeout: float
    """In seconds, of each call: from its start to the last byte of its answer, whatever trickles
    in. Only the system's own look-up of a name can add to it.
    """
    proxies: tuple[tuple[str, str], ...]
    """By scheme, spoken to over HTTP or HTTPS. Those of the environment are not used."""
    ca_bundle: str
    """The path of a file of certificates, where the usual ones are not enough."""
    token_cache: str | None
    """The alias in `CACHES` that shares access tokens, or `None` to keep them in memory alone. With
    Redis, Memcached or the database all processes make one token request; with another cache
    each makes its own.
    """

    def __repr__(self) -> str:
        return f"<Account {self.alias}>"

    @property
    def route(self) -> int:
        """What decides, beside the host, whether a host is reached: equal for equal ways there.

        A hash, good for this process alone: a proxy's address may hold a password.
        """
        timeouts = (self.connect_timeout, self.read_timeout, self.total_timeout)
        return hash((self.proxies, self.ca_bundle, timeouts))

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


def raw_settings(alias: str) -> dict[str, Any]:
    """Return the settings of one account: the defaults, `REDPIN`, and what overrides them.

    Raises as `overrides` does.
    """
    base = {key: value for key, value in redpin_settings().items() if key not in PROJECT_KEYS}
    given = {**base, **overrides(alias)}
    return {**DEFAULTS, **_tokens_of_this_machine(given.get("BASE_URL")), **given}


def _tokens_of_this_machine(base_url: object) -> dict[str, str]:
    """Return the `TOKEN_URL` of a Redpin on this machine, such as the sandbox.

    It gives tokens for itself; Redpin's own host is neither asked nor told the credentials.
    """
    origin = origin_of(base_url) if isinstance(base_url, str) else None
    if origin is None or not is_loopback(urlsplit(origin).hostname or ""):
        return {}
    return {"TOKEN_URL": str(base_url).rstrip("/") + urlsplit(DEFAULTS["TOKEN_URL"]).path}


def unknown_names(raw: Mapping[Any, Any]) -> list[str]:
    """Return the keys that no account has."""
    return sorted({str(name) for name in raw} - set(DEFAULTS))


def wrong_names(raw: Mapping[str, Any]) -> list[str]:
    """Return the keys whose values are of a wrong type or shape."""
    return [name for name, (is_right, _) in SHAPES.items() if not is_right(raw[name])]


def get_account(alias: str = DEFAULT_ACCOUNT) -> Account:
    """Return the settings of the account `alias`. They are read, or asked for, at each call.

    What the settings list is put together again only once they have changed.

    Raises `UnknownAccount` for an alias that is neither in `REDPIN["ACCOUNTS"]` nor known to the
    `ACCOUNT_RESOLVER`, and `ConfigurationError` for keys that nobody knows and for values of a
    wrong type: a server or a worker may never have run the system checks.
    """
    made = made_of_settings()
    found: Account | None = made.get(("account", alias)) if isinstance(alias, str) else None
    if found is None:
        found = _account(alias)
        # Not what a resolver says, and only what is made of those settings that were looked at.
        if alias in account_aliases() and made_of_settings() is made:
            made["account", alias] = found
    return found


@sensitive_variables()
def _account(alias: str) -> Account:
    raw = raw_settings(alias)
    # The values themselves stay out of the texts: they may be secrets.
    for name in unknown_names(raw):
        raise ConfigurationError(f"REDPIN has the unknown key {name!r:.80} for {alias!r}.")
    for name in wrong_names(raw):
        raise ConfigurationError(
            f"REDPIN[{name!r}] has a wrong type or value for the account {alias!r}."
            f" {SHAPES[name][1]}"
        )
    purposes = raw["PURPOSES_OF_TRANSACTION"]
    return Account(
        alias=alias,
        base_url=raw["BASE_URL"].rstrip("/"),
        sessions_path=raw["SESSIONS_PATH"],
        recipients_path=raw["RECIPIENTS_PATH"],
        token_url=raw["TOKEN_URL"],
        client_id=raw["CLIENT_ID"],
        client_secret=raw["CLIENT_SECRET"],
        customer_id=raw["CUSTOMER_ID"],
        webhook_base_url=raw["WEBHOOK_BASE_URL"].rstrip("/"),
        webhook_secrets=tuple(raw["WEBHOOK_SECRETS"]),
        webhook_verifiers=tuple(raw["WEBHOOK_VERIFIERS"]),
        webhook_trust=raw["WEBHOOK_TRUST"],
        webhook_trusted_proxies=tuple(raw["WEBHOOK_TRUSTED_PROXIES"]),
        webhook_max_body_bytes=raw["WEBHOOK_MAX_BODY_BYTES"],
        allowed_origins=tuple(raw["ALLOWED_ORIGINS"]),
        hosted_page_origins=tuple(raw["HOSTED_PAGE_ORIGINS"]),
        purposes_of_transaction=None if purposes is None else tuple(purposes),
        reference_max_length=raw["REFERENCE_MAX_LENGTH"],
        connect_timeout=float(raw["CONNECT_TIMEOUT"]),
        read_timeout=float(raw["READ_TIMEOUT"]),
        total_timeout=float(raw["TOTAL_TIMEOUT"]),
        proxies=tuple(sorted(raw["PROXIES"].items())),
        ca_bundle=raw["CA_BUNDLE"],
        token_cache=raw["TOKEN_CACHE"],
    )


@dataclass(frozen=True, slots=True)
class Project:
    """The settings that hold for all accounts. Retention in days, ages in seconds."""

    webhook_processing: str
    """Who does what can wait: Celery tasks, `"django_task"` for Django 6's tasks, or `"inline"`,
    after the answer in the web process. The page "Running with Celery" compares them.
    """
    webhook_body_retention_days: int
    """In days, after which the body of an event that is done is emptied."""
    webhook_event_retention_days: int
    """In days, after which such an event, by whose key repetitions are told, is deleted if no
    transition refers to it.
    """
    status_token_max_age: int
    """In seconds, how long the address of a session's status is good; from a minute to 31 days."""
    bank_details_keys: Sequence[str] = field(repr=False)
    """Fernet keys, the newest first, by which bank details, addresses and further details of payees
    are encrypted at rest; without any they are plain. The page "Data protection" tells how.
    """


def project_settings() -> Project:
    """Return what holds for the project as a whole.

    Raises `ConfigurationError` for a value of a wrong type, as `get_account` does.
    """
    made = made_of_settings()
    found: Project | None = made.get("project")
    if found is None:
        found = _project()
        if made_of_settings() is made:
            made["project"] = found
    return found


def _project() -> Project:
    given = redpin_settings()
    raw = {name: given.get(name, default) for name, default in PROJECT_DEFAULTS.items()}
    for name, (is_right, cure) in PROJECT_SHAPES.items():
        if not is_right(raw[name]):
            raise ConfigurationError(f"REDPIN[{name!r}] has a wrong type or value. {cure}")
    return Project(**{name.lower(): value for name, value in raw.items()})
