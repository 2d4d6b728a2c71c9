from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core import mail
from moneyed import Money

from django_redpin.models import PaymentSession
from django_redpin.testing import FakeRedpin
from django_redpin.testing.plugin import RedpinWebhook

from .orders import start_payment

RENT = Money("9500.00", "AED")


@pytest.mark.django_db
def test_a_paid_order_gets_its_receipt(redpin: FakeRedpin, redpin_webhook: RedpinWebhook) -> None:
    session = start_payment(1, RENT, "amal@example.com")
    assert session is not None

    posted = redpin_webhook(session, "PAYMENT_COMPLETED")

    assert posted.outcome == "applied"
    assert [message.to for message in mail.outbox] == [["amal@example.com"]]


def test_a_session_that_was_cancelled_gets_none(
    redpin_session: Callable[..., PaymentSession], redpin_webhook: RedpinWebhook
) -> None:
    session = redpin_session(RENT, metadata={"email": "amal@example.com"})

    redpin_webhook(session, "CANCELLED", reason="The flat was sold")

    assert mail.outbox == []


@pytest.mark.django_db
def test_a_refused_request_is_told(redpin: FakeRedpin) -> None:
    redpin.fail("create", "unreachable", times=None)

    assert start_payment(1, RENT, "amal@example.com") is None
    assert {call.fault for call in redpin.creates} == {"unreachable"}
