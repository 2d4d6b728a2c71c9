"""A real session and a real webhook leave no token and no hosted page's URL in the admin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import simplejson
from django.test import Client

from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session
from tests.redpin_server import FakeRedpin

from .world import MODELS, Row, page


def every_page(client: Client) -> str:
    """Return the lists and the page of every row, as one text."""
    rows: list[Row] = [
        *PaymentSession.objects.all(),
        *Recipient.objects.all(),
        *WebhookEvent.objects.all(),
        *StatusTransition.objects.all(),
    ]
    addresses = [page(model) for model in MODELS]
    addresses += [page(type(row), "change", row.pk) for row in rows]
    responses = [client.get(address) for address in addresses]
    assert {response.status_code for response in responses} == {200}
    return "".join(response.content.decode() for response in responses)


@pytest.mark.heavy
@pytest.mark.django_db
def test_the_admin_shows_neither_the_callbacks_token_nor_the_hosted_pages_url(
    admin_client: Client,
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    agent: Recipient,
    settle: Callable[[], None],
) -> None:
    session = create_payment_session(**arguments)
    assert session.session_url.startswith(redpin.url)
    callback = redpin.creates[0].json["callbacks"][0]
    secrets = (
        callback.rstrip("/").rpartition("/")[2],
        urlsplit(session.session_url).path,
        agent.bank_details["iban"],
        "canary",  # In the client's secret, the webhook's secret and the access token.
    )
    html = every_page(admin_client)
    assert [secret for secret in secrets if secret in html] == []

    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    event: dict[str, Any] = {
        "event_id": "1",
        "payment_id": "9001",
        "status": "PAYMENT_COMPLETED",
        "client_reference_id": session.client_reference_id,
        "session_id": session.session_id,
        "event_timestamp": "2026-11-22T14:00:00Z",
        "data": {},
    }
    admin_client.post(
        urlsplit(callback).path, simplejson.dumps(event), content_type="application/json"
    )
    settle()
    session.refresh_from_db()
    assert session.payment_status == "PAYMENT_COMPLETED"
    html = every_page(admin_client)
    assert [secret for secret in secrets if secret in html] == []
