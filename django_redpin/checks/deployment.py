"""What is fine on a laptop alone: a sandbox, its secrets, a cache of one process, DEBUG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as WarningMessage

from ..accounts import account_aliases
from ..conf import raw_settings
from ..exceptions import ConfigurationError
from ..rules.addresses import is_loopback, origin_of
from .accounts import account_place

# They stand in this package's own example and docs, for anybody to read.
PUBLISHED_SECRETS: Final = frozenset(
    {"for-a-laptop-only", "for-a-laptop-only-" * 2, "a-secret-for-this-machine"}
)
_CACHES_OF_ONE_PROCESS: Final = (
    "django.core.cache.backends.dummy.DummyCache",
    "django.core.cache.backends.locmem.LocMemCache",
)
# By setting: what it has to name instead of this machine.
_ADDRESSES: Final = {
    "BASE_URL": "Leave it out, and Redpin's documented address is used.",
    "TOKEN_URL": "Leave it out, and Redpin's documented address is used.",
    "WEBHOOK_BASE_URL": "Give this site's public address, such as https://example.com.",
    "HOSTED_PAGE_ORIGINS": "List the origins of the session URLs that Redpin gives you.",
}
_SECRETS: Final = ("CLIENT_SECRET", "WEBHOOK_SECRETS")


@register(Tags.security, deploy=True)
def check_deployment(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return where tokens are cached for one process alone."""
    named = {raw["TOKEN_CACHE"] for raw in _accounts().values() if _is_text(raw["TOKEN_CACHE"])}
    return [
        Error(
            f"REDPIN['TOKEN_CACHE']: the cache {alias!r} is not shared by processes.",
            hint="With more than one process, web or worker, each asks for tokens of its own; name"
            " a cache that they share, such as Redis, Memcached or the database, or None if that is"
            " meant.",
            id="redpin.E023",
        )
        for alias, cache in settings.CACHES.items()
        if alias in named and cache.get("BACKEND") in _CACHES_OF_ONE_PROCESS
    ]


@register(Tags.security, deploy=True)
def check_sandbox(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return what is left of the sandbox, which takes any payment for made, in a deployment."""
    found: list[CheckMessage] = []
    if apps.is_installed("django_redpin.sandbox"):
        text = "INSTALLED_APPS holds 'django_redpin.sandbox', whose payments are made up."
        hint = "Take it out; manage.py redpin_sandbox and python -m django_redpin.sandbox run it."
        found.append(Error(text, hint=hint, id="redpin.E020"))
    for alias, raw in _accounts().items():
        where = account_place(alias)
        found += _of_this_machine(where, raw)
        found += _published(where, raw)
    return found


@register(Tags.security, deploy=True)
def check_debug(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return whether DEBUG is on though real money is moved."""
    is_live = any(
        raw["CLIENT_SECRET"] and not _is_here(raw["BASE_URL"]) for raw in _accounts().values()
    )
    if not (settings.DEBUG and is_live):
        return []
    return [
        WarningMessage(
            "DEBUG is True, and REDPIN has the credentials of a Redpin that is not a sandbox.",
            hint="Set DEBUG = False: its error pages show settings and payers' data to strangers.",
            id="redpin.W010",
        )
    ]


def _accounts() -> dict[str, dict[str, Any]]:
    try:
        return {alias: raw_settings(alias) for alias in account_aliases()}
    except ConfigurationError:
        return {}  # `check_settings` tells of it.


def _of_this_machine(where: str, raw: Mapping[str, Any]) -> Iterator[CheckMessage]:
    for name, hint in _ADDRESSES.items():
        if any(map(_is_here, _listed(raw[name]))):
            text = f"{where}[{name!r}] leads to this machine, as for a sandbox."
            yield Error(text, hint=hint, id="redpin.E021")


def _published(where: str, raw: Mapping[str, Any]) -> Iterator[CheckMessage]:
    for name in _SECRETS:
        if PUBLISHED_SECRETS.intersection(filter(_is_text, _listed(raw[name]))):
            yield Error(
                f"{where}[{name!r}] holds a secret of an example, which everybody knows.",
                hint="Use Redpin's own credentials; make a webhook secret with: python -c 'import"
                " secrets; print(secrets.token_urlsafe(32))'.",
                id="redpin.E022",
            )


def _listed(value: object) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else [value]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_here(url: object) -> bool:
    origin = origin_of(url) if isinstance(url, str) else None
    return origin is not None and is_loopback(urlsplit(origin).hostname or "")
