"""System checks of the `REDPIN` settings: one id for each mistake, each with its cure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as WarningMessage
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from .accounts import (
    ACCOUNT_RESOLVER,
    ACCOUNTS,
    DEFAULT_ACCOUNT,
    account_aliases,
    account_resolver,
    redpin_settings,
)
from .conf import project_settings, raw_settings, unknown_names, wrong_names
from .csp_checks import policy_messages
from .exceptions import ConfigurationError
from .rules.addresses import is_secure_url, origin_faults, origin_of, own_callback_faults
from .shapes import DEFAULTS, PROJECT_SHAPES, SHAPES
from .webhooks.checks import weak_secrets, webhook_messages

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
# Redpin's addresses; this project's own is told by its own rule.
_URLS: Final = ("BASE_URL", "TOKEN_URL")
_CACHES_OF_ONE_PROCESS: Final = (
    "django.core.cache.backends.dummy.DummyCache",
    "django.core.cache.backends.locmem.LocMemCache",
)


@register(Tags.security)
def check_settings(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return what is missing, malformed or unsafe in `settings.REDPIN`."""
    try:
        aliases = account_aliases()
    except ConfigurationError as error:
        return [Error(str(error), hint="See the list of settings in the docs.", id="redpin.E001")]
    if not redpin_settings():
        hint = "Add REDPIN = {'CLIENT_ID': ..., 'CLIENT_SECRET': ..., ...} to the settings."
        return [Error("settings.REDPIN is missing or empty.", hint=hint, id="redpin.E001")]
    found: list[CheckMessage] = [*_project_messages()]
    for alias in aliases:
        try:
            found += _account_messages(alias, raw_settings(alias), has_others=_has_others(aliases))
        except ConfigurationError as error:
            found.append(Error(str(error), hint="Give a dict.", id="redpin.E001"))
    return [*found, *_resolver_messages(), *_url_messages(), *_time_messages()]


@register(Tags.security, deploy=True)
def check_deployment(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return what is fine on a laptop alone: a cache that each process has for itself."""
    try:
        named = [raw_settings(alias)["TOKEN_CACHE"] for alias in account_aliases()]
    except ConfigurationError:
        return []  # `check_settings` tells of it.
    return [
        WarningMessage(
            f"REDPIN['TOKEN_CACHE']: the cache {alias!r} is not shared by processes.",
            hint="With more than one process, web or worker, each asks for tokens of its own; name"
            " a cache that they share, such as Redis, Memcached or the database, or None if that is"
            " meant.",
            id="redpin.W003",
        )
        for alias, cache in settings.CACHES.items()
        if alias in named and cache.get("BACKEND") in _CACHES_OF_ONE_PROCESS
    ]


def _project_messages() -> Iterator[CheckMessage]:
    given = redpin_settings()
    for name, (is_right, cure) in PROJECT_SHAPES.items():
        if name in given and not is_right(given[name]):
            text = f"REDPIN[{name!r}] has a wrong type or value."
            yield Error(text, hint=cure, id="redpin.E003")


def _has_others(aliases: Collection[str]) -> bool:
    return len(aliases) > 1 or redpin_settings().get(ACCOUNT_RESOLVER) is not None


def _account_messages(
    alias: str, raw: Mapping[str, Any], *, has_others: bool
) -> Iterator[CheckMessage]:
    where = "REDPIN" if alias == DEFAULT_ACCOUNT else f"REDPIN['{ACCOUNTS}'][{alias!r}]"
    yield from _unknown_keys(where, raw)
    wrong = wrong_names(raw)
    for name in wrong:
        text = f"{where}[{name!r}] has a wrong type or value."
        yield Error(text, hint=SHAPES[name][1], id="redpin.E003")
    # Where all payments go through other accounts, the default one has no credentials.
    is_unused = alias == DEFAULT_ACCOUNT and has_others and not any(map(raw.get, _CREDENTIALS))
    if not is_unused:
        yield from _missing(where, raw, wrong)
    yield from _unsafe(where, raw, wrong)


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


def _unsafe(where: str, raw: Mapping[str, Any], wrong: Collection[str]) -> Iterator[CheckMessage]:
    loopback = bool(settings.DEBUG)
    for name in _URLS:
        if name in wrong or not raw[name]:
            continue
        if not is_secure_url(raw[name], allow_loopback=loopback):
            hint = "Begin it with https:// (http:// only to this machine, with DEBUG)."
            yield Error(f"{where}[{name!r}] is no secure URL.", hint=hint, id="redpin.E005")
        elif set(raw[name]) & {"?", "#"}:
            hint = "Leave out what begins with '?' or '#': a path is added to it."
            yield Error(f"{where}[{name!r}] is no plain address.", hint=hint, id="redpin.E005")
    if "WEBHOOK_BASE_URL" not in wrong and raw["WEBHOOK_BASE_URL"]:
        url = raw["WEBHOOK_BASE_URL"]
        for fault in own_callback_faults(url, "WEBHOOK_BASE_URL", allow_loopback=loopback):
            text = f"{where}['WEBHOOK_BASE_URL'] is no address that Redpin can post to."
            yield Error(text, hint=fault.message, id="redpin.E005")
    yield from webhook_messages(where, raw, wrong)
    yield from _unusable_origins(where, raw, wrong)


def _unusable_origins(
    where: str, raw: Mapping[str, Any], wrong: Collection[str]
) -> Iterator[CheckMessage]:
    if "ALLOWED_ORIGINS" not in wrong:
        for origin in raw["ALLOWED_ORIGINS"]:
            for fault in origin_faults(origin, "ALLOWED_ORIGINS"):
                text = f"{where}['ALLOWED_ORIGINS']: {origin!r} can't be used."
                yield Error(text, hint=fault.message, id="redpin.E007")
    if "HOSTED_PAGE_ORIGINS" not in wrong:
        for origin in raw["HOSTED_PAGE_ORIGINS"]:
            if origin_of(origin) != origin or not is_secure_url(
                origin, allow_loopback=bool(settings.DEBUG)
            ):
                text = f"{where}['HOSTED_PAGE_ORIGINS']: {origin!r} is no HTTPS origin."
                hint = "Write it as browsers do: https://host, lower case, no path, no final slash."
                yield Error(text, hint=hint, id="redpin.E008")
            elif "WEBHOOK_BASE_URL" not in wrong and origin == origin_of(raw["WEBHOOK_BASE_URL"]):
                text = f"{where}['HOSTED_PAGE_ORIGINS']: {origin!r} is this site's own origin."
                hint = "Take it out: a page of it could take its frame's sandbox off."
                yield Error(text, hint=hint, id="redpin.E008")


def _resolver_messages() -> Iterator[CheckMessage]:
    try:
        account_resolver()
    except ConfigurationError as error:
        yield Error(
            str(error),
            hint="Give the dotted path of a callable that takes an alias, such as"
            " 'shop.tenants.redpin_account'; importing its module shows what is wrong with it.",
            id="redpin.E010",
        )


def _time_messages() -> Iterator[CheckMessage]:
    if not settings.USE_TZ:
        text = "USE_TZ is False, but Redpin's times are aware: they can't be compared or kept."
        yield Error(text, hint="Set USE_TZ = True, which is Django's default.", id="redpin.E014")


def _url_messages() -> Iterator[CheckMessage]:
    try:
        reverse("redpin:account-webhook", args=("default", "token"))
    except NoReverseMatch:
        yield Error(
            "The webhook has no URL in this project.",
            hint="Add path('redpin/', include('django_redpin.urls')) to the project's URLs.",
            id="redpin.E009",
        )


@register(Tags.security)
def check_content_security_policy(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return what the project's content security policy would block of a page with a payment."""
    try:
        return [*policy_messages()] if redpin_settings() else []
    except ConfigurationError:
        return []  # `check_settings` tells.


@register(Tags.security)
def check_processing(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return what keeps webhooks from being processed, or kept, as the project's settings say."""
    try:
        project = project_settings()
    except ConfigurationError:
        return []  # `check_settings` tells.
    found: list[CheckMessage] = []
    if project.webhook_body_retention_days >= project.webhook_event_retention_days:
        text = "REDPIN['WEBHOOK_BODY_RETENTION_DAYS'] is not below 'WEBHOOK_EVENT_RETENTION_DAYS'."
        hint = "A body tells of people and goes first; the event's key tells copies for longer."
        found.append(Error(text, hint=hint, id="redpin.E015"))
    if project.webhook_processing == "django_task":
        found += _django_task_messages()
    return found


def _django_task_messages() -> Iterator[CheckMessage]:
    where = "REDPIN['WEBHOOK_PROCESSING'] is 'django_task', but"
    try:
        backend = import_string("django_redpin.django_tasks.process_event").get_backend()
    except ConfigurationError:
        text = f"{where} there is no django.tasks."
        hint = "Use Django 6, or install django-tasks beside Django 5.2; or set it to 'task'."
        yield Error(text, hint=hint, id="redpin.E016")
        return
    except Exception as error:  # noqa: BLE001  Whatever a stranger's backend raises.
        text = f"{where} TASKS['default'] can't be used ({type(error).__name__})."
        hint = "Name a backend that is installed, and the queue 'default' among its QUEUES."
        yield Error(text, hint=hint, id="redpin.E016")
        return
    name = type(backend).__name__
    if name == "DummyBackend":
        text = f"{where} TASKS['default'] is the DummyBackend, which runs nothing."
        hint = "Name a backend with a worker, such as that of django-tasks-db."
        yield Error(text, hint=hint, id="redpin.E016")
    if name == "ImmediateBackend":
        text = f"{where} TASKS['default'] is the ImmediateBackend: each webhook waits for Redpin."
        hint = "Name a backend with a worker, or set it to 'inline', which answers first."
        yield WarningMessage(text, hint=hint, id="redpin.W005")
