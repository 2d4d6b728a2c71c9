"""System checks of the `REDPIN` settings: one id for each mistake, each with its cure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as WarningMessage
from django.urls import NoReverseMatch, reverse

from .conf import ACCOUNTS, DEFAULTS, account_aliases, raw_settings, redpin_settings
from .exceptions import ConfigurationError
from .rules.addresses import is_secure_url, origin_faults, origin_of
from .rules.callback_tokens import SECRET_MIN_BYTES, is_strong

_REQUIRED: Final = ("CLIENT_ID", "CLIENT_SECRET", "CUSTOMER_ID", "WEBHOOK_BASE_URL")
_URLS: Final = ("BASE_URL", "TOKEN_URL", "WEBHOOK_BASE_URL")
_TEXTS: Final = ("BASE_URL", "TOKEN_URL", "SESSIONS_PATH", *_REQUIRED)
_LISTS: Final = ("WEBHOOK_SECRETS", "ALLOWED_ORIGINS", "HOSTED_PAGE_ORIGINS")


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
    found: list[CheckMessage] = []
    for alias in aliases:
        try:
            found += _account_messages(alias, raw_settings(alias))
        except ConfigurationError as error:
            found.append(Error(str(error), hint="Give a dict.", id="redpin.E001"))
    return found + list(_url_messages())


def _account_messages(alias: str, raw: Mapping[str, Any]) -> Iterator[CheckMessage]:
    where = "REDPIN" if alias == "default" else f"REDPIN['{ACCOUNTS}'][{alias!r}]"
    yield from _unknown_keys(where, raw)
    wrong = {name for name in _TEXTS if not isinstance(raw[name], str)}
    wrong |= {name for name in _LISTS if not _is_list_of_text(raw[name])}
    if raw["PURPOSES_OF_TRANSACTION"] is not None and not _is_list_of_text(
        raw["PURPOSES_OF_TRANSACTION"]
    ):
        wrong.add("PURPOSES_OF_TRANSACTION")
    wrong |= {name for name in ("CONNECT_TIMEOUT", "READ_TIMEOUT") if not _is_seconds(raw[name])}
    if (
        not isinstance(raw["REFERENCE_MAX_LENGTH"], int)
        or not 1 <= raw["REFERENCE_MAX_LENGTH"] <= 100
    ):
        wrong.add("REFERENCE_MAX_LENGTH")
    for name in sorted(wrong):
        default = DEFAULTS[name]
        hint = f"It should look like its default, {default!r}." if default else _SHAPES.get(name)
        yield Error(f"{where}[{name!r}] has a wrong type or value.", hint=hint, id="redpin.E003")
    yield from _missing(where, raw, wrong)
    yield from _unsafe(where, raw, wrong)


_SHAPES: Final = {
    **dict.fromkeys(_LISTS, "Give a list of strings."),
    **dict.fromkeys(_REQUIRED, "Give a string."),
    "PURPOSES_OF_TRANSACTION": "Give a list of strings, or None to accept any purpose.",
}


def _unknown_keys(where: str, raw: Mapping[str, Any]) -> Iterator[CheckMessage]:
    for name in sorted(set(map(str, raw)) - set(DEFAULTS)):
        hint = f"Known are: {', '.join(sorted(DEFAULTS))}."
        yield Error(f"{where} has an unknown key {name!r}.", hint=hint, id="redpin.E002")


def _missing(where: str, raw: Mapping[str, Any], wrong: set[str]) -> Iterator[CheckMessage]:
    for name in _REQUIRED:
        if name not in wrong and not raw[name].strip():
            hint = "Redpin's Partner Integrations Team issues the credentials and the customer id."
            if name == "WEBHOOK_BASE_URL":
                hint = "Give this site's public address, such as https://example.com."
            yield Error(f"{where}[{name!r}] is not set.", hint=hint, id="redpin.E004")
    if "HOSTED_PAGE_ORIGINS" not in wrong and not raw["HOSTED_PAGE_ORIGINS"]:
        yield WarningMessage(
            f"{where}['HOSTED_PAGE_ORIGINS'] is empty, so no hosted page will be shown.",
            hint="List the origins of the session URLs that Redpin gives you, such as"
            " https://pay.example.com.",
            id="redpin.W001",
        )


def _unsafe(where: str, raw: Mapping[str, Any], wrong: set[str]) -> Iterator[CheckMessage]:
    loopback = bool(settings.DEBUG)
    for name in _URLS:
        if (
            name not in wrong
            and raw[name]
            and not is_secure_url(raw[name], allow_loopback=loopback)
        ):
            hint = "Begin it with https:// (http:// only to this machine, with DEBUG)."
            yield Error(f"{where}[{name!r}] is no secure URL.", hint=hint, id="redpin.E005")
    if "WEBHOOK_SECRETS" not in wrong:
        secrets = raw["WEBHOOK_SECRETS"]
        if not secrets or not all(is_strong(secret) for secret in secrets):
            yield Error(
                f"{where}['WEBHOOK_SECRETS'] needs secrets of at least {SECRET_MIN_BYTES} bytes.",
                hint="Make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'."
                " The first signs new callback URLs, the others are still accepted.",
                id="redpin.E006",
            )
    yield from _unusable_origins(where, raw, wrong)


def _unusable_origins(
    where: str, raw: Mapping[str, Any], wrong: set[str]
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


def _url_messages() -> Iterator[CheckMessage]:
    try:
        reverse("redpin:account-webhook", args=("default", "token"))
    except NoReverseMatch:
        yield Error(
            "The webhook has no URL in this project.",
            hint="Add path('redpin/', include('django_redpin.urls')) to the project's URLs.",
            id="redpin.E009",
        )


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)


def _is_seconds(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 600
