"""E30: each setting missing, empty, of a wrong type, with a slash, by HTTP, with a Unicode host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pytest
from django.core.checks import Error
from pytest_django import Settings

from django_redpin.accounts import ACCOUNT_RESOLVER, ACCOUNTS, PROJECT_KEYS
from django_redpin.checks import check_processing, check_settings
from django_redpin.conf import get_account, project_settings
from django_redpin.exceptions import ConfigurationError
from django_redpin.shapes import DEFAULTS, PROJECT_DEFAULTS

FINE: Final = ""  # No message at all.
SHAPE: Final = "redpin.E003"


@dataclass(frozen=True)
class Row:
    """What is said of a setting that is missing, and of one that is empty in its own type."""

    missing: str
    empty: str
    nothing: Any = ""
    none: str = SHAPE


# By setting. One that is not here fails `test_e30_the_table_knows_every_setting`.
ROWS: Final[dict[str, Row]] = {
    "BASE_URL": Row(FINE, "redpin.E004"),
    "SESSIONS_PATH": Row(FINE, SHAPE),
    "RECIPIENTS_PATH": Row(FINE, SHAPE),
    "TOKEN_URL": Row(FINE, "redpin.E004"),
    "CLIENT_ID": Row("redpin.E004", "redpin.E004"),
    "CLIENT_SECRET": Row("redpin.E004", "redpin.E004"),
    "CUSTOMER_ID": Row("redpin.E004", "redpin.E004"),
    "WEBHOOK_BASE_URL": Row("redpin.E004", "redpin.E004"),
    "WEBHOOK_SECRETS": Row("redpin.E006", "redpin.E006", []),
    "WEBHOOK_VERIFIERS": Row(FINE, FINE, []),
    "WEBHOOK_TRUST": Row(FINE, SHAPE),
    "WEBHOOK_TRUSTED_PROXIES": Row(FINE, FINE, []),
    "WEBHOOK_MAX_BODY_BYTES": Row(FINE, SHAPE, 0),
    "ALLOWED_ORIGINS": Row(FINE, FINE, []),
    "HOSTED_PAGE_ORIGINS": Row("redpin.W001", "redpin.W001", []),
    "PURPOSES_OF_TRANSACTION": Row(FINE, SHAPE, [], none=FINE),
    "REFERENCE_MAX_LENGTH": Row(FINE, SHAPE, 0),
    "CONNECT_TIMEOUT": Row(FINE, SHAPE, 0),
    "READ_TIMEOUT": Row(FINE, SHAPE, 0),
    "TOTAL_TIMEOUT": Row(FINE, SHAPE, 0),
    "PROXIES": Row(FINE, FINE, {}),
    "CA_BUNDLE": Row(FINE, FINE),
    "TOKEN_CACHE": Row(FINE, SHAPE, none=FINE),
    "WEBHOOK_PROCESSING": Row(FINE, SHAPE),
    "WEBHOOK_BODY_RETENTION_DAYS": Row(FINE, SHAPE, 0),
    "WEBHOOK_EVENT_RETENTION_DAYS": Row(FINE, SHAPE, 0),
    "STATUS_TOKEN_MAX_AGE": Row(FINE, SHAPE, 0),
    "BANK_DETAILS_KEYS": Row(FINE, FINE, []),
    ACCOUNTS: Row(FINE, FINE, {}, none=FINE),
    ACCOUNT_RESOLVER: Row(FINE, "redpin.E010", none=FINE),
}
# Of an address: with a final slash, by HTTP, with a host that is not ASCII.
ADDRESSES: Final[dict[str, tuple[str, str, str]]] = {
    "BASE_URL": (FINE, "redpin.E005", "redpin.E005"),
    "TOKEN_URL": (FINE, "redpin.E005", "redpin.E005"),
    "WEBHOOK_BASE_URL": (FINE, "redpin.E005", "redpin.E005"),
    "ALLOWED_ORIGINS": ("redpin.E007", "redpin.E007", "redpin.E007"),
    "HOSTED_PAGE_ORIGINS": ("redpin.E008", "redpin.E008", "redpin.E008"),
}
URLS: Final = ("https://shop.example/", "http://shop.example", "https://sh\u00f6p.example")


@pytest.fixture(autouse=True)
def _as_a_project_writes_it(settings: Settings) -> None:
    """No address of Redpin's, so that one that is missing is the documented one."""
    left = ("BASE_URL", "TOKEN_URL")
    settings.REDPIN = {name: v for name, v in settings.REDPIN.items() if name not in left}


def told(settings: Settings, spoilt: dict[str, Any]) -> str:
    """Return the one id that is told; see that what can't be used is an Error, and told as one."""
    settings.REDPIN = spoilt
    found = [*check_settings(), *check_processing()]
    assert all(message.hint for message in found)
    errors = [message for message in found if isinstance(message, Error)]
    try:
        get_account()
        project_settings()
    except ConfigurationError:
        assert errors, "It can't be used, and no check tells."
    names = {str(message.id) for message in found}
    assert len(names) <= 1
    return names.pop() if names else FINE


def test_e30_the_table_knows_every_setting() -> None:
    assert set(ROWS) == {*DEFAULTS, *PROJECT_DEFAULTS, *PROJECT_KEYS}
    by_url = {name for name, value in DEFAULTS.items() if "ORIGINS" in name or "_URL" in name}
    assert set(ADDRESSES) == by_url


@pytest.mark.parametrize("name", sorted(ROWS))
def test_e30_a_setting_that_is_missing(settings: Settings, name: str) -> None:
    others = {key: value for key, value in settings.REDPIN.items() if key != name}

    assert told(settings, others) == ROWS[name].missing


@pytest.mark.parametrize("name", sorted(ROWS))
def test_e30_a_setting_that_is_empty(settings: Settings, name: str) -> None:
    row = ROWS[name]

    assert told(settings, {**settings.REDPIN, name: row.nothing}) == row.empty
    if name != ACCOUNTS:  # None is as good as none.
        assert told(settings, {**settings.REDPIN, name: None}) == row.none


@pytest.mark.parametrize("name", sorted(ROWS))
def test_e30_a_setting_of_a_wrong_type(settings: Settings, name: str) -> None:
    ids = {ACCOUNTS: "redpin.E001", ACCOUNT_RESOLVER: "redpin.E010"}

    for value in (b"bytes", object(), {1, 2}, 1j):
        assert told(settings, {**settings.REDPIN, name: value}) == ids.get(name, SHAPE)


@pytest.mark.parametrize("name", sorted(ADDRESSES))
@pytest.mark.parametrize("which", range(3), ids=["slash", "http", "unicode"])
def test_e30_an_address_that_is_odd(settings: Settings, name: str, which: int) -> None:
    value: Any = URLS[which] if name.endswith("_URL") else [URLS[which]]

    assert told(settings, {**settings.REDPIN, name: value}) == ADDRESSES[name][which]
