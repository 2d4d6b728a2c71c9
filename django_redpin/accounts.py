"""Which accounts there are, and where what they override comes from.

The settings list them in `REDPIN["ACCOUNTS"]`, as `DATABASES` does; for a merchant whose tenants
live in a database, `REDPIN["ACCOUNT_RESOLVER"]` looks them up. What a setting has to look like is
in `conf.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final, cast

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from .exceptions import ConfigurationError, UnknownAccount
from .exceptions.interrupts import is_interrupt
from .shapes import PROJECT_DEFAULTS

DEFAULT_ACCOUNT: Final = "default"

# These hold for the project as a whole, not for one account.
ACCOUNTS: Final = "ACCOUNTS"
"""Further accounts: dicts by alias, whose keys override those of the project, as `DATABASES` does.
The page "Several accounts" shows some.
"""
ACCOUNT_RESOLVER: Final = "ACCOUNT_RESOLVER"
"""The dotted path of a callable that finds accounts which are not in `ACCOUNTS`: it takes an alias
and returns such a dict, or `None`.
"""
PROJECT_KEYS: Final = frozenset({ACCOUNTS, ACCOUNT_RESOLVER, *PROJECT_DEFAULTS})

Resolver = Callable[[str], "Mapping[str, Any] | None"]

# An alias stands in the webhook's URL and in a column.
_ALIAS: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DOTTED_PATH: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)


def redpin_settings() -> Mapping[str, Any]:
    """Return `settings.REDPIN` as the project wrote it, or an empty dict."""
    found = getattr(settings, "REDPIN", {})
    if not isinstance(found, (dict, Mapping)):  # A dict is told at once, by its class.
        raise ConfigurationError("settings.REDPIN has to be a dict.")
    return found


# --- What is made of the settings -----------------------------------------------------------------
# A dict or a list may be changed where it is, and is copied; of these, an equal one is the same.
_PLAIN: Final = frozenset({str, int, float, bool, bytes, type(None)})


class _Made:
    """What was made of `settings.REDPIN`, and a copy of that, which tells whether it still is."""

    def __init__(self, of: object) -> None:
        self.of = of
        self.things: dict[Hashable, Any] = {}


_made = _Made(None)


def made_of_settings() -> dict[Hashable, Any]:
    """Return where to keep what is made of `settings.REDPIN`: another one once that has changed.

    It may be assigned anew or changed in place, at any time. To compare it with what it was takes
    a microsecond, to check each value some dozens. Where it holds what might change without its
    being seen here, such as a mapping that reads a file, this is an empty one each time.
    """
    global _made
    found = redpin_settings()
    made = _made
    if made.of != found:
        try:
            made = _made = _Made(_copied(found))
        except TypeError:
            return {}
    return made.things


def _copied(value: object) -> object:
    if type(value) is dict:
        return {_copied(key): _copied(inner) for key, inner in value.items()}
    if type(value) is list or type(value) is tuple:
        return type(value)(map(_copied, value))
    if type(value) in _PLAIN:
        return value
    raise TypeError


def _forget(**kwargs: object) -> None:
    """Forget what was made. For tests: 1 and True are equal, and other settings are read, too."""
    global _made
    _made = _Made(None)


setting_changed.connect(_forget, dispatch_uid="django_redpin.accounts")


# --- Accounts -------------------------------------------------------------------------------------
def account_aliases() -> list[str]:
    """Return the alias of every account in the settings, `default` first.

    Raises `ConfigurationError` for one that can't stand in a URL, and for two that differ in case
    alone: to some databases the rows of both are those of one account.
    """
    accounts = redpin_settings().get(ACCOUNTS) or {}
    if not isinstance(accounts, Mapping):
        raise ConfigurationError("REDPIN['ACCOUNTS'] has to be a dict of dicts, by alias.")
    for alias in accounts:
        if not isinstance(alias, str) or not _ALIAS.fullmatch(alias):
            raise ConfigurationError(
                f"REDPIN['ACCOUNTS'] has the alias {alias!r}; use 1 to 64 letters, digits, '-' and"
                " '_'."
            )
    aliases = [DEFAULT_ACCOUNT, *(alias for alias in accounts if alias != DEFAULT_ACCOUNT)]
    if len({alias.lower() for alias in aliases}) < len(aliases):
        raise ConfigurationError("REDPIN['ACCOUNTS'] has aliases that differ in case alone.")
    return aliases


def account_resolver() -> Resolver | None:
    """Return the callable that `ACCOUNT_RESOLVER` names, or None.

    Raises `ConfigurationError` where it is no dotted path, or leads to no callable.
    """
    path = redpin_settings().get(ACCOUNT_RESOLVER)
    if path is None:
        return None
    if not isinstance(path, str) or not _DOTTED_PATH.fullmatch(path):
        raise ConfigurationError(f"REDPIN[{ACCOUNT_RESOLVER!r}] has to be a dotted path, or None.")
    try:
        resolver: object = import_string(path)
    except Exception as error:
        if is_interrupt(error):
            raise
        raise ConfigurationError(
            f"REDPIN[{ACCOUNT_RESOLVER!r}]: {path} can't be imported ({type(error).__name__})."
        ) from None
    if not callable(resolver):
        raise ConfigurationError(f"REDPIN[{ACCOUNT_RESOLVER!r}]: {path} can't be called.")
    return cast("Resolver", resolver)


def overrides(alias: str) -> Mapping[str, Any]:
    """Return what an account says of itself: its entry in `ACCOUNTS`, else what the resolver says.

    Raises `UnknownAccount` where neither knows the alias, and `ConfigurationError` where what
    they say is no dict, or the resolver fails.
    """
    return _listed(alias) if alias in account_aliases() else _resolved(alias)


def _listed(alias: str) -> Mapping[str, Any]:
    own = (redpin_settings().get(ACCOUNTS) or {}).get(alias, {})
    if not isinstance(own, Mapping):
        raise ConfigurationError(f"REDPIN['ACCOUNTS'][{alias!r}] has to be a dict.")
    return own


def _resolved(alias: str) -> Mapping[str, Any]:
    unknown = UnknownAccount(f"REDPIN['ACCOUNTS'] has no account {alias!r:.80}.")
    # A webhook's URL carries the alias, so anybody may ask for any; and where a database ignores
    # case, another spelling of a listed one would lead to its rows.
    if not isinstance(alias, str) or not _ALIAS.fullmatch(alias):
        raise unknown
    if alias.lower() in {listed.lower() for listed in account_aliases()}:
        raise unknown
    resolver = account_resolver()
    if resolver is None:
        raise unknown
    where = f"REDPIN[{ACCOUNT_RESOLVER!r}], {redpin_settings()[ACCOUNT_RESOLVER]}"
    try:
        found = resolver(alias)
        own = dict(found) if isinstance(found, Mapping) else None
    except Exception as error:
        if is_interrupt(error):
            raise
        raise ConfigurationError(
            f"{where}, failed for the account {alias!r} ({type(error).__name__})."
        ) from None
    if found is None:
        raise UnknownAccount(f"{where}, knows no account {alias!r}.")
    if own is None:
        raise ConfigurationError(f"{where}, has to return a dict, or None.")
    return own
