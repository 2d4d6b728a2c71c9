"""An event's texts fit their columns, whatever was posted."""

from __future__ import annotations

import json

import pytest

from django_redpin.client.events import read_event
from django_redpin.models import WebhookEvent

TEXTS = ("event_type", "event_id", "payment_id", "status", "client_reference_id")


@pytest.mark.parametrize("letter", ["a", "ß", "ŉ", "\ufb03", "\u1e96", "_", "🏦"])
@pytest.mark.parametrize("length", [1, 21, 22, 32, 33, 64, 65, 255, 256])
def test_no_text_of_an_event_is_longer_than_its_column(letter: str, length: int) -> None:
    message = read_event(json.dumps(dict.fromkeys(TEXTS, letter * length)).encode())

    for name in TEXTS:
        column = WebhookEvent._meta.get_field(name)
        assert len(getattr(message, name)) <= getattr(column, "max_length", 0)


@pytest.mark.parametrize("written", ["PAYMENT STATUS", "payment_status", "Payment_Status"])
def test_the_type_of_an_event_is_known_however_it_is_written(written: str) -> None:
    body = {"event_type": written, "data": {"payment_id": "9001", "status": "PROCESSING"}}

    assert read_event(json.dumps(body).encode()).is_payment_status
