"""The system checks: one id for each mistake in the settings, each with a hint, never a secret."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final, NoReturn

import pytest
from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, run_checks
from django.core.checks import Warning as WarningMessage
from django.urls import Resolver404, URLPattern, URLResolver, include, path
from pytest_django import Settings

from django_redpin.accounts import PROJECT_KEYS
from django_redpin.checks import check_settings
from django_redpin.shapes import DEFAULTS

Check = Callable[..., list[CheckMessage]]

urlpatterns: list[URLPattern] = []  # A project that forgot to include the webhook's URLs.

STRONG: Final = "canary-webhook-secret-0123456789-abcdef"
NAN, INF = float("nan"), float("inf")
# `os.environ.get()` gives None; its bytes that are no UTF-8 become lone surrogates.
WRONG_TEXT: Final[tuple[Any, ...]] = (None, 7, True, b"canary-bytes", ["canary-item"], {"a": 1})
WRONG_LIST: Final[tuple[Any, ...]] = (None, 7, "canary-text", {"canary-item"}, [1], [b"canary"], {})
WRONG_SECONDS: Final[tuple[Any, ...]] = (None, "canary-text", [], 0, -1, True, NAN, INF)
WRONG_LENGTH: Final[tuple[Any, ...]] = (
    35,
    None,
    "canary-text",
    [],
    0,
    -1,
    101,
    36.5,
    True,
    INF,
    NAN,
)
TEXTS: Final = (
    *("BASE_URL", "SESSIONS_PATH", "RECIPIENTS_PATH", "TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET"),
    *("CUSTOMER_ID", "WEBHOOK_BASE_URL"),
)
LISTS: Final = ("WEBHOOK_SECRETS", "ALLOWED_ORIGINS", "HOSTED_PAGE_ORIGINS")
WRONG: Final[list[tuple[str, Any]]] = [
    *((name, value) for name in TEXTS for value in WRONG_TEXT),
    *((name, value) for name in LISTS for value in WRONG_LIST),
    *(("PURPOSES_OF_TRANSACTION", value) for value in WRONG_LIST if value is not None),
    *((name, v) for name in ("CONNECT_TIMEOUT", "READ_TIMEOUT") for v in WRONG_SECONDS),
    *(("REFERENCE_MAX_LENGTH", value) for value in WRONG_LENGTH),
]
ODD: Final[tuple[Any, ...]] = (
    *(*WRONG_TEXT, *WRONG_LIST, *WRONG_SECONDS, False, 10**400, "", " ", "{", "/{}", "/{0}"),
    *([None], [""], [" "], [[]], ("canary-item",), {"key": "canary-value"}, {"key": {}}, object()),
    *("\udc80" * 30, ["\udc80" * 30], "https://[", ["https://["], "https://x:99999"),
)


@pytest.fixture
def check(settings: Settings) -> Check:
    """Run the checks with the right settings, spoilt by these; see that each message helps."""
    right = dict(settings.REDPIN)

    def run(**changes: object) -> list[CheckMessage]:
        settings.REDPIN = {**right, **changes}
        return helpful(check_settings())

    return run


def helpful(messages: list[CheckMessage]) -> list[CheckMessage]:
    """Each has an id, says something, tells the cure, and holds nothing of what was set."""
    for message in messages:
        assert re.fullmatch(r"redpin\.(E00[1-9]|E01[0-7]|E025|W00[1-2])", str(message.id)), message
        assert isinstance(message.hint, str)
        assert message.hint.strip()
        assert message.msg.strip()
        assert "canary" not in f"{message} {message!r}"
    return messages


def ids(messages: list[CheckMessage]) -> set[str]:
    return {str(message.id) for message in messages}


def about(name: str, messages: list[CheckMessage]) -> list[CheckMessage]:
    return [message for message in messages if f"[{name!r}]" in message.msg]


def test_right_settings_pass(check: Check) -> None:
    assert check() == []


def test_the_checks_run_with_every_check_command(settings: Settings) -> None:
    settings.REDPIN = {}

    assert "redpin.E001" in ids(run_checks(tags=[Tags.security]))


@pytest.mark.parametrize("value", [None, "", "canary-text", 7, [], ["canary-item"], {}, "absent"])
def test_e001_the_settings_are_no_filled_dict(settings: Settings, value: object) -> None:
    settings.REDPIN = value
    if value == "absent":
        del settings.REDPIN

    assert ids(helpful(check_settings())) == {"redpin.E001"}


@pytest.mark.parametrize(
    "accounts",
    ["canary-text", 7, ["canary-item"], {"gulf": None}, {"gulf": "canary-text"}, {"default": [1]}],
)
def test_e001_accounts_is_no_dict_of_dicts(check: Check, accounts: object) -> None:
    assert ids(check(ACCOUNTS=accounts)) == {"redpin.E001"}


@pytest.mark.parametrize("name", ["CLIENT_IDENTIFIER", "webhook_secrets", "", 7, None, ("a", 1)])
def test_e002_a_key_that_nobody_knows(settings: Settings, name: object) -> None:
    settings.REDPIN = {**settings.REDPIN, name: "canary-text"}

    messages = helpful(check_settings())

    assert ids(messages) == {"redpin.E002"}
    assert str(name) in messages[0].msg


@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda value: repr(value)[:24])
def test_e003_a_value_of_a_wrong_type(check: Check, name: str, value: object) -> None:
    messages = check(**{name: value})

    assert ids(messages) == {"redpin.E003"}
    assert len(about(name, messages)) == 1


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/sessions", "/v1/{customer}/sessions", "/v1/{customer_id}/{page}", "/{", "/{}", ""),
        *("v1/{customer_id}/sessions", "@evil.test/{customer_id}", "/{customer_id.name}"),
    ],
)
@pytest.mark.parametrize("name", ["SESSIONS_PATH", "RECIPIENTS_PATH"])
def test_a_path_that_can_not_be_called(check: Check, name: str, path: str) -> None:
    assert about(name, check(**{name: path}))


@pytest.mark.parametrize("value", ["", "  ", None], ids=["empty", "blank", "absent"])
@pytest.mark.parametrize("name", ["CLIENT_ID", "CLIENT_SECRET", "CUSTOMER_ID", "WEBHOOK_BASE_URL"])
def test_e004_a_setting_that_has_to_be_given(
    settings: Settings, name: str, value: str | None
) -> None:
    others = {key: other for key, other in settings.REDPIN.items() if key != name}
    settings.REDPIN = others if value is None else {**others, name: value}

    messages = helpful(check_settings())

    assert "redpin.E004" in ids(messages)
    assert messages == about(name, messages)


@pytest.mark.parametrize("name", ["BASE_URL", "TOKEN_URL"])
def test_an_address_of_redpins_that_is_empty(check: Check, name: str) -> None:
    assert about(name, check(**{name: ""}))


@pytest.mark.parametrize("name", ["BASE_URL", "TOKEN_URL", "WEBHOOK_BASE_URL"])
@pytest.mark.parametrize(
    "url",
    [
        *("http://a.test", "//a.test", "a.test", "https://", "ftp://a.test", "javascript:alert(1)"),
        *("https://user:canary@a.test", "https://a.test\\@b.test", "https://é.test", "https://["),
        *("https://a b.test", "https://a.test\r\nX: canary"),
        *("http://127.0.0.1:8001", "https://a.test:port"),
    ],
)
def test_e005_an_address_that_is_not_secure(check: Check, name: str, url: str) -> None:
    messages = check(**{name: url})

    assert ids(messages) == {"redpin.E005"}
    assert about(name, messages)


@pytest.mark.parametrize("name", ["BASE_URL", "WEBHOOK_BASE_URL"])
@pytest.mark.parametrize("ending", ["?a=1", "/?a=1"])
def test_an_address_to_which_no_path_can_be_added(check: Check, name: str, ending: str) -> None:
    assert about(name, check(**{name: f"https://a.test{ending}"}))


@pytest.mark.parametrize(
    "url", ["https://localhost", "https://127.0.0.1:8000/base", "https://[::1]"]
)
def test_an_own_address_that_redpin_can_not_reach_is_for_debug(
    settings: Settings, check: Check, url: str
) -> None:
    messages = check(WEBHOOK_BASE_URL=url)

    assert ids(messages) == {"redpin.E005"}
    assert about("WEBHOOK_BASE_URL", messages)
    settings.DEBUG = True
    assert check(WEBHOOK_BASE_URL=url) == []


def test_plain_http_to_this_machine_is_for_debug(settings: Settings, check: Check) -> None:
    here = dict.fromkeys(("BASE_URL", "TOKEN_URL", "WEBHOOK_BASE_URL"), "http://localhost:8001")
    pages = ["http://127.0.0.1:8001"]

    assert ids(check(**here, HOSTED_PAGE_ORIGINS=pages)) == {"redpin.E005", "redpin.E008"}
    settings.DEBUG = True
    assert check(**here, HOSTED_PAGE_ORIGINS=pages) == []


@pytest.mark.parametrize(
    "secrets",
    [[], ["canary-short"], [STRONG, "canary-short"], [STRONG, ""], [" " * 40], ["\udc80canary"]],
)
def test_e006_no_strong_secret(check: Check, secrets: list[str]) -> None:
    assert ids(check(WEBHOOK_SECRETS=secrets)) == {"redpin.E006"}


@pytest.mark.parametrize(
    "origin",
    [
        *(
            "*",
            "https://*.a.test",
            "http://a.test",
            "https://a.test/",
            "https://a.test/p",
            "a",
            "https://a.test:",
        ),
        *("", "https://", "https://a.test?x", "https://é.test", " https://a.test"),
    ],
)
def test_e007_an_allowed_origin_that_redpin_would_refuse(check: Check, origin: str) -> None:
    messages = check(ALLOWED_ORIGINS=["https://right.test", origin])

    assert ids(messages) == {"redpin.E007"}
    assert repr(origin) in messages[0].msg


@pytest.mark.parametrize(
    "origin",
    [
        *(
            "*",
            "https://*.a.test",
            "http://a.test",
            "https://a.test/",
            "https://a.test/p",
            "a.test",
        ),
        *(
            "HTTPS://a.test",
            "https://A.test",
            "https://a.test:443",
            "com.example.app",
            "https://é.x",
        ),
        *("http://127.0.0.1:8001", "https://user@a.test", "https://a.test?"),
        *("", "https://a.test "),
    ],
)
def test_e008_a_hosted_page_origin_that_no_browser_writes_so(check: Check, origin: str) -> None:
    messages = check(HOSTED_PAGE_ORIGINS=["https://right.test", origin])

    assert ids(messages) == {"redpin.E008"}
    assert repr(origin) in messages[0].msg


def test_e009_the_webhook_has_no_url(settings: Settings, check: Check) -> None:
    settings.ROOT_URLCONF = __name__

    messages = check()

    assert ids(messages) == {"redpin.E009"}
    assert "include('django_redpin.urls')" in str(messages[0].hint)


class Elsewhere(URLResolver):
    """What a project has that leads requests by its own rules: it is reversed, not resolved."""

    def resolve(self, path: str) -> NoReturn:
        raise Resolver404({"path": path})


def test_e017_the_webhooks_url_leads_nowhere(
    settings: Settings, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    included = path("redpin/", include("django_redpin.urls"))
    included.__class__ = Elsewhere
    settings.ROOT_URLCONF = __name__
    monkeypatch.setitem(globals(), "urlpatterns", [included])

    assert ids(check()) == {"redpin.E017"}


@pytest.mark.parametrize("url", ["https://shop.test", "https://SHOP.test:443/sub/"])
def test_a32_the_sites_own_origin_is_no_hosted_pages(check: Check, url: str) -> None:
    """Whatever is on it could take the sandbox of its frame off."""
    messages = check(WEBHOOK_BASE_URL=url, HOSTED_PAGE_ORIGINS=["https://shop.test"])

    assert ids(messages) == {"redpin.E008"}
    assert "own origin" in messages[0].msg
    assert check(WEBHOOK_BASE_URL=url, HOSTED_PAGE_ORIGINS=["https://pay.shop.test"]) == []


def test_w001_no_hosted_page_origin_is_a_warning(check: Check) -> None:
    messages = check(HOSTED_PAGE_ORIGINS=[])

    assert ids(messages) == {"redpin.W001"}
    assert isinstance(messages[0], WarningMessage)


def test_every_mistake_is_told_at_once(settings: Settings, check: Check) -> None:
    settings.ROOT_URLCONF = __name__

    messages = check(
        CLIENT_ID="",
        CLIENT_SECRET=7,
        TOKEN_URL="http://a.test",
        WEBHOOK_SECRETS=["canary-short"],
        ALLOWED_ORIGINS=["*"],
        HOSTED_PAGE_ORIGINS=["a"],
        UNKNOWN="canary-text",
        ACCOUNTS={"gulf": "canary-text"},
        ACCOUNT_RESOLVER="canary-text",
    )

    assert ids(messages) == {f"redpin.E{number:03}" for number in range(1, 11)}
    assert all(isinstance(message, Error) for message in messages)


def test_a_mistake_in_another_account_names_the_account(check: Check) -> None:
    messages = check(ACCOUNTS={"gulf": {"CLIENT_SECRET": ["canary-item"]}})

    assert [message.msg for message in messages] == [
        "REDPIN['ACCOUNTS']['gulf']['CLIENT_SECRET'] has a wrong type or value."
    ]


@pytest.mark.parametrize("alias", ["my account", "", "a/b", "é", 7, "a" * 65])
def test_an_alias_that_no_webhook_url_or_row_can_hold(check: Check, alias: object) -> None:
    assert check(ACCOUNTS={alias: {}})


@pytest.mark.parametrize("name", sorted({*DEFAULTS, *PROJECT_KEYS}))
def test_no_value_of_any_key_crashes_the_checks(settings: Settings, name: str) -> None:
    right = settings.REDPIN
    for value in ODD:
        settings.REDPIN = {**right, name: value}
        messages = check_settings()
        # An origin is no secret, and the one that is wrong among many has to be named.
        helpful([told for told in messages if told.id not in ("redpin.E007", "redpin.E008")])


def test_times_have_to_be_aware(settings: Settings) -> None:
    assert "redpin.E014" not in {message.id for message in check_settings()}

    settings.USE_TZ = False

    assert "redpin.E014" in {message.id for message in check_settings()}


@pytest.mark.parametrize("is_installed", [True, False])
def test_drf_spectacular_is_told_of_the_views_where_it_is_an_app(
    monkeypatch: pytest.MonkeyPatch, is_installed: bool
) -> None:
    imported: list[str] = []
    ours = builtins.__import__

    def note(name: str, *args: Any, **options: Any) -> Any:
        if name in ("rest", "webhooks"):
            imported.append(name)
            return SimpleNamespace(schema=None)
        return ours(name, *args, **options)

    monkeypatch.setattr(apps, "is_installed", lambda name: is_installed)
    monkeypatch.setattr(builtins, "__import__", note)
    apps.get_app_config("redpin").ready()

    assert imported == ["rest", "webhooks"] * is_installed
