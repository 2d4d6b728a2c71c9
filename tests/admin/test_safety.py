"""Extra keys change nothing, looking changes nothing, and no secret is ever on a page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.core import serializers
from django.test import Client
from django.urls import reverse

from django_redpin.admin.export_columns import SessionResource
from django_redpin.admin.session_verbs import SESSION_VERBS
from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session
from django_redpin.services.journal import hold_for_review
from tests.redpin_server import FakeRedpin, Handler

from .world import MODELS, World, action, make_session, page, said

pytestmark = pytest.mark.django_db
VERBS: Final = [verb.name for verb in SESSION_VERBS]
EXTRA: Final = {
    "state": "closed",
    "payment_status": "PAYMENT_COMPLETED",
    "amount": "0.01",
    "currency": "USD",
    "session_url": "https://evil.test/",
    "review_reason": "",
    "payer": "1",
    "outcome": "told",
    "dispatched_at": "2026-01-01",
    "note": "injected",
    "user": "1",
    "id": "1",
    "pk": "1",
    "status": "PAYMENT_COMPLETED",
    "bank_details": "{}",
    "idempotency_key": "mine",
    "is_superuser": "1",
}


def rows() -> dict[str, list[tuple[Any, ...]]]:
    models = apps.get_app_config("redpin").get_models()
    return {
        model.__name__: list(model._default_manager.order_by("pk").values_list())
        for model in models
    }


@pytest.mark.parametrize("verb", VERBS)
def test_e25_extra_keys_in_an_actions_form_change_nothing(
    admin_client: Client, escrow: Recipient, verb: str
) -> None:
    """No action does anything to this session, so that what changed would be the keys' doing."""
    session = make_session(1, escrow, state="rejected")
    StatusTransition.objects.update(outcome="told")
    before = rows()

    form: dict[str, str] = {**EXTRA, "rows": str(session.pk), "reason": "x"}
    for method in (admin_client.post, admin_client.get):
        response = method(action(PaymentSession, verb), form)
        assert response.status_code in (200, 302)

    assert rows() == before


def test_e25_a_release_writes_its_reason_and_nothing_else_that_was_posted(
    admin_client: Client, escrow: Recipient
) -> None:
    session = make_session(1, escrow, review_reason="Odd.", state="open")
    before = PaymentSession.objects.values().get()
    address = action(PaymentSession, "release")
    html = admin_client.get(address, {"rows": session.pk}).content.decode()
    (mark,) = re.findall(r'name="rows" value="([^"]*)"', html)

    admin_client.post(address, {**EXTRA, "rows": mark, "reason": "I have looked."})

    after = PaymentSession.objects.values().get()
    pairs = zip(before.items(), after.values(), strict=True)
    changed = {name for (name, old), new in pairs if old != new}
    assert changed == {"review_reason", "needs_review", "updated_at"}  # The database derives one.
    assert session.transitions.get(subject="review", to_value="").note == "I have looked."


def test_e25_extra_keys_in_the_form_of_a_recipient_change_nothing_of_redpins(
    admin_client: Client, escrow: Recipient
) -> None:
    session = make_session(1, escrow)
    hidden = {
        "fingerprint": "f",
        "client_reference_id": "c",
        "last_error": "e",
        "next_attempt_at_0": "2026-01-01",
        "attempts": "9",
        "check_event_id": "x",
    }
    before = rows()

    for method in (admin_client.post, admin_client.get):
        method(page(Recipient, "change", escrow.pk), {**EXTRA, **hidden, "name": "Evil"})

    assert rows() == before  # Its session makes the name Redpin's, too.
    assert session.shares.get().recipient.name == "Escrow"


def test_e25_extra_keys_in_the_address_of_a_page_change_nothing(
    admin_client: Client, world: World
) -> None:
    before = rows()

    for model in MODELS:
        pk = model._default_manager.all()[0].pk
        for address in (page(model), page(model, "change", pk), page(model, "history", pk)):
            assert admin_client.get(address, EXTRA).status_code in (200, 302)

    assert rows() == before


@pytest.mark.slow
def test_looking_at_any_page_changes_no_row_and_asks_redpin_nothing(
    admin_client: Client, redpin: FakeRedpin, world: World
) -> None:
    before = rows()
    keys = ",".join(map(str, PaymentSession.objects.values_list("pk", flat=True)))

    for address in (*world.pages(), *(f"{action(PaymentSession, v)}?rows={keys}" for v in VERBS)):
        assert admin_client.get(address).status_code == 200, address
    for address in (
        *(page(model) for model in MODELS),
        *(f"{action(PaymentSession, v)}?rows={keys}" for v in VERBS),
    ):
        assert admin_client.head(address).status_code == 200, address

    assert rows() == before
    assert redpin.calls == []
    assert not LogEntry.objects.exists()


@pytest.fixture
def pages(admin_client: Client) -> Callable[[], list[str]]:
    """Return every page of the admin of this app, and its export, as they are now."""

    def look() -> list[str]:
        found = [page(model) for model in MODELS]
        for model in MODELS:
            # Of events and transitions nothing is done here that a history would tell of.
            names = ("change", "history") if model in (PaymentSession, Recipient) else ("change",)
            for pk in model._default_manager.values_list("pk", flat=True):
                found += [page(model, name, pk) for name in names]
        keys = ",".join(map(str, PaymentSession.objects.values_list("pk", flat=True)))
        found += [f"{action(PaymentSession, verb)}?rows={keys}" for verb in VERBS]
        for model in (WebhookEvent, StatusTransition):
            keys = ",".join(map(str, model._default_manager.values_list("pk", flat=True)))
            found.append(f"{action(model, 'redrive')}?rows={keys}")
        export = page(PaymentSession, "export")
        found += ["/admin/", reverse("admin:redpin_overview"), export]
        answers: list[Any] = [admin_client.get(address) for address in found]
        columns = SessionResource().get_export_headers()
        answers.append(admin_client.post(export, {"columns": columns}))
        assert {each.status_code for each in answers} == {200}
        return [each.getvalue().decode() for each in answers]

    return look


@pytest.mark.slow
def test_e26_no_secret_no_hosted_page_and_no_account_is_on_any_page_in_any_message_or_history(
    admin_client: Client,
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    agent: Recipient,
    settle: Callable[[], None],
    pages: Callable[[], list[str]],
    caplog: pytest.LogCaptureFixture,
    no_retries: None,
) -> None:
    caplog.set_level("DEBUG", logger="django_redpin")
    iban = agent.bank_details["iban"]
    session = create_payment_session(**arguments)
    callback = redpin.creates[0].json["callbacks"][0]
    redpin.lifetime = -timedelta(minutes=10)
    ended = create_payment_session(**arguments)
    urls = [session.session_url, ended.session_url]
    hold_for_review(session, "Another amount.")
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    event = {
        "event_id": "1",
        "payment_id": "9001",
        "status": "PAYMENT_COMPLETED",
        "client_reference_id": session.client_reference_id,
        "session_id": session.session_id,
        "event_timestamp": "2026-11-22T14:00:00Z",
        "data": {"iban": iban, "account_number": "9988776655", "text": f"To {iban}, thanks."},
    }
    admin_client.post(urlsplit(callback).path, json.dumps(event), content_type="application/json")
    settle()
    texts = pages()
    messages: list[str] = []

    def repeat(handler: Handler) -> None:
        handler.error(400, "INVALID", f"{iban} {urls[0]} Bearer canary-token-1", f"{iban}")

    scripts: list[list[Callable[[Handler], None]]] = [[Handler.hang_up] * 2, [repeat] * 2, []]
    for script in scripts:
        for verb in VERBS:
            redpin.list_script.extend(script)
            redpin.create_script.extend(script)
            keys = f"{session.pk},{ended.pk}"
            address = action(PaymentSession, verb)
            html = admin_client.get(address, {"rows": keys}).content.decode()
            marks = re.findall(r'name="rows" value="([^"]*)"', html) or [keys]
            form = {"rows": marks[0], "reason": "I have looked."}
            messages += said(admin_client.post(address, form, follow=True))
            redpin.list_script.clear()
            redpin.create_script.clear()
            settle()
        if not script or repeat in script:  # A Redpin that hangs up says nothing.
            texts += pages()
    history = [repr(row) for row in LogEntry.objects.values_list()]
    texts += [*messages, *history, caplog.text]
    urls += [url for url in PaymentSession.objects.values_list("session_url", flat=True) if url]

    secrets = (
        callback.rstrip("/").rpartition("/")[2],
        *(urlsplit(url).path for url in urls),
        *(iban, "9988776655", "canary-client-secret", "canary-webhook-secret", "canary-token"),
    )
    assert len(history) >= 2 * len(VERBS)
    assert any("1 done" in message for message in messages)
    assert any("not done" in message for message in messages)
    assert [secret for secret in secrets if any(secret in text for text in texts)] == []
    # The canaries are where they belong, so that the search was one.
    assert iban in serializers.serialize("json", Recipient.objects.all())
