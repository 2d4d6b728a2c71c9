"""Several accounts: nothing of one is ever used for another, wherever its settings come from."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.checks import CheckMessage
from django.test import Client, RequestFactory
from django.utils import timezone
from django.views.debug import ExceptionReporter
from pytest_django import Settings

from django_redpin.checks import check_settings
from django_redpin.client import RedpinClient, api
from django_redpin.conf import get_account
from django_redpin.embed import frame_source
from django_redpin.exceptions import (
    ConfigurationError,
    IdempotencyConflict,
    InvalidPaymentSession,
    OutcomeUnknown,
    UnknownAccount,
)
from django_redpin.models import PaymentSession, Recipient, WebhookEvent
from django_redpin.rules.callback_tokens import sign
from django_redpin.services import (
    Share,
    create_payment_session,
    refresh_payment_session,
    renew_payment_session,
)
from django_redpin.services.sweeps import process_due_events, sweep
from tests.redpin_server import Call, FakeRedpin, Handler, Server, iso

State = PaymentSession.State

SECRET: Final = "canary-webhook-secret-0123456789-abcdef"  # One for all: aliases keep them apart.
LISTED: Final = ("gulf", "europe")
RESOLVED: Final = ("acme", "globex")
PAIRS: Final = [LISTED, RESOLVED, ("default", "acme"), ("gulf", "acme")]

# What the resolver below finds, and what it was asked.
tenants: dict[str, Any] = {}
asked: list[str] = []


def resolve(alias: str) -> Any:
    asked.append(alias)
    found = tenants.get(alias)
    if isinstance(found, Exception):
        raise found
    return found


NOT_CALLABLE: Final = "canary-value"


@dataclass
class SharedRedpin(FakeRedpin):
    """A Redpin with several customers, which notes whatever of one is used for another."""

    clients: dict[str, tuple[str, set[str]]] = field(default_factory=dict)
    issued: dict[str, str] = field(default_factory=dict)
    crossed: list[str] = field(default_factory=list)

    def admit(self, alias: str) -> dict[str, Any]:
        """Let there be an account; return the settings that it has at its merchant's."""
        self.clients[f"client-{alias}"] = (f"canary-secret-{alias}", {f"customer-{alias}"})
        return {
            "CLIENT_ID": f"client-{alias}",
            "CLIENT_SECRET": f"canary-secret-{alias}",
            "CUSTOMER_ID": f"customer-{alias}",
            "WEBHOOK_BASE_URL": f"https://{alias}.merchant.test",
        }

    def of(self, alias: str, method: str = "") -> list[Call]:
        """Return the calls to the API under this account's customer."""
        calls = [call for call in self.calls if f"/customer-{alias}/" in call.path]
        return [call for call in calls if not method or call.method == method]

    def store(self, body: dict[str, Any], customer_id: str) -> dict[str, Any]:
        record = super().store(body, customer_id)
        self.sessions[f"{customer_id}/{body['client_reference_id']}"] = self.sessions.pop(
            body["client_reference_id"]
        )
        return record


class SharedHandler(Handler):
    @property
    def shared(self) -> SharedRedpin:
        assert isinstance(self.redpin, SharedRedpin)
        return self.redpin

    @property
    def customer_id(self) -> str:
        return self.call.path.split("/")[-2]

    def answer_token(self) -> None:
        form = {name: values[0] for name, values in parse_qs(self.call.body.decode()).items()}
        secret, _ = self.shared.clients[form["client_id"]]
        if form["client_secret"] != secret:
            self.shared.crossed.append(f"{form['client_id']} with another's secret")
            self.json(401, {"error": "invalid_client"})
            return
        with self.shared.lock:
            self.shared.tokens += 1
            token = f"canary-token-{self.shared.tokens}-of-{form['client_id']}"
            self.shared.issued[token] = form["client_id"]
        self.json(200, {"access_token": token, "token_type": "bearer", "expires_in": 3600})

    def is_authorized(self) -> bool:
        token = self.call.headers.get("authorization", "").removeprefix("Bearer ")
        if token in self.shared.revoked:
            self.error(401, "UNAUTHORIZED", "The token is expired.")
            return False
        _, customers = self.shared.clients[self.shared.issued[token]]
        if self.customer_id not in customers:
            self.shared.crossed.append(f"{self.shared.issued[token]} at {self.customer_id}")
            self.error(403, "FORBIDDEN", "This token is another customer's.")
            return False
        return True

    def answer_create(self) -> None:
        if not self.is_authorized():
            return
        body = self.call.json
        if f"{self.customer_id}/{body['client_reference_id']}" in self.shared.sessions:
            self.error(400, "INVALID_PARAMETER", "duplicate", field="client_reference_id")
            return
        self.json(201, self.shared.created(self.shared.store(body, self.customer_id)))

    def answer_list(self) -> None:
        if not self.is_authorized():
            return
        key = f"{self.customer_id}/{self.call.query['client_reference_id']}"
        found = [self.shared.sessions[key]] if key in self.shared.sessions else []
        if self.shared.list_shows_url:
            found = [{**record, **self.shared.created(record)} for record in found]
        self.json(200, {"sessions": found})


@pytest.fixture
def redpin(settings: Settings) -> Iterator[SharedRedpin]:
    """A Redpin for the accounts default, gulf and europe (listed), acme and globex (resolved)."""
    fake = SharedRedpin()
    server = Server(fake)
    server.RequestHandlerClass = SharedHandler
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    settings.DEBUG = True  # Plain HTTP to this machine.
    settings.REDPIN = {
        **settings.REDPIN,
        **fake.admit("default"),
        "BASE_URL": fake.url,
        "TOKEN_URL": f"{fake.url}/auth/oauth/v2/token",
        "WEBHOOK_SECRETS": [SECRET],
        "HOSTED_PAGE_ORIGINS": [fake.url],
        "READ_TIMEOUT": 2,
        "ACCOUNTS": {alias: fake.admit(alias) for alias in LISTED},
        "ACCOUNT_RESOLVER": f"{__name__}.resolve",
    }
    tenants.clear()
    tenants.update({alias: fake.admit(alias) for alias in RESOLVED})
    asked.clear()
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()
    assert fake.crossed == []


@pytest.fixture
def create(redpin: SharedRedpin, arguments: dict[str, Any]) -> Any:
    """Create a session through an account, to a recipient of that account."""

    def run(alias: str, **changes: Any) -> PaymentSession:
        payee, _ = Recipient.objects.get_or_create(
            account=alias, name="Escrow", country_code="ARE", currency="AED", recipient_id="501"
        )
        shares = [Share(payee, arguments["amount"])]
        wanted = {**arguments, "recipients": shares, "account": alias, **changes}
        return create_payment_session(**wanted)

    return run


def post(url: str, **payment: Any) -> int:
    body = {"event_id": "1", "event_timestamp": iso(timezone.now()), "data": {}, **payment}
    client = Client(raise_request_exception=False)
    answer = client.post(urlsplit(url).path, json.dumps(body), content_type="application/json")
    return answer.status_code


def callback(redpin: SharedRedpin, alias: str) -> str:
    url: str = redpin.of(alias, "POST")[-1].json["callbacks"][0]
    return url


def store_and_hang_up(handler: Handler) -> None:
    """Create the session, and lose the answer."""
    assert isinstance(handler, SharedHandler)
    assert handler.is_authorized()
    handler.shared.store(handler.call.json, handler.customer_id)
    handler.hang_up()


def everything_is_due() -> None:
    past = timezone.now() - timedelta(minutes=1)
    for model in (PaymentSession, WebhookEvent):
        rows = model._default_manager.exclude(next_attempt_at=None)
        rows.update(next_attempt_at=past, leased_until=None)


# On the wire


@pytest.mark.django_db
@pytest.mark.parametrize("pair", PAIRS)
def test_each_call_carries_the_token_and_customer_of_its_own_account(
    redpin: SharedRedpin, create: Any, pair: tuple[str, str]
) -> None:
    for _ in range(2):
        for alias in pair:
            session = create(alias)
            assert (session.account, session.customer_id) == (alias, f"customer-{alias}")

    for alias in pair:
        tokens = {call.headers["authorization"] for call in redpin.of(alias)}
        assert len(redpin.of(alias, "POST")) == 2
        assert len(tokens) == 1
        assert tokens.pop().endswith(f"-of-client-{alias}")
    assert redpin.count("POST", "/token") == 2


@pytest.mark.django_db
@pytest.mark.parametrize("pair", PAIRS)
def test_the_cache_keeps_the_tokens_of_accounts_apart(
    redpin: SharedRedpin, create: Any, pair: tuple[str, str]
) -> None:
    for alias in pair:
        create(alias)
    api._providers.clear()  # As another process would begin: the cache alone knows the tokens.
    for alias in reversed(pair):
        create(alias)

    assert redpin.count("POST", "/token") == 2
    for alias in pair:
        last = redpin.of(alias)[-1].headers["authorization"]
        assert last.endswith(f"-of-client-{alias}")


def test_accounts_with_one_client_id_share_no_token(
    redpin: SharedRedpin, settings: Settings
) -> None:
    shared = {"CLIENT_ID": "client-gulf", "CLIENT_SECRET": "canary-secret-gulf"}
    accounts = settings.REDPIN["ACCOUNTS"]
    accounts["europe"] = {**accounts["europe"], **shared}
    redpin.clients["client-gulf"] = ("canary-secret-gulf", {"customer-gulf", "customer-europe"})

    for alias in (*LISTED, *LISTED):
        RedpinClient(get_account(alias)).find_session("ORDER-1")

    tokens = {alias: {c.headers["authorization"] for c in redpin.of(alias)} for alias in LISTED}
    assert all(len(found) == 1 for found in tokens.values())
    assert tokens["gulf"] != tokens["europe"]


@pytest.mark.django_db
def test_a_token_that_is_refused_is_dropped_for_its_own_account_alone(
    redpin: SharedRedpin, create: Any
) -> None:
    for alias in LISTED:
        create(alias)
    redpin.revoked.add("canary-token-1-of-client-gulf")
    for alias in LISTED:
        create(alias)

    assert redpin.of("gulf")[-1].headers["authorization"] == "Bearer canary-token-3-of-client-gulf"
    assert len({call.headers["authorization"] for call in redpin.of("europe")}) == 1


@pytest.mark.django_db
def test_a_cookie_from_one_accounts_call_goes_nowhere(redpin: SharedRedpin, create: Any) -> None:
    cookie = ("Set-Cookie", "customer=canary-gulf; Path=/")

    def with_cookie(handler: Handler) -> None:
        body = redpin.created(redpin.store(handler.call.json, "customer-gulf"))
        handler.raw(201, json.dumps(body).encode(), (cookie,))

    def token_with_cookie(handler: Handler) -> None:
        redpin.issued["canary-token-x"] = "client-gulf"
        body = {"access_token": "canary-token-x", "token_type": "bearer", "expires_in": 3600}
        handler.raw(200, json.dumps(body).encode(), (cookie,))

    redpin.token_script.append(token_with_cookie)
    redpin.create_script.append(with_cookie)
    for alias in ("gulf", "europe", "gulf"):
        create(alias)

    assert len(redpin.of("gulf")) + len(redpin.of("europe")) == 3
    assert not any("cookie" in call.headers for call in redpin.calls)


@pytest.mark.django_db
@pytest.mark.parametrize("pair", PAIRS)
def test_each_session_is_told_the_callback_of_its_own_account(
    redpin: SharedRedpin, create: Any, pair: tuple[str, str]
) -> None:
    for alias in pair:
        create(alias, client_reference_id="ORDER-1")

    urls = [callback(redpin, alias) for alias in pair]
    for alias, url in zip(pair, urls, strict=True):
        token = sign(SECRET, alias, "ORDER-1")
        assert url == (f"https://{alias}.merchant.test/redpin/webhooks/{alias}/ORDER-1/{token}/")


# What comes in


@pytest.mark.django_db
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("reference", ["ORDER-1", ""])
def test_a_webhook_token_of_one_account_never_opens_another(
    redpin: SharedRedpin, pair: tuple[str, str], reference: str
) -> None:
    mine, theirs = pair
    named = f"{reference}/" if reference else ""
    token = sign(SECRET, mine, reference)  # Both accounts even have the same secret.

    assert post(f"/redpin/webhooks/{theirs}/{named}{token}/") == 401
    assert not WebhookEvent.objects.exists()
    assert post(f"/redpin/webhooks/{mine}/{named}{token}/") == 200
    assert WebhookEvent.objects.get().account == mine


@pytest.mark.django_db
@pytest.mark.parametrize("pair", PAIRS)
def test_a_webhook_secret_of_one_account_signs_nothing_for_another(
    redpin: SharedRedpin, settings: Settings, pair: tuple[str, str]
) -> None:
    mine, theirs = pair
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_SECRETS": ["canary-of-default-" + "x" * 24]}
    for alias in LISTED:
        settings.REDPIN["ACCOUNTS"][alias]["WEBHOOK_SECRETS"] = [f"canary-{alias}-" + "x" * 24]
    for alias in RESOLVED:
        tenants[alias]["WEBHOOK_SECRETS"] = [f"canary-{alias}-" + "x" * 24]
    secret = get_account(mine).webhook_secrets[0]

    assert post(f"/redpin/webhooks/{theirs}/ORDER-1/{sign(secret, theirs, 'ORDER-1')}/") == 401
    assert post(f"/redpin/webhooks/{mine}/ORDER-1/{sign(secret, mine, 'ORDER-1')}/") == 200


@pytest.mark.django_db
def test_an_event_finds_no_session_of_another_account(redpin: SharedRedpin, create: Any) -> None:
    theirs = create("europe", client_reference_id="ORDER-1")
    redpin.sessions["customer-europe/ORDER-1"].update(
        latest_status="AWAITING_FUNDS", has_payment=True, payment_id="9001"
    )
    token = sign(SECRET, "gulf", "")

    for claim in ({"client_reference_id": "ORDER-1"}, {"session_id": theirs.session_id}):
        status = post(
            f"/redpin/webhooks/gulf/{token}/",
            payment_id="9001",
            status="AWAITING_FUNDS",
            **claim,
        )
        assert status == 200
    everything_is_due()
    process_due_events()

    events = WebhookEvent.objects.all()
    assert {(event.outcome, event.session) for event in events} == {("waiting", None)}
    theirs.refresh_from_db()
    assert theirs.payment_status == ""
    assert not redpin.of("gulf")
    assert not redpin.of("europe", "GET")


# What is kept


@pytest.mark.django_db
@pytest.mark.parametrize("pair", PAIRS)
def test_a_recipient_of_another_account_is_a_fault(
    redpin: SharedRedpin, create: Any, arguments: dict[str, Any], pair: tuple[str, str]
) -> None:
    mine, theirs = pair
    payee = Recipient.objects.create(
        account=theirs, name="Escrow", country_code="ARE", currency="AED", recipient_id="501"
    )

    with pytest.raises(InvalidPaymentSession) as caught:
        create(mine, recipients=[Share(payee, arguments["amount"])])

    assert [fault.code for fault in caught.value.faults] == ["other_account"]
    assert redpin.calls == []


@pytest.mark.django_db
@pytest.mark.parametrize("pair", PAIRS)
def test_accounts_may_use_the_same_idempotency_key_and_reference(
    redpin: SharedRedpin, create: Any, pair: tuple[str, str]
) -> None:
    same = {"idempotency_key": "order-1", "client_reference_id": "ORDER-1"}

    first = {alias: create(alias, **same) for alias in pair}
    again = {alias: create(alias, **same) for alias in pair}

    assert first == again
    for alias in pair:
        assert first[alias].account == alias
        assert first[alias].session_url == again[alias].session_url
        assert len(redpin.of(alias, "POST")) == 1
    assert len({session.session_id for session in first.values()}) == 2
    for alias in pair:  # Within one account, each still stands for one payment.
        with pytest.raises(IdempotencyConflict):
            create(alias, **same, callbacks=["https://merchant.test/own"])
        with pytest.raises(InvalidPaymentSession):
            create(alias, client_reference_id="ORDER-1")


@pytest.mark.django_db
def test_a_page_is_framed_from_the_origins_of_its_own_account(
    redpin: SharedRedpin, create: Any, settings: Settings
) -> None:
    session = create("gulf")
    assert frame_source(session) == session.session_url

    settings.REDPIN["ACCOUNTS"]["gulf"]["HOSTED_PAGE_ORIGINS"] = ["https://pay.gulf.test"]

    assert frame_source(session) is None


@pytest.mark.django_db
@pytest.mark.parametrize("pair", PAIRS)
def test_whatever_follows_goes_through_the_account_of_the_row(
    redpin: SharedRedpin, create: Any, pair: tuple[str, str]
) -> None:
    """Lost answers, the sweep, webhooks, their confirmation, refreshing, renewing: all of it."""
    redpin.list_shows_url = True
    redpin.create_script.extend([store_and_hang_up] * 2)
    redpin.list_script.extend([lambda handler: handler.error(403, "X", "not now")] * 2)
    for alias in pair:
        with pytest.raises(OutcomeUnknown):
            create(alias, client_reference_id="ORDER-1")
    everything_is_due()
    sweep()
    for alias in pair:
        session = PaymentSession.objects.get(account=alias)
        assert session.state == State.OPEN
        payment = {"latest_status": "CANCELLED", "has_payment": True, "payment_id": f"9-{alias}"}
        redpin.sessions[f"customer-{alias}/ORDER-1"].update(payment)
        url = callback(redpin, alias)
        assert post(url, payment_id=f"9-{alias}", status="CANCELLED") == 200
    everything_is_due()
    sweep()
    for alias in pair:
        session = PaymentSession.objects.get(account=alias)
        assert (session.payment_status, session.payment_id) == ("CANCELLED", f"9-{alias}")
        refresh_payment_session(session)
        renewal = renew_payment_session(session)
        assert (renewal.account, renewal.customer_id) == (alias, f"customer-{alias}")
        assert renewal.state == State.OPEN

    for alias in pair:
        # Created, renewed; looked up, confirmed, refreshed, and asked for before the renewal.
        assert len(redpin.of(alias, "POST")) >= 2
        assert len(redpin.of(alias, "GET")) >= 4
        references = {call.query["client_reference_id"] for call in redpin.of(alias, "GET")}
        assert references == {"ORDER-1"}


# Tenants in a database


def test_what_the_resolver_returns_overrides_the_settings_as_a_listed_account_does(
    redpin: SharedRedpin,
) -> None:
    tenants["acme"] = {"CUSTOMER_ID": "77", "WEBHOOK_SECRETS": ["another"], "READ_TIMEOUT": 2}

    account = get_account("acme")

    assert (account.alias, account.customer_id, account.read_timeout) == ("acme", "77", 2.0)
    assert account.webhook_secrets == ("another",)
    assert account.client_id == get_account().client_id


def test_listed_accounts_and_the_default_one_are_not_asked_for(redpin: SharedRedpin) -> None:
    tenants.update(gulf={"CUSTOMER_ID": "evil"}, default={"CUSTOMER_ID": "evil"})

    assert [get_account(alias).customer_id for alias in ("default", *LISTED)] == [
        *("customer-default", "customer-gulf", "customer-europe")
    ]
    assert asked == []


@pytest.mark.parametrize(
    "alias", ["", "a/b", "a b", "é", "a" * 65, "acme\n", None, 7, "GULF", "Default"]
)
def test_an_alias_that_can_be_none_is_not_even_asked_for(redpin: SharedRedpin, alias: Any) -> None:
    tenants[alias] = {}

    with pytest.raises(UnknownAccount, match="no account"):
        get_account(alias)

    assert asked == []


def test_a_tenant_that_is_not_there_is_an_unknown_account(redpin: SharedRedpin) -> None:
    with pytest.raises(UnknownAccount, match="no account 'nobody'"):
        get_account("nobody")

    assert asked == ["nobody"]


def test_without_a_resolver_nobody_is_asked(redpin: SharedRedpin, settings: Settings) -> None:
    settings.REDPIN["ACCOUNT_RESOLVER"] = None

    with pytest.raises(UnknownAccount, match="no account 'acme'"):
        get_account("acme")

    assert asked == []


class Hostile(Mapping[str, Any]):
    def __getitem__(self, name: str) -> Any:
        raise RuntimeError("canary-in-a-mapping")

    def __iter__(self) -> Iterator[str]:
        return iter(["CLIENT_ID"])

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (RuntimeError("canary-database-password"), r"tests\.test_accounts\.resolve.*RuntimeError"),
        (Hostile(), r"tests\.test_accounts\.resolve.*RuntimeError"),
        (["canary-item"], "has to return a dict, or None"),
        ("canary-text", "has to return a dict, or None"),
        ({"CLIENT_SECERT": "canary-secret"}, "unknown key 'CLIENT_SECERT'"),
        ({7: "canary-secret"}, "unknown key '7'"),
        ({"ACCOUNTS": {"acme": "canary"}}, "unknown key 'ACCOUNTS'"),
        ({"ACCOUNT_RESOLVER": "canary.resolver"}, "unknown key 'ACCOUNT_RESOLVER'"),
        ({"CLIENT_SECRET": ["canary-item"]}, r"\['CLIENT_SECRET'\] has a wrong type"),
        ({"WEBHOOK_SECRETS": "canary-text"}, r"\['WEBHOOK_SECRETS'\] has a wrong type"),
        ({"READ_TIMEOUT": "canary"}, r"\['READ_TIMEOUT'\] has a wrong type"),
    ],
    ids=lambda value: repr(value)[:32],
)
def test_what_is_wrong_with_a_tenant_is_named_without_its_values(
    redpin: SharedRedpin, settings: Settings, found: object, told: str
) -> None:
    tenants["acme"] = found

    with pytest.raises(ConfigurationError, match=told) as caught:
        get_account("acme")

    error = caught.value
    settings.DEBUG = False  # As where reports are mailed.
    ours = error.__traceback__.tb_next if error.__traceback__ else None  # Not this test's frame.
    reporter = ExceptionReporter(RequestFactory().get("/"), type(error), error, ours)
    report = reporter.get_traceback_html() + reporter.get_traceback_text()
    assert not isinstance(error, UnknownAccount)
    assert "canary" not in f"{error} {error!r} {report}"


@pytest.mark.django_db
def test_a_secret_that_is_rotated_holds_at_once(redpin: SharedRedpin) -> None:
    def url(secret: str) -> str:
        return f"/redpin/webhooks/acme/ORDER-1/{sign(secret, 'acme', 'ORDER-1')}/"

    assert post(url(SECRET)) == 200
    tenants["acme"] = {**tenants["acme"], "WEBHOOK_SECRETS": ["n" * 32]}

    assert post(url(SECRET)) == 401
    assert post(url("n" * 32)) == 200
    redpin.clients["client-acme"] = ("canary-rotated", {"customer-acme"})
    tenants["acme"] = {**tenants["acme"], "CLIENT_SECRET": "canary-rotated"}
    RedpinClient(get_account("acme")).find_session("ORDER-1")
    assert [call.path for call in redpin.of("acme")] == ["/v1/customers/customer-acme/sessions"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("alias", "found", "status", "was_asked"),
    [
        ("nobody", None, 401, True),
        ("a" * 65, {}, 401, False),
        ("GULF", {}, 401, False),
        ("acme", RuntimeError("canary-database"), 503, True),
        ("acme", {"CLIENT_SECERT": "canary-secret"}, 503, True),
    ],
)
def test_a_webhook_under_any_alias_is_answered_for_what_it_is(
    redpin: SharedRedpin,
    caplog: pytest.LogCaptureFixture,
    alias: str,
    found: object,
    status: int,
    was_asked: bool,
) -> None:
    """401 where there is no such account; 503, so that Redpin sends it again, where it can't be
    told, such as from a resolver whose database is away."""
    tenants[alias] = found

    assert post(f"/redpin/webhooks/{alias}/ORDER-1/{sign(SECRET, alias, 'ORDER-1')}/") == status

    assert bool(asked) is was_asked
    assert not WebhookEvent.objects.exists()
    assert "canary" not in caplog.text


# Checks


def _ids(messages: list[CheckMessage]) -> set[str]:
    return {str(message.id) for message in messages}


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (7, "dotted path, or None"),
        ("", "dotted path, or None"),
        ("canary", "dotted path, or None"),
        ("canary: not a path", "dotted path, or None"),
        (["canary"], "dotted path, or None"),
        ("shop.tenants.nowhere", r"shop\.tenants\.nowhere can't be imported \(ModuleNotFoundError"),
        (f"{__name__}.nothing", r"nothing can't be imported \(ImportError"),
        (f"{__name__}.NOT_CALLABLE", "NOT_CALLABLE can't be called"),
    ],
)
def test_e010_a_resolver_that_is_none(
    redpin: SharedRedpin, settings: Settings, path: object, told: str
) -> None:
    settings.REDPIN["ACCOUNT_RESOLVER"] = path

    (message,) = check_settings()

    assert message.id == "redpin.E010"
    assert message.hint
    assert "canary" not in f"{message}"
    with pytest.raises(ConfigurationError, match=told):
        get_account("acme")
    assert get_account("gulf").alias == "gulf"  # Who needs no resolver is not harmed.


def test_a_resolver_that_can_be_called_passes_unasked(redpin: SharedRedpin) -> None:
    assert check_settings() == []
    assert asked == []


@pytest.mark.parametrize("accounts", [{"gulf": {}, "Gulf": {}}, {"DEFAULT": {}}])
def test_aliases_that_differ_in_case_alone_are_refused(
    redpin: SharedRedpin, settings: Settings, accounts: dict[str, Any]
) -> None:
    """To a database that ignores case, the rows of both would be those of one account."""
    settings.REDPIN["ACCOUNTS"] = accounts

    assert _ids(check_settings()) == {"redpin.E001"}
    with pytest.raises(ConfigurationError, match="differ in case alone"):
        get_account("gulf")


@pytest.mark.parametrize("others", ["ACCOUNTS", "ACCOUNT_RESOLVER"])
def test_a_default_account_that_nobody_uses_needs_no_credentials(
    redpin: SharedRedpin, settings: Settings, others: str
) -> None:
    unused = {"CLIENT_ID", "CLIENT_SECRET", "CUSTOMER_ID", "WEBHOOK_SECRETS", "HOSTED_PAGE_ORIGINS"}
    full = settings.REDPIN
    shared = {name: full[name] for name in ("BASE_URL", "TOKEN_URL", "WEBHOOK_BASE_URL")}
    whole = {name: full[name] for name in unused}
    settings.REDPIN = {**shared, others: {"ACCOUNTS": {"gulf": whole}}.get(others, full[others])}
    assert check_settings() == []

    settings.REDPIN = {**settings.REDPIN, "CLIENT_ID": "one-of-three"}
    assert _ids(check_settings()) == {"redpin.E004", "redpin.E006", "redpin.W001"}
    settings.REDPIN = shared
    assert _ids(check_settings()) == {"redpin.E004", "redpin.E006", "redpin.W001"}


# Token providers


def test_only_so_many_token_providers_are_kept_the_latest_ones(redpin: SharedRedpin) -> None:
    first = api._provider(get_account("gulf"))
    for number in range(api.PROVIDERS_KEPT + 50):
        tenants[f"t{number}"] = {}
        api._provider(get_account(f"t{number}"))
        assert api._provider(get_account("gulf")) is first  # In use all the time.

    assert len(api._providers) == api.PROVIDERS_KEPT
    assert {account.alias for account in api._providers} >= {"gulf", f"t{number}"}
    assert "t0" not in {account.alias for account in api._providers}


def test_threads_that_come_at_once_get_one_provider_per_account(
    redpin: SharedRedpin, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Barrier(16)
    pause = threading.Event()

    def slow(account: object) -> object:
        pause.wait(0.05)  # Room for another thread to make one, too.
        return object()

    monkeypatch.setattr(api, "TokenProvider", slow)

    def ask(number: int) -> object:
        account = get_account(LISTED[number % 2])
        start.wait()
        return api._provider(account)

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(ask, range(16)))

    assert len(set(map(id, found))) == 2
    assert len(set(map(id, found[::2]))) == len(set(map(id, found[1::2]))) == 1
