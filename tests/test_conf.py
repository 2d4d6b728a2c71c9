"""The view of the settings: accounts, what is refused, and that nothing shows a secret."""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, Final

import pytest
from django.test import override_settings
from django.views.debug import SafeExceptionReporterFilter
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from django_redpin.accounts import PROJECT_KEYS, account_aliases
from django_redpin.checks import check_settings
from django_redpin.client import RedpinClient
from django_redpin.client.messages import CreatedSession, SessionRecord
from django_redpin.client.transport import Answer
from django_redpin.conf import get_account, project_settings
from django_redpin.exceptions import ConfigurationError
from django_redpin.models import PaymentSession, Recipient, SessionRecipient, WebhookEvent
from django_redpin.services import Share
from django_redpin.services.requests import payee, stored_request
from django_redpin.shapes import DEFAULTS
from tests.test_checks import ODD, WRONG

NOW: Final = datetime(2026, 11, 22, 14, tzinfo=timezone.utc)
IBAN: Final = "AE07canary4567890123456"
URL: Final = "https://pay.redpin.test/canary-session-url/"


def test_the_default_account_is_what_the_settings_say(settings: Settings) -> None:
    account = get_account()

    assert account.alias == "default"
    assert account.base_url == "https://api.redpin.test"
    assert account.customer_id == "0201001008132685"
    assert account.webhook_secrets == ("canary-webhook-secret-0123456789-abcdef",)
    assert account.purposes_of_transaction is None
    assert account.reference_max_length == 100


def test_addresses_lose_their_final_slash(settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "BASE_URL": "https://a.test/", "WEBHOOK_BASE_URL": "b/"}

    assert (get_account().base_url, get_account().webhook_base_url) == ("https://a.test", "b")


def test_an_account_overrides_what_it_names_and_shares_the_rest(settings: Settings) -> None:
    gulf = {"CUSTOMER_ID": "77", "WEBHOOK_SECRETS": ["another"], "READ_TIMEOUT": 2}
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"gulf": gulf}}

    default, account = get_account(), get_account("gulf")

    assert account_aliases() == ["default", "gulf"]
    assert (account.alias, account.customer_id, account.read_timeout) == ("gulf", "77", 2.0)
    assert account.webhook_secrets == ("another",)
    assert account.client_secret == default.client_secret
    assert default.customer_id == "0201001008132685"


def test_accounts_that_differ_in_their_verifiers_alone_are_two(settings: Settings) -> None:
    def verifier(secret: str) -> dict[str, object]:
        options = {"header": "X-Key", "secrets": [secret]}
        return {"BACKEND": "django_redpin.webhooks.verifiers.HeaderVerifier", "OPTIONS": options}

    found = set()
    for secret in ("canary-of-24-bytes-or-more", "another-of-24-bytes-or-more"):
        settings.REDPIN = {**settings.REDPIN, "WEBHOOK_VERIFIERS": [verifier(secret)]}
        found |= {get_account(), get_account()}

    assert len(found) == 2, "What is kept by account would be the other's."


def test_an_account_named_default_overrides_the_top(settings: Settings) -> None:
    accounts = {"gulf": {}, "default": {"CUSTOMER_ID": "77"}}
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": accounts}

    assert account_aliases() == ["default", "gulf"]
    assert get_account().customer_id == "77"
    assert get_account("gulf").customer_id == "0201001008132685"


@pytest.mark.parametrize("alias", ["nobody", "", "DEFAULT", "ACCOUNTS"])
def test_an_alias_that_is_not_there_is_named(alias: str) -> None:
    with pytest.raises(ConfigurationError, match=f"no account '{alias}'"):
        get_account(alias)


def test_the_settings_are_read_when_they_are_asked_for(settings: Settings) -> None:
    before = get_account()
    settings.REDPIN = {**settings.REDPIN, "CUSTOMER_ID": "77"}

    assert (before.customer_id, get_account().customer_id) == ("0201001008132685", "77")


def test_nothing_reads_the_settings_at_import() -> None:
    code = "import django_redpin.conf, django_redpin.checks, django_redpin.exceptions"

    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_equal_settings_are_equal_accounts_and_changed_ones_are_not(settings: Settings) -> None:
    before = get_account()
    assert {before: 1}[get_account()] == 1

    settings.REDPIN = {**settings.REDPIN, "CLIENT_SECRET": "canary-rotated"}
    assert get_account() != before


@pytest.mark.parametrize("settings_value", [None, [], "canary-text", 7])
def test_settings_that_are_no_dict_are_refused(settings: Settings, settings_value: object) -> None:
    settings.REDPIN = settings_value

    with pytest.raises(ConfigurationError, match=r"REDPIN has to be a dict") as caught:
        get_account()
    assert_silent(caught.value)


@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda value: repr(value)[:24])
def test_what_the_checks_call_wrong_is_refused_too(
    settings: Settings, name: str, value: object
) -> None:
    """The checks run with manage.py; a server under gunicorn or a worker never runs them."""
    settings.REDPIN = {**settings.REDPIN, name: value}

    with pytest.raises(ConfigurationError) as caught:
        get_account()
    assert_silent(caught.value)


@pytest.mark.parametrize("name", sorted({*DEFAULTS, *PROJECT_KEYS}))
def test_no_value_of_any_key_ends_in_another_error(settings: Settings, name: str) -> None:
    right = settings.REDPIN
    for value in ODD:
        settings.REDPIN = {**right, name: value}
        try:
            account = get_account()
        except ConfigurationError as error:
            assert_silent(error)
        else:
            assert repr(account) == "<Account default>"


VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=4,
)
NAMES: Final = st.sampled_from(sorted({*DEFAULTS, *PROJECT_KEYS})) | st.text()


@hypothesis_settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_no_settings_at_all_crash_the_checks_or_the_view(value: dict[str, Any]) -> None:
    with override_settings(REDPIN=value):
        messages = check_settings()
        try:
            get_account()
        except ConfigurationError:
            assert messages

    assert all(message.id and message.hint for message in messages)


@pytest.mark.parametrize("secrets", [[], ["canary-short"], [" " * 40], ["canary-short", "x" * 40]])
def test_a_weak_first_secret_signs_nothing(settings: Settings, secrets: list[str]) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_SECRETS": secrets}

    with pytest.raises(ConfigurationError, match="at least 24 bytes") as caught:
        _ = get_account().signing_secret
    assert_silent(caught.value)


def test_what_is_required_and_empty_is_named(settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"gulf": {"CLIENT_SECRET": ""}}}

    with pytest.raises(ConfigurationError, match=r"REDPIN\['CLIENT_SECRET'\].*'gulf'"):
        get_account("gulf").required("client_secret")
    assert get_account().required("client_secret") == "canary-client-secret-0123456789"


def test_the_policy_knows_todays_date_and_debug(settings: Settings) -> None:
    settings.REDPIN = {
        **settings.REDPIN,
        "PURPOSES_OF_TRANSACTION": ["PROPERTY_PURCHASE"],
        "REFERENCE_MAX_LENGTH": 36,
    }
    policy = get_account().policy()

    assert policy.today == datetime.now(timezone.utc).date()
    assert policy.purposes == ("PROPERTY_PURCHASE",)
    assert (policy.reference_max_length, policy.allow_loopback) == (36, False)
    settings.DEBUG = True
    assert get_account().policy().allow_loopback is True


def _secret_holders() -> dict[str, Callable[[], object]]:
    recipient = Recipient(name="Agent", currency="AED", bank_details={"iban": IBAN})
    session = PaymentSession(client_reference_id="r", currency="AED", amount=1, session_url=URL)
    share = SessionRecipient(session=session, recipient=recipient, amount=1)
    return {
        "account": get_account,
        "client": lambda: RedpinClient(get_account()),
        "created": lambda: CreatedSession("1", URL, NOW),
        "record": lambda: SessionRecord("1", "r", "c", "7", NOW, "", False, "", URL, NOW, NOW),
        "answer": lambda: Answer({"session_url": URL}, NOW),
        "recipient": lambda: recipient,
        "payee": lambda: payee(recipient),
        "session": lambda: session,
        "share": lambda: share,
        "argument": lambda: Share(recipient, share.money),
        "event": lambda: WebhookEvent(event_id="1", body=URL.encode()),
    }


@pytest.mark.parametrize("name", _secret_holders())
def test_no_repr_shows_a_secret(name: str) -> None:
    holder = _secret_holders()[name]()

    assert "canary" not in f"{holder!r} {holder} {[holder]}"


@pytest.mark.django_db
def test_the_repr_of_a_request_hides_the_token_of_its_callback() -> None:
    session = PaymentSession.objects.create(
        client_reference_id="order-7", currency="AED", amount=1, due_date=NOW.date()
    )
    request = stored_request(session, get_account())
    token = request.callbacks[0].rstrip("/").rpartition("/")[2]

    assert len(token) == 43
    assert token not in repr(request)


def test_djangos_error_page_hides_the_secrets(settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"gulf": settings.REDPIN}}

    shown = SafeExceptionReporterFilter().get_safe_settings()["REDPIN"]

    assert shown["CUSTOMER_ID"] == "0201001008132685"
    assert "canary" not in repr(shown)


def assert_silent(error: ConfigurationError) -> None:
    """Neither the error nor the traceback that a log would show holds what was set."""
    chain = "".join(traceback.TracebackException.from_exception(error).format_exception_only())
    assert "canary" not in f"{error} {error!r} {chain}"
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


# --- What is made of the settings is kept as long as they are the same ----------------------------
def test_an_account_is_put_together_once(settings: Settings) -> None:
    assert get_account() is get_account("default")
    assert project_settings() is project_settings()


@pytest.mark.parametrize(
    ("change", "field", "expected"),
    [
        (lambda raw: raw.update(CUSTOMER_ID="77"), "customer_id", "77"),
        (lambda raw: raw["WEBHOOK_SECRETS"].append("n" * 32), "webhook_secrets", ("n" * 32,)),
        (lambda raw: raw["PROXIES"].update(http="http://a"), "proxies", (("http", "http://a"),)),
        (lambda raw: raw["ACCOUNTS"]["default"].update(READ_TIMEOUT=2), "read_timeout", 2.0),
        (lambda raw: raw.pop("BASE_URL"), "base_url", DEFAULTS["BASE_URL"]),
    ],
)
def test_settings_that_are_changed_in_place_are_seen(
    settings: Settings, change: Callable[[Any], object], field: str, expected: object
) -> None:
    raw: dict[str, Any] = {**settings.REDPIN, "WEBHOOK_SECRETS": [], "PROXIES": {}}
    settings.REDPIN = {**raw, "ACCOUNTS": {"default": {}}}
    before = get_account()

    change(settings.REDPIN)

    assert getattr(before, field) != expected
    assert getattr(get_account(), field) == expected


def test_settings_of_the_project_that_are_changed_in_place_are_seen(settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_PROCESSING": "task"}
    assert project_settings().webhook_processing == "task"

    settings.REDPIN["WEBHOOK_PROCESSING"] = "inline"

    assert project_settings().webhook_processing == "inline"


def test_a_value_that_equals_a_right_one_is_refused_all_the_same(settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "READ_TIMEOUT": 1}
    get_account()
    settings.REDPIN = {**settings.REDPIN, "READ_TIMEOUT": True}

    with pytest.raises(ConfigurationError, match="READ_TIMEOUT"):
        get_account()


class Vault(Mapping[str, Any]):
    """Settings that are looked up when they are asked for, as from a file."""

    customer_id = "1"

    def __getitem__(self, name: str) -> Any:
        return {"CUSTOMER_ID": self.customer_id}[name]

    def __iter__(self) -> Iterator[str]:
        return iter(["CUSTOMER_ID"])

    def __len__(self) -> int:
        return 1


def test_settings_that_may_change_by_themselves_are_read_each_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDPIN = Vault()
    assert get_account().customer_id == "1"
    monkeypatch.setattr(Vault, "customer_id", "2")
    assert get_account().customer_id == "2"
    assert project_settings() is not project_settings()


def tenant(alias: str) -> dict[str, Any]:
    """Return what a table of tenants says, which is another thing each time."""
    TENANT["CUSTOMER_ID"] += "7"
    return TENANT


TENANT: Final = {"CUSTOMER_ID": ""}


def test_a_resolver_is_asked_each_time(settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "ACCOUNT_RESOLVER": f"{__name__}.tenant"}
    TENANT["CUSTOMER_ID"] = ""

    assert [get_account("gulf").customer_id for _ in range(3)] == ["7", "77", "777"]
