"""`redpin_send_webhook`: a sample that passes every verifier, and is no more than a hint."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from django_redpin.models import PaymentSession, WebhookEvent
from django_redpin.services import create_payment_session
from django_redpin.services.sweeps import process_due_events
from django_redpin.webhooks.verifiers import Post, Proof, Verifier
from tests.redpin_server import FakeRedpin
from tests.webhooks.verifying import KINDS, NEW, listed

from .site import site

pytestmark = pytest.mark.django_db(transaction=True)

HERE = "tests.commands.test_send_webhook"


class Silent(Verifier):
    """Signs nothing."""

    def verify(self, post: Post) -> Proof:
        return Proof("silent")


class Broken(Silent):
    """Fails, with a secret in its text."""

    def sign(self, body: bytes, *, now: float, message_id: str = "") -> dict[str, str]:
        raise RuntimeError(NEW)


@pytest.fixture(autouse=True)
def shop(redpin: FakeRedpin, live_server: LiveServer, settings: Settings) -> FakeRedpin:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_BASE_URL": live_server.url}
    return redpin


@pytest.fixture
def session(shop: FakeRedpin, arguments: dict[str, Any]) -> PaymentSession:
    return create_payment_session(**arguments)


def send(*arguments: str) -> str:
    out = StringIO()
    call_command("redpin_send_webhook", "--wait=0.01", *arguments, stdout=out)
    assert "canary" not in out.getvalue()
    return out.getvalue()


def refusal(*arguments: str) -> tuple[int, str]:
    with pytest.raises(CommandError) as raised:
        send(*arguments)
    assert "canary" not in str(raised.value)
    assert NEW not in str(raised.value)
    return raised.value.returncode, str(raised.value)


@pytest.mark.parametrize("envelope", ["flat", "nested"])
@pytest.mark.parametrize("is_wide", [False, True])
def test_a_sample_is_stored_as_redpins_events_are(
    session: PaymentSession, envelope: str, is_wide: bool
) -> None:
    reference = session.client_reference_id
    wide = ["--account-wide"] if is_wide else []
    said = send("--session", reference, "--envelope", envelope, "--status", "FX_COMPLETED", *wide)

    event = WebhookEvent.objects.get()
    assert (event.status, event.session) == ("FX_COMPLETED", None)
    assert event.client_reference_id == reference
    assert event.event_type == "PAYMENT STATUS"
    assert event.verifier.startswith("account token" if is_wide else "session token")
    assert "It was answered 200 stored." in said
    assert f"Event {event.pk}: to be processed." in said
    assert "It is a hint and no more" in said
    token = "/***/" if is_wide else f"/{reference}/***/"
    assert f"/redpin/webhooks/default{token}" in said


def test_a1_what_it_claims_is_not_believed(session: PaymentSession) -> None:
    send("--session", session.client_reference_id, "--status", "PAYMENT_COMPLETED")
    process_due_events()

    session.refresh_from_db()
    assert session.payment_status == ""
    assert WebhookEvent.objects.get().outcome == "contradicted"


def test_it_tells_what_became_of_it_once_it_is_processed(session: PaymentSession) -> None:
    arguments = (
        "--session",
        session.client_reference_id,
        "--event-id",
        "same",
        "--payment-id",
        "p",
        "--at",
        "2026-11-26T10:00:00+04:00",
    )
    send(*arguments)
    process_due_events()

    said = send(*arguments)

    assert "Redpin says otherwise." in said
    assert "Redpin lists no payment for this session." in said
    event = WebhookEvent.objects.get()
    assert event.duplicates == 1
    assert b'"2026-11-26T06:00:00Z"' in bytes(event.body)


@pytest.mark.parametrize("at", ["soon", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_is_none_is_refused(at: str) -> None:
    assert "--at" in refusal("--at", at)[1]


def test_a_time_without_a_zone_is_the_projects(settings: Settings) -> None:
    settings.TIME_ZONE = "Asia/Dubai"
    send("--at", "2026-11-26T10:00:00")
    assert b'"2026-11-26T06:00:00Z"' in bytes(WebhookEvent.objects.get().body)


@pytest.mark.parametrize("kinds", [[kind] for kind in KINDS] + [["BasicVerifier", "HMACVerifier"]])
def test_it_passes_every_verifier_of_the_settings(settings: Settings, kinds: list[str]) -> None:
    verifiers = [listed(kind) for kind in kinds]
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_VERIFIERS": verifiers}

    assert "It was answered 200 stored." in send()
    assert WebhookEvent.objects.get().verifier.count(",") == len(kinds)


def test_a_verifier_of_the_projects_own_that_signs_nothing_is_named(settings: Settings) -> None:
    for name, said in (("Silent", "give it a method sign()"), ("Broken", "(RuntimeError)")):
        verifiers = [{"BACKEND": f"{HERE}.{name}"}]
        settings.REDPIN = {**settings.REDPIN, "WEBHOOK_VERIFIERS": verifiers}
        code, told = refusal()
        assert (code, name in told, said in told) == (1, True, True)


def test_verifiers_that_nobody_can_pass_together_are_told_of(settings: Settings) -> None:
    two = [listed("HeaderVerifier"), listed("HeaderVerifier", secrets=["x" * 30])]
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_VERIFIERS": two}

    assert "different values of the header" in refusal()[1]


def test_a_weak_secret_of_a_verifier_is_told_of(settings: Settings) -> None:
    weak = [listed("HeaderVerifier", secrets=["canary-short"])]
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_VERIFIERS": weak}

    assert "WEBHOOK_VERIFIERS'][0]" in refusal()[1]


def test_without_a_session_it_goes_to_the_accounts_url() -> None:
    said = send("--status", "NO_SUCH_STATUS")

    assert "NO_SUCH_STATUS is no status that Redpin documents." in said
    assert WebhookEvent.objects.get().verifier.startswith("account token")


def test_a_session_that_there_is_not_is_a_wrong_argument() -> None:
    code, told = refusal("--session", "ORDER-9")
    assert (code, "no session 'ORDER-9'" in told) == (2, True)


def test_a_reference_of_two_accounts_needs_the_account(
    session: PaymentSession, settings: Settings
) -> None:
    reference = session.client_reference_id
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"gulf": {"CUSTOMER_ID": "7"}}}
    session.pk, session.account, session.session_id = None, "gulf", "s-gulf"
    session.save(force_insert=True)

    code, told = refusal("--session", reference)

    assert (code, "add --account, of default, gulf" in told) == (2, True)
    send("--session", reference, "--account", "gulf")
    assert WebhookEvent.objects.get().account == "gulf"


def test_a_dry_run_shows_it_and_posts_nothing(session: PaymentSession) -> None:
    said = send("--session", session.client_reference_id, "--dry-run")

    (line,) = [line for line in said.splitlines() if line.startswith("{")]
    assert json.loads(line)["session_id"] == session.session_id
    assert WebhookEvent.objects.count() == 0


def test_without_debug_it_wants_a_yes(settings: Settings, live_server: LiveServer) -> None:
    settings.DEBUG = False
    public = {"WEBHOOK_BASE_URL": "https://merchant.test"}
    settings.REDPIN = {**settings.REDPIN, **public}
    here = ("--url", live_server.url)

    code, told = refusal(*here)
    assert (code, "DEBUG is off" in told) == (2, True)
    assert WebhookEvent.objects.count() == 0
    assert "200 stored" in send("--yes", *here)


def test_another_machine_is_told_nothing_without_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "django_redpin.webhooks.samples.post", lambda *a, **k: pytest.fail("It was posted.")
    )

    code, told = refusal("--url", "https://elsewhere.test")

    assert (code, "another machine" in told) == (2, True)


@pytest.mark.parametrize("url", ["http://elsewhere.test", "elsewhere", "https://a.test/?x", ""])
def test_an_address_that_is_none_is_a_wrong_argument(url: str) -> None:
    with pytest.raises(CommandError, match="no address of a site"):
        send(f"--url={url}")


def test_a2_what_would_be_believed_wants_a_yes(settings: Settings, session: PaymentSession) -> None:
    trusted = {"WEBHOOK_VERIFIERS": [listed("HMACVerifier")], "WEBHOOK_TRUST": "verified"}
    settings.REDPIN = {**settings.REDPIN, **trusted}

    code, told = refusal("--session", session.client_reference_id)

    assert (code, "would be believed" in told) == (2, True)
    assert WebhookEvent.objects.count() == 0
    assert "It is believed" in send("--yes")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": 401, "body": b'{"detail": "no"}'}, "401 no. The log django_redpin.security"),
        ({"status": 302, "location": "/login/"}, "302. `manage.py redpin_check` tells"),
        ({"status": 200}, "This database has no such event"),
    ],
)
def test_an_answer_that_is_not_ours_is_an_error(answer: dict[str, Any], said: str) -> None:
    with site(**answer) as other:
        code, told = refusal("--url", other.url)

    assert (code, said in told) == (1, True), told
    assert other.paths[0].startswith("/redpin/webhooks/default/")
    assert len(other.paths) == 1


def test_a_site_that_is_down_is_an_error() -> None:
    code, told = refusal("--url", "http://127.0.0.1:9")
    assert (code, "No answer came (ConnectionError)" in told) == (1, True)


def test_settings_without_an_address_are_an_error(settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_BASE_URL": ""}
    code, told = refusal()
    assert (code, "WEBHOOK_BASE_URL" in told) == (1, True)
