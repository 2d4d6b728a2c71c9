"""What the system checks find in the settings of one account."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as WarningMessage

from ..accounts import ACCOUNTS, DEFAULT_ACCOUNT
from ..conf import unknown_names, wrong_names
from ..shapes import DEFAULTS, SHAPES
from ..webhooks.checks import weak_secrets, webhook_messages
from .addresses import address_messages

_ISSUED: Final = "Redpin's Partner Integrations Team issues the credentials and the customer id."
_DOCUMENTED: Final = "Leave it out, and Redpin's documented address is used."
_REQUIRED: Final = {
    "BASE_URL": _DOCUMENTED,
    "TOKEN_URL": _DOCUMENTED,
    "CLIENT_ID": _ISSUED,
    "CLIENT_SECRET": _ISSUED,
    "CUSTOMER_ID": _ISSUED,
    "WEBHOOK_BASE_URL": "Give this site's public address, such as https://example.com.",
}
_CREDENTIALS: Final = ("CLIENT_ID", "CLIENT_SECRET", "CUSTOMER_ID")


def account_place(alias: str) -> str:
    """Return where an account's settings stand, as messages name them."""
    return "REDPIN" if alias == DEFAULT_ACCOUNT else f"REDPIN['{ACCOUNTS}'][{alias!r}]"


def account_messages(
    alias: str, raw: Mapping[str, Any], *, has_others: bool
) -> Iterator[CheckMessage]:
    """Yield what is missing, malformed or unsafe in an account's settings."""
    where = account_place(alias)
    yield from _unknown_keys(where, raw)
    wrong = wrong_names(raw)
    for name in wrong:
        text = f"{where}[{name!r}] has a wrong type or value."
        yield Error(text, hint=SHAPES[name][1], id="redpin.E003")
    # Where all payments go through other accounts, the default one has no credentials.
    is_unused = alias == DEFAULT_ACCOUNT and has_others and not any(map(raw.get, _CREDENTIALS))
    if not is_unused:
        yield from _missing(where, raw, wrong)
    yield from address_messages(where, raw, wrong)
    yield from webhook_messages(where, raw, wrong)


def _unknown_keys(where: str, raw: Mapping[str, Any]) -> Iterator[CheckMessage]:
    for name in unknown_names(raw):
        hint = f"Known are: {', '.join(sorted(DEFAULTS))}."
        yield Error(f"{where} has an unknown key {name!r}.", hint=hint, id="redpin.E002")


def _missing(where: str, raw: Mapping[str, Any], wrong: Collection[str]) -> Iterator[CheckMessage]:
    for name, hint in _REQUIRED.items():
        if name not in wrong and not raw[name].strip():
            yield Error(f"{where}[{name!r}] is not set.", hint=hint, id="redpin.E004")
    if "WEBHOOK_SECRETS" not in wrong and not raw["WEBHOOK_SECRETS"]:
        yield weak_secrets(where)
    if "HOSTED_PAGE_ORIGINS" not in wrong and not raw["HOSTED_PAGE_ORIGINS"]:
        yield WarningMessage(
            f"{where}['HOSTED_PAGE_ORIGINS'] is empty, so no hosted page will be shown.",
            hint="List the origins of the session URLs that Redpin gives you, such as"
            " https://pay.example.com.",
            id="redpin.W001",
        )
