"""What an app is told where no session came of it: what its user may know, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import translation
from moneyed import Money
from pytest_django import Settings

from django_redpin import exceptions
from django_redpin.embed import status_url
from django_redpin.exceptions import (
    CircuitOpen,
    ConfigurationError,
    NoAnswer,
    PaymentUnderWay,
    RateLimitedError,
    RedpinError,
)
from django_redpin.models import PaymentSession
from django_redpin.rest.problems import STATUS_OF, status_of
from tests.redpin_server import FakeRedpin, Handler

from . import shop
from .shop import PAY, RENEW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("order")]
State = PaymentSession.State

ROOT: Final = Path(__file__).resolve().parents[2]
KEYS: Final = {"title", "status", "detail", "code", "money_may_have_moved", "errors", "status_url"}


def refuse(status: int, field: str = "", headers: tuple[tuple[str, str], ...] = ()) -> Any:
    def script(handler: Handler) -> None:
        body = b'{"code": "X9", "description": "canary AE07", "type": "T", "field": "%s"}'
        handler.raw(status, body % field.encode(), headers)

    return script


def kinds() -> Iterator[type[RedpinError]]:
    for name in exceptions.__all__:
        yield getattr(exceptions, name)


def test_the_page_about_apps_lists_the_answer_to_every_error() -> None:
    text = (ROOT / "docs/apps.md").read_text()
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    told = {
        name.strip(" `"): int(row[1])
        for row in rows
        for name in row[0].split(",")
        if len(row) == 3 and row[1].strip().isdigit()
    }

    assert told == {kind.__name__: status_of(kind).value for kind in kinds()}
    assert set(STATUS_OF) <= set(kinds())


def test_broken_rules_are_listed_with_their_fields(
    redpin: FakeRedpin, app: Client, order: dict[str, Any]
) -> None:
    order["amount"] = Money("1.00", "AED")
    order["due_date"] = datetime.now(timezone.utc).date()

    response = app.post(PAY)

    told = response.json()
    assert response.status_code == 422
    assert response["Content-Type"] == "application/problem+json"
    assert response["Cache-Control"] == "no-store"
    assert set(told) == KEYS
    assert (told["code"], told["title"]) == ("InvalidPaymentSession", HTTPStatus(422).phrase)
    assert "due_date" in {each["field"] for each in told["errors"]}
    assert all(each["code"] and each["message"] for each in told["errors"])
    assert "You were not charged" in told["detail"]
    assert told["money_may_have_moved"] is False
    assert (redpin.creates, PaymentSession.objects.count()) == ([], 0)


def test_a_refusal_names_redpins_field_and_keeps_its_words(
    redpin: FakeRedpin, app: Client, caplog: pytest.LogCaptureFixture
) -> None:
    redpin.create_script.append(refuse(422, "due_date"))

    response = app.post(PAY)

    told = response.json()
    assert (response.status_code, told["code"]) == (422, "SessionRejected")
    assert [(each["field"], each["code"]) for each in told["errors"]] == [("due_date", "X9")]
    assert "canary" not in response.content.decode()  # It may repeat a payee's bank details.
    assert "X9" in caplog.text
    assert app.get(told["status_url"]).json()["state"] == "rejected"


@pytest.mark.parametrize(("asked", "told"), [("17", "17"), ("", "30")])
def test_what_nobody_knows_yet_is_202_and_the_app_asks_on(
    redpin: FakeRedpin, app: Client, asked: str, told: str
) -> None:
    headers = (("Retry-After", asked),) if asked else ()
    redpin.create_script.extend([refuse(503, headers=headers)] * 20)

    response = app.post(PAY)

    body = response.json()
    assert (response.status_code, response["Retry-After"]) == (202, told)
    assert (body["view"], body["session_url"]) == ("preparing", None)
    assert body["detail"]
    assert app.get(body["status_url"]).json()["view"] == "preparing"
    redpin.create_script.clear()


def test_another_payment_under_the_same_key_is_409_with_the_first_ones_status(
    redpin: FakeRedpin, app: Client, order: dict[str, Any]
) -> None:
    app.post(PAY)
    order["client_customer_ref"] = "CUST_002"

    response = app.post(PAY)

    told = response.json()
    assert (response.status_code, told["code"]) == (409, "IdempotencyConflict")
    assert told["money_may_have_moved"] is True
    reference = PaymentSession.objects.get().client_reference_id
    assert app.get(told["status_url"]).json()["reference"] == reference


def test_an_order_that_was_paid_and_is_wrong_by_now_is_never_told_to_be_free_of_charge(
    redpin: FakeRedpin, app: Client, order: dict[str, Any]
) -> None:
    app.post(PAY)
    PaymentSession.objects.update(payment_status="PAYMENT_COMPLETED", state=State.CLOSED)
    order["amount"] = Money("1.00", "AED")  # No longer what the recipients get together.

    response = app.post(PAY)

    told = response.json()
    assert (response.status_code, told["code"]) == (422, "InvalidPaymentSession")
    assert told["money_may_have_moved"] is True
    assert "not charged" not in told["detail"]
    assert app.get(told["status_url"]).json()["view"] == "paid"


@pytest.mark.parametrize("url", ["/without-key/7/", "/without-override/7/"])
def test_a_developers_mistake_is_500_and_told_to_the_log_alone(
    redpin: FakeRedpin, app: Client, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = app.post(url)

    assert (response.status_code, response.json()["code"]) == (500, "ConfigurationError")
    assert "get_session_arguments" not in response.content.decode()
    assert "get_session_arguments() " in caplog.text
    assert "ERROR" in {record.levelname for record in caplog.records}
    assert not PaymentSession.objects.exists()


def test_settings_that_are_wrong_leak_nothing(
    redpin: FakeRedpin, app: Client, settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN, "CLIENT_SECRET": "", "CUSTOMER_ID": ""}

    response = app.post(PAY)

    assert response.status_code == 500
    assert "CUSTOMER_ID" not in response.content.decode()
    assert "not available" in response.json()["detail"]


BROKEN: Final = {"CONNECT_TIMEOUT": "soon"}


def test_settings_that_broke_after_a_payment_do_not_hide_it(
    redpin: FakeRedpin, app: Client, settings: Settings
) -> None:
    """An app that repeats its request is told of no payment only where there can be none."""
    app.post(PAY)
    PaymentSession.objects.update(payment_status="PAYMENT_COMPLETED", state=State.CLOSED)
    settings.REDPIN = {**settings.REDPIN, **BROKEN}

    told = app.post(PAY).json()

    assert (told["status"], told["code"]) == (500, "ConfigurationError")
    assert told["money_may_have_moved"] is True
    assert "do not pay again" in told["detail"]
    assert "not charged" not in told["detail"]
    assert app.get(told["status_url"]).json()["view"] == "paid"


def test_where_the_order_has_no_session_none_is_told_of(
    redpin: FakeRedpin, app: Client, payer: User, settings: Settings
) -> None:
    """Another order's, say, or one that has no key, as whoever looks for no key would find."""
    for key, account in ((None, "default"), ("order-8", "default"), ("order-7", "gulf")):
        PaymentSession.objects.create(
            client_reference_id=f"x-{key}",
            idempotency_key=key,
            account=account,
            amount=1,
            currency="AED",
            due_date="2026-12-24",
            payer=payer,
        )
    keyless = app.post("/without-key/7/").json()
    settings.REDPIN = {**settings.REDPIN, **BROKEN}

    for told in (keyless, app.post(PAY).json()):
        assert (told["code"], told["status_url"]) == ("ConfigurationError", None)
        assert told["money_may_have_moved"] is False


def test_a_session_that_can_not_be_renewed_now_may_have_been_paid(
    redpin: FakeRedpin, app: Client, settings: Settings
) -> None:
    reference = app.post(PAY).json()["reference"]
    settings.REDPIN = {**settings.REDPIN, **BROKEN}

    told = app.post(RENEW.format(reference=reference)).json()

    assert (told["status"], told["money_may_have_moved"]) == (500, True)
    assert "not charged" not in told["detail"]
    assert app.get(told["status_url"]).json()["reference"] == reference


def test_e24_a_problem_with_anothers_order_leads_nowhere(
    redpin: FakeRedpin, app: Client, settings: Settings
) -> None:
    app.post(PAY)
    settings.REDPIN = {**settings.REDPIN, **BROKEN}
    stranger = Client()
    stranger.force_login(User.objects.create_user("other"))

    assert stranger.post("/anybodys/7/").json()["status_url"] is None


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (NoAnswer("canary", retry_after=2.5), "3"),
        (CircuitOpen("canary"), "30"),
        (RateLimitedError(429, description="canary", retry_after=0.0), "30"),
        (RedpinError("canary"), "30"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_fails_for_now_is_503_and_says_when(
    app: Client, monkeypatch: pytest.MonkeyPatch, error: RedpinError, seconds: str
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise error

    monkeypatch.setattr(shop.Pay, "get_session_arguments", fail)

    response = app.post(PAY)

    assert (response.status_code, response["Retry-After"]) == (503, seconds)
    assert response.json()["money_may_have_moved"] is error.money_may_have_moved
    assert "canary" not in response.content.decode()


def test_what_the_payer_reads_is_in_the_payers_language(
    app: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message is made when it is answered, in the language that is active then."""
    seen: list[str] = []

    class Lazy(RedpinError):
        @property
        def user_message(self) -> str:  # type: ignore[override]
            seen.append(translation.get_language() or "")
            return "Nicht jetzt."

    def fail(*args: Any, **kwargs: Any) -> None:
        raise Lazy("x")

    monkeypatch.setattr(shop.Pay, "get_session_arguments", fail)
    with translation.override("de"):
        response = app.post(PAY)

    assert response.json()["detail"] == "Nicht jetzt."
    assert seen


@pytest.mark.parametrize("is_own", [True, False])
def test_e24_a_problem_leads_to_the_askers_own_session_alone(
    app: Client, payer: Any, monkeypatch: pytest.MonkeyPatch, is_own: bool
) -> None:
    session = PaymentSession.objects.create(
        client_reference_id="x",
        amount=1,
        currency="AED",
        due_date="2026-12-24",
        payer=payer if is_own else type(payer).objects.create_user("other"),
    )

    def fail(*args: Any, **kwargs: Any) -> None:
        raise PaymentUnderWay(session, "canary.")

    monkeypatch.setattr(shop.Pay, "get_session_arguments", fail)

    told = app.post(PAY).json()

    assert told["status_url"] == (status_url(session) if is_own else None)
    assert told["code"] == "PaymentUnderWay"


def test_other_errors_stay_the_projects(app: Client) -> None:
    response = app.post(PAY.replace("7", "8"))

    assert (response.status_code, response["Content-Type"]) == (404, "application/json")
    assert issubclass(ConfigurationError, RedpinError)
