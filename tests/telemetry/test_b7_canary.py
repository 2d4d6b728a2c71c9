"""B7, E26: no secret, token, address, bank detail or payer is in anything that can be seen."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Final

import pytest
from asgiref.sync import async_to_sync
from django.test import RequestFactory

from django_redpin import health, signals
from django_redpin.client import breaker
from django_redpin.embed import payment_session_html
from django_redpin.exceptions import RedpinError
from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from django_redpin.services import (
    create_payment_session,
    reconcile_payment_sessions,
    register_recipient,
)
from django_redpin.services.sweeps import sweep
from tests.client.test_b7_canary import SECRET, TOKEN_STEPS, run_everything
from tests.redpin_server import FakeRedpin, Handler
from tests.services.events import event_body
from tests.webhooks.posting import path, post

from .conftest import Seen

PAYER: Final = "canary-payer-0815"
IBAN: Final = "AE070331234567890123456"


class Heard(logging.Handler):
    """Keeps what each record says, with all that hangs on it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def texts(self, *names: str) -> list[str]:
        formatter = logging.Formatter()
        return [
            formatter.format(record) + repr(vars(record))
            for record in self.records
            if record.name.partition(".")[0] in names
        ]


@pytest.fixture
def heard() -> Iterator[Heard]:
    handler, root = Heard(), logging.root
    level = root.level
    ours = logging.getLogger("django_redpin")
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    ours.setLevel(logging.DEBUG)
    yield handler
    ours.setLevel(logging.NOTSET)
    root.setLevel(level)
    root.removeHandler(handler)


def fail(sender: object, **kwargs: object) -> None:
    raise RuntimeError(f"{PAYER} {IBAN}")


def live(redpin: FakeRedpin, arguments: dict[str, Any], agent: Recipient) -> list[str]:
    """Let a payment meet all that it can; return what must be seen nowhere."""
    session = create_payment_session(**{**arguments, "client_customer_ref": PAYER})
    address = session.session_url
    reference = session.client_reference_id
    url = path(reference)
    redpin.create_script.extend([Handler.hang_up] * 2)
    with pytest.raises(RedpinError):
        create_payment_session(**{**arguments, "client_customer_ref": PAYER})
    redpin.pay(reference, "AWAITING_FUNDS")
    bodies = [
        event_body(session, "AWAITING_FUNDS"),
        event_body(session, "PAYMENT_COMPLETED"),
        event_body(session, PAYER),
        event_body(session, "RECEIVED_FUNDS", payment_id=IBAN),
        b"{" + PAYER.encode(),
    ]
    answers = {post(url, body).status_code for body in bodies}
    wrong = path(reference, secret="canary-another-secret-0123456789abcdef")
    answers |= {post(wrong, body).status_code for body in bodies}
    assert answers == {200, 400, 401}
    agent.recipient_id = None
    redpin.recipient_script.append(
        lambda handler: handler.error(400, "BAD", f"{IBAN} {PAYER}", "bank_details")
    )
    with pytest.raises(RedpinError):
        register_recipient(agent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django_redpin.services.process.MAX_ATTEMPTS", 1)
        patch.setattr("django_redpin.services.dispatch.MAX_ATTEMPTS", 1)
        PaymentSession.objects.update(next_attempt_at=session.created_at)
        reconcile_payment_sessions()
        redpin.list_script.extend([Handler.hang_up] * 4)
        sweep()
    payment_session_html(session, request=RequestFactory().get("/"), renew_url="https://evil.test/")
    return [PAYER, IBAN, address, url.split("/")[-2], wrong.split("/")[-2], SECRET]


@pytest.mark.heavy
@pytest.mark.django_db(transaction=True)
def test_b7_nothing_that_can_be_seen_tells_a_secret_or_a_payer(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    agent: Recipient,
    seen: Seen,
    heard: Heard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_everything(redpin, arguments, monkeypatch)
    breaker.reset()
    for signal in (signals.payment_status_changed, signals.webhook_event_dead):
        signal.connect(fail)
    try:
        hidden = live(redpin, arguments, agent)
    finally:
        for signal in (signals.payment_status_changed, signals.webhook_event_dead):
            signal.disconnect(fail)
    redpin.token_script.extend([TOKEN_STEPS["refuses"]] * 2)
    checks = [health.AccessToken(), health.DeadRows("events"), health.DeadRows("transitions")]
    results = [async_to_sync(check.get_result)() for check in checks]

    ours = heard.texts("django_redpin", "health_check", "django_redpin.security")
    spans = [span.to_json() for span in seen.spans()]
    metrics = [repr(seen.points())]
    told = [str(result.error) + repr(result.check) for result in results]
    assert len(ours) > 30
    assert len(spans) > 30
    assert WebhookEvent.objects.filter(outcome=WebhookEvent.Outcome.DEAD).exists()
    assert StatusTransition.objects.filter(outcome=StatusTransition.Outcome.DEAD).exists()
    assert any(result.error for result in results)
    for secret in [*hidden, "canary-token", "canary-webhook-secret"]:
        assert secret
        found = [text for text in [*ours, *spans, *metrics, *told] if secret in text]
        assert found == [], secret
    # The paths that servers write are the project's to hide; ours are in no line of Django's.
    tokens = hidden[3:5]
    django = [text for text in heard.texts("django") if "django.db.backends" not in text]
    assert [text for text in django if any(token in text for token in tokens)] == []
