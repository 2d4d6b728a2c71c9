"""The control pages under a person's hands: what was typed, and buttons that came too late."""

from __future__ import annotations

import pytest
from django.test import Client

from django_redpin.sandbox.models import Session

from .browser import forms_of
from .conftest import Program
from .doors import Api, statuses


@pytest.fixture
def session(program: Program) -> Session:
    return program.session()


def test_a_button_that_names_a_status_lets_no_other_one_come(session: Session) -> None:
    Api().do(session, "pay")
    address = f"/sessions/{session.key}/control/"
    client = Client()
    button = forms_of(client.get(address).content.decode())["next"]
    assert client.post(button.action, button.hidden).status_code == 303
    happened = statuses(session)
    again = client.post(button.action, button.hidden)
    assert again.status_code == 422
    assert "moved meanwhile" in again.content.decode()
    assert statuses(session) == happened == ["PROCESSING", "PAYOUT_INITIATED"]
    Api().do(session, "next")
    assert statuses(session)[-1] == "PAYOUT_CREDITED"
