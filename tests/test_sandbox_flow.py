"""The whole way, with the sandbox as a process of its own: create, pay, hear, believe, tell.

The merchant's site is a live server; its worker's part is done by the sweeps.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from django_redpin.client import RedpinClient
from django_redpin.conf import get_account
from django_redpin.exceptions import RecipientNotConfirmed, RecipientRejected, SessionRejected
from django_redpin.models import PaymentSession, Recipient, WebhookEvent
from django_redpin.services import (
    Reconciled,
    create_payment_session,
    reconcile_payment_sessions,
    refresh_payment_session,
    register_recipient,
    rounds,
)
from django_redpin.services.callbacks import subscription_url
from example_project.demo.pages import Browser, Page

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "a-client-secret-of-the-sandbox"


@contextmanager
def running_sandbox(directory: Path, step_seconds: float, *options: str) -> Iterator[str]:
    arguments = ["--port", "0", "--database", str(directory / "sandbox.sqlite3")]
    arguments += ["--client-id", "merchant", "--customer-id", "0201001008132685"]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "django_redpin.sandbox"),
            *(*arguments, "--step-seconds", str(step_seconds), *options),
        ],
        env={**os.environ, "REDPIN_SANDBOX_CLIENT_SECRET": SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        try:
            yield found[0]
        finally:
            process.terminate()
            process.wait(20)


def bearer(sandbox: str) -> dict[str, str]:
    """Return the header of a call that a test makes by itself."""
    form = {"grant_type": "client_credentials", "client_id": "merchant", "client_secret": SECRET}
    answer = requests.post(f"{sandbox}/auth/oauth/v2/token", data=form, timeout=5)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redpin whose payments move fast."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), 0.05) as url:
        yield url


@pytest.fixture
def slow_sandbox(tmp_path: Path) -> Iterator[str]:
    """A Redpin whose payments rest at their first status."""
    with running_sandbox(tmp_path, 60) as url:
        yield url


@pytest.fixture
def lead_to(live_server: LiveServer, settings: Settings) -> Callable[[str], None]:
    """Point the merchant's settings at a sandbox."""

    def point(sandbox: str) -> None:
        settings.DEBUG = True
        settings.REDPIN = {
            **settings.REDPIN,
            "BASE_URL": sandbox,
            "TOKEN_URL": f"{sandbox}/auth/oauth/v2/token",
            "CLIENT_SECRET": SECRET,
            "WEBHOOK_BASE_URL": live_server.url,
            "HOSTED_PAGE_ORIGINS": [sandbox],
        }

    return point


@pytest.fixture
def merchant(sandbox: str, lead_to: Callable[[str], None]) -> None:
    lead_to(sandbox)


def review_page(session: PaymentSession, sandbox: str) -> tuple[Browser, Page]:
    """Open the hosted page as its payer would, and pass the one-time code."""
    browser = Browser()
    page = browser.open(session.session_url)
    if not session.allowed_origins:
        page = browser.submit(page.form(step="send-code"))
        outbox = browser.open(f"{sandbox}/outbox/").html
        code = re.search(rf'data-otp-session="{session.session_id}"[^>]*>\s*(\d+)', outbox)
        assert code
        page = browser.submit(page.form(step="verify-code"), code=code[1])
    return browser, page


def wait_for_status(
    session: PaymentSession, status: str, settle: Callable[[], None], seconds: float = 20
) -> None:
    deadline = time.monotonic() + seconds
    while session.payment_status != status:
        assert time.monotonic() < deadline, f"It stayed {session.payment_status!r}."
        time.sleep(0.05)
        settle()
        session.refresh_from_db()


def history(session: PaymentSession) -> list[str]:
    return list(
        session.transitions.filter(subject="payment_status").values_list("to_value", flat=True)
    )


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("pay_from", "flow"),
    [
        (
            "GBP",
            [
                "AWAITING_FUNDS",
                "RECEIVED_FUNDS",
                "FX_COMPLETED",
                "PAYOUT_INITIATED",
                "PAYOUT_CREDITED",
                "PAYMENT_COMPLETED",
            ],
        ),
        ("AED", ["PROCESSING", "PAYOUT_INITIATED", "PAYOUT_CREDITED", "PAYMENT_COMPLETED"]),
    ],
)
def test_a_payment_goes_all_the_way(
    sandbox: str,
    merchant: None,
    arguments: dict[str, Any],
    settle: Callable[[], None],
    pay_from: str,
    flow: list[str],
) -> None:
    session = create_payment_session(**arguments)
    browser, page = review_page(session, sandbox)
    browser.submit(page.form(step="review"), pay_from=pay_from, action="pay")

    wait_for_status(session, "PAYMENT_COMPLETED", settle)

    assert history(session) == flow
    assert session.state == PaymentSession.State.CLOSED
    escrow = session.shares.all()[0]
    assert escrow.payout_status == "PAYOUT_CREDITED"
    assert {event.session for event in WebhookEvent.objects.all()} == {session}


def test_a_payment_can_be_cancelled(
    slow_sandbox: str,
    lead_to: Callable[[str], None],
    arguments: dict[str, Any],
    settle: Callable[[], None],
) -> None:
    lead_to(slow_sandbox)
    session = create_payment_session(**arguments, allowed_origins=["https://merchant.test"])
    browser, page = review_page(session, slow_sandbox)
    page = browser.submit(page.form(step="review"), pay_from="AED", action="pay")
    wait_for_status(session, "PROCESSING", settle)
    browser.submit(page.form(step="cancel"), action="cancel")

    wait_for_status(session, "CANCELLED", settle)

    assert session.state == PaymentSession.State.CLOSED
    assert history(session) == ["PROCESSING", "CANCELLED"]


def test_every_webhook_lost_is_made_good_by_asking(
    sandbox: str, merchant: None, arguments: dict[str, Any], settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_BASE_URL": "http://127.0.0.1:9"}
    session = create_payment_session(**arguments)
    browser, page = review_page(session, sandbox)
    browser.submit(page.form(step="review"), pay_from="AED", action="pay")

    deadline = time.monotonic() + 20
    while session.payment_status != "PAYMENT_COMPLETED":
        assert time.monotonic() < deadline
        time.sleep(0.05)
        session = refresh_payment_session(session)

    assert not WebhookEvent.objects.exists()
    assert history(session)[-1] == "PAYMENT_COMPLETED"


@pytest.mark.heavy
def test_without_any_webhook_reconciling_follows_a_payment_to_its_end(
    sandbox: str, merchant: None, arguments: dict[str, Any], settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_BASE_URL": "http://127.0.0.1:9"}
    paid, *others = [create_payment_session(**arguments) for _ in range(rounds.FEW + 2)]
    browser, page = review_page(paid, sandbox)
    browser.submit(page.form(step="review"), pay_from="GBP", action="pay")

    deadline = time.monotonic() + 20
    while paid.state != PaymentSession.State.CLOSED:
        assert time.monotonic() < deadline
        time.sleep(0.05)
        PaymentSession.objects.exclude(next_attempt_at=None).update(next_attempt_at=timezone.now())
        done = reconcile_payment_sessions()
        paid.refresh_from_db()

        # All of them by one page.
        assert done == Reconciled(asked=len(others) + 1, moved=done.moved, calls=1)

    assert not WebhookEvent.objects.exists()
    assert history(paid)[-1] == paid.payment_status == "PAYMENT_COMPLETED"
    assert len(set(history(paid))) == len(history(paid))
    assert {other.state for other in PaymentSession.objects.exclude(pk=paid.pk)} == {"open"}


def test_the_sandbox_lists_page_by_page_what_reconciling_is_to_find(
    sandbox: str, merchant: None, arguments: dict[str, Any]
) -> None:
    ours = {create_payment_session(**arguments).client_reference_id for _ in range(3)}
    client = RedpinClient(get_account())

    first = client.list_sessions(1, limit=2)
    pages = [client.list_sessions(n, limit=2) for n in range(1, first.total_pages + 1)]

    found = [record.client_reference_id for page in pages for record in page.records]
    assert ours <= set(found)
    assert len(found) == len(set(found))
    assert not client.list_sessions(first.total_pages + 1, limit=2).records


def test_what_our_rules_let_through_the_sandbox_can_still_refuse(
    sandbox: str, merchant: None, arguments: dict[str, Any]
) -> None:
    create_payment_session(**arguments, client_reference_id="TAKEN")
    PaymentSession.objects.update(client_reference_id="FREED-HERE-ONLY")

    with pytest.raises(SessionRejected) as caught:
        create_payment_session(**arguments, client_reference_id="TAKEN")

    assert caught.value.field == "client_reference_id"


@pytest.mark.heavy
def test_a_payment_over_the_newer_api_is_told_by_a_subscription(
    tmp_path: Path,
    lead_to: Callable[[str], None],
    arguments: dict[str, Any],
    settle: Callable[[], None],
    settings: Settings,
) -> None:
    with running_sandbox(tmp_path, 0.05, "--api", "new") as sandbox:
        lead_to(sandbox)
        settings.REDPIN = {**settings.REDPIN, "REFERENCE_MAX_LENGTH": 36}
        subscribed = requests.post(
            f"{sandbox}/v1/customers/0201001008132685/webhooks",
            json={"endpoint": subscription_url(get_account()), "event_type": "PAYMENT STATUS"},
            headers=bearer(sandbox),
            timeout=5,
        )
        assert type(subscribed.json()["id"]) is int
        session = create_payment_session(**arguments)
        assert session.expires_at is not None
        browser, page = review_page(session, sandbox)
        browser.submit(page.form(step="review"), pay_from="GBP", action="pay")

        wait_for_status(session, "PAYMENT_COMPLETED", settle)

    assert history(session)[0] == "AWAITING_FUNDS"
    events = WebhookEvent.objects.all()
    # The session's own callback URL was sent, too, and nothing came there.
    assert {event.session for event in events} == {session}
    assert all(b'"event_type": "PAYMENT STATUS"' in bytes(event.body) for event in events)
    assert session.shares.all()[0].payout_status == "PAYOUT_CREDITED"


def new_payee(name: str, **changes: Any) -> Recipient:
    columns: dict[str, Any] = {
        "name": name,
        "country_code": "GBR",
        "currency": "GBP",
        "bank_details": {"iban": "GB33BUKB20201555555555"},
        "address": {"address_line": "1 High Street", "city": "London"},
    }
    return Recipient.objects.create(**columns | changes)


def test_b21_a_payee_is_registered_and_refused_by_the_sandboxs_own_reading(
    sandbox: str, merchant: None
) -> None:
    payee = register_recipient(new_payee("Agent"))
    with pytest.raises(RecipientRejected) as caught:
        register_recipient(new_payee("Nobody", address={}))

    assert payee.recipient_id
    assert caught.value.field == "address"
    client = RedpinClient(get_account())
    assert client.find_recipient(payee.client_reference_id or "") == payee.recipient_id
    assert client.find_recipient("nobodys") is None


def test_b22_a_mismatch_waits_for_a_decision_and_is_registered_by_it(
    sandbox: str, merchant: None
) -> None:
    payee = new_payee("MISMATCH Ltd")
    with pytest.raises(RecipientNotConfirmed) as caught:
        register_recipient(payee)

    register_recipient(payee, confirmation=caught.value.check, customer_action="CONTINUE")

    assert caught.value.code == "ANNM"
    assert payee.recipient_id
