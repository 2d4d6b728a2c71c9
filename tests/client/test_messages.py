"""The wire's shapes, where a value could change their meaning."""

from __future__ import annotations

from dataclasses import replace

from django_redpin.client.messages import create_body
from django_redpin.rules.requests import PayeeShare
from tests.rules.samples import AGENT, RIGHT


def test_the_recipients_own_currency_is_the_one_that_is_sent() -> None:
    payee = replace(AGENT, bank_details={"iban": "AE07", "currency": "USD"})

    body = create_body(replace(RIGHT, recipients=[PayeeShare(payee, RIGHT.amount)]))

    assert body["recipient_details"][0]["recipient_bank_details"] == {
        "iban": "AE07",
        "currency": "AED",
    }
