"""The settings in `REDPIN`: their names, their defaults, and what they have to look like."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from django.conf import settings

from .rules.networks import parsed_networks
from .rules.references import REFERENCE_MAX_LENGTH

# Redpin documents both hosts; the path of its sessions is documented for the list call.
DEFAULTS: Final[dict[str, Any]] = {
    "BASE_URL": "https://api.redpincompany.com",
    "SESSIONS_PATH": "/v1/customers/{customer_id}/sessions",
    "RECIPIENTS_PATH": "/v2/customers/{customer_id}/recipients",
    "TOKEN_URL": "https://api.currenciesdirect.com/auth/oauth/v2/token",
    "CLIENT_ID": "",
    "CLIENT_SECRET": "",
    "CUSTOMER_ID": "",
    "WEBHOOK_BASE_URL": "",
    "WEBHOOK_SECRETS": [],
    "WEBHOOK_VERIFIERS": [],
    "WEBHOOK_TRUST": "confirm",
    "WEBHOOK_TRUSTED_PROXIES": [],
    "WEBHOOK_MAX_BODY_BYTES": 64 * 1024,
    "ALLOWED_ORIGINS": [],
    "HOSTED_PAGE_ORIGINS": [],
    "PURPOSES_OF_TRANSACTION": None,
    "REFERENCE_MAX_LENGTH": REFERENCE_MAX_LENGTH,
    "CONNECT_TIMEOUT": 3.05,
    "READ_TIMEOUT": 10.0,
    "TOTAL_TIMEOUT": 15.0,
    "PROXIES": {},
    "CA_BUNDLE": "",
    "TOKEN_CACHE": "default",
}
# These hold for the project as a whole, not for one account.
PROJECT_DEFAULTS: Final[dict[str, Any]] = {
    "WEBHOOK_PROCESSING": "task",
    "WEBHOOK_BODY_RETENTION_DAYS": 30,
    "WEBHOOK_EVENT_RETENTION_DAYS": 90,
    "STATUS_TOKEN_MAX_AGE": 24 * 60 * 60,
    "BANK_DETAILS_KEYS": [],
}
_FERNET_KEY_BYTES: Final = 32
_SESSIONS_PATH: Final = re.compile(r"/[^{}?#]*\{customer_id\}[^{}?#]*")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_customer_id(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 64  # It is kept in a column.


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)


def _is_fernet_keys(value: object) -> bool:
    if not isinstance(value, (list, tuple)):
        return False
    with suppress(TypeError, ValueError):
        return all(
            isinstance(key, str) and len(urlsafe_b64decode(key)) == _FERNET_KEY_BYTES
            for key in value
        )
    return False


def _is_choice(value: object) -> bool:
    return value is None or (_is_list_of_text(value) and bool(value))


def _is_seconds(longest: float) -> Callable[[object], bool]:
    def is_right(value: object) -> bool:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and 0 < value <= longest  # type: ignore[operator]

    return is_right


def _is_proxies(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        scheme in ("http", "https")
        and isinstance(url, str)
        and url.startswith(("http://", "https://"))  # Past another kind, calls would go straight.
        for scheme, url in value.items()
    )


def _is_cache(value: object) -> bool:
    return value is None or (isinstance(value, str) and value in settings.CACHES)


def _is_length(value: object) -> bool:
    # A reference that is made here has 36 characters.
    return type(value) is int and 36 <= value <= REFERENCE_MAX_LENGTH


def _is_path(value: object) -> bool:
    return isinstance(value, str) and _SESSIONS_PATH.fullmatch(value) is not None


def _is_one_of(*words: str) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and value in words


def _is_whole(least: int, most: int) -> Callable[[object], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _is_networks(value: object) -> bool:
    try:
        parsed_networks(value)
    except ValueError:
        return False
    return True


def _is_verifiers(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(
        isinstance(each, Mapping)
        and set(each) <= {"BACKEND", "OPTIONS"}
        and isinstance(each.get("BACKEND"), str)
        and isinstance(each.get("OPTIONS", {}), Mapping)
        for each in value
    )


# What each value has to be, and how that is said.
SHAPES: Final[dict[str, tuple[Callable[[object], bool], str]]] = {
    "BASE_URL": (_is_text, "Give a string."),
    "SESSIONS_PATH": (_is_path, "Begin with a slash and hold {customer_id} once."),
    "RECIPIENTS_PATH": (_is_path, "Begin with a slash and hold {customer_id} once."),
    "TOKEN_URL": (_is_text, "Give a string."),
    "CLIENT_ID": (_is_text, "Give a string."),
    "CLIENT_SECRET": (_is_text, "Give a string."),
    "CUSTOMER_ID": (_is_customer_id, "Give a string of at most 64 characters."),
    "WEBHOOK_BASE_URL": (_is_text, "Give a string."),
    "WEBHOOK_SECRETS": (_is_list_of_text, "Give a list of strings."),
    "WEBHOOK_VERIFIERS": (
        _is_verifiers,
        'Give a list of dicts: {"BACKEND": "a dotted path", "OPTIONS": {...}}.',
    ),
    "WEBHOOK_TRUST": (_is_one_of("confirm", "verified"), 'Give "confirm" or "verified".'),
    "WEBHOOK_TRUSTED_PROXIES": (
        _is_networks,
        'Give a list of networks, such as ["10.0.0.0/8"], without host bits.',
    ),
    "WEBHOOK_MAX_BODY_BYTES": (
        _is_whole(1024, 16 * 1024 * 1024),
        "Give a number of bytes, from 1024 to 16 MiB.",
    ),
    "ALLOWED_ORIGINS": (_is_list_of_text, "Give a list of strings."),
    "HOSTED_PAGE_ORIGINS": (_is_list_of_text, "Give a list of strings."),
    "PURPOSES_OF_TRANSACTION": (_is_choice, "Give a list of strings, or None to allow any."),
    "REFERENCE_MAX_LENGTH": (_is_length, "Give a whole number from 36 to 100."),
    "CONNECT_TIMEOUT": (_is_seconds(10), "Give seconds, at most 10."),
    "READ_TIMEOUT": (_is_seconds(20), "Give seconds, at most 20."),
    "TOTAL_TIMEOUT": (_is_seconds(20), "Give seconds, at most 20."),
    "PROXIES": (_is_proxies, 'Give a dict such as {"https": "http://proxy.example:3128"}.'),
    "CA_BUNDLE": (_is_text, "Give the path of a file of certificates, or leave it empty."),
    "TOKEN_CACHE": (_is_cache, "Give an alias of CACHES, or None to keep tokens in memory alone."),
}
PROJECT_SHAPES: Final[dict[str, tuple[Callable[[object], bool], str]]] = {
    "WEBHOOK_PROCESSING": (
        _is_one_of("task", "django_task", "inline"),
        'Give "task" (Celery), "django_task" (Django 6) or "inline".',
    ),
    "WEBHOOK_BODY_RETENTION_DAYS": (_is_whole(1, 36500), "Give a number of days."),
    "WEBHOOK_EVENT_RETENTION_DAYS": (_is_whole(30, 36500), "Give a number of days, 30 or more."),
    "STATUS_TOKEN_MAX_AGE": (
        _is_whole(60, 31 * 24 * 60 * 60),
        "Give a whole number of seconds, from a minute to 31 days.",
    ),
    "BANK_DETAILS_KEYS": (
        _is_fernet_keys,
        "Give a list of Fernet keys, the newest first; one is made with:"
        " python -c 'from cryptography.fernet import Fernet;"
        " print(Fernet.generate_key().decode())'",
    ),
}
