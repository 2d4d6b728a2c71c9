"""The control pages under a person's hands: what was typed, and buttons that came too late."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from django_redpin.sandbox import control_api
from django_redpin.sandbox.models import Session

from .browser import forms_of
from .conftest import OPTIONS, Program, body_of
from .doors import Api, Door, Page, state, statuses


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


@pytest.mark.heavy
def test_what_was_typed_is_still_there_when_it_is_refused(session: Session) -> None:
    Api().do(session, "pay")
    typed = {"status": "REFUNDED", "recipient_id": "12345", "reason": "Why", "refund_amount": "x"}
    html = Page().ask(session, "status", **typed).content.decode()
    for name in ("status", "reason", "refund_amount"):
        assert f'value="{typed[name]}"' in html
    assert '<option value="12345" selected>' in html

    fault = {"kind": "missing_field", "value": "nothing", "events": "7"}
    for door in (session, None):
        html = Page().ask(door, "callback-fault", **fault).content.decode()
        assert 'value="nothing"' in html
        assert 'value="7"' in html
        assert '<option value="missing_field" selected>' in html

    assert 'value="soon"' in Page().ask(session, "extend", minutes="soon").content.decode()
    html = Page().ask(session, "forge", status="FORGED", recipient_id="1").content.decode()
    assert 'value="FORGED"' in html
    assert 'value="PAYMENT_COMPLETED" required' not in html


@pytest.mark.parametrize(("kind", "value"), [("duplicate", "2"), ("delay", "5")])
@pytest.mark.parametrize("door", [Api(), Page()])
def test_a_fault_that_counts_has_a_usual_number(
    session: Session, door: Door, kind: str, value: str
) -> None:
    door.do(session, "callback-fault", kind=kind)
    assert state(session)["callback_faults"] == [{"kind": kind, "value": value, "events": 1}]


def test_a_delivery_tells_where_it_went_and_not_where_it_would_have_gone(
    program: Program, settings: Settings
) -> None:
    settings.REDPIN_SANDBOX = OPTIONS | {"SITE": "http://127.0.0.1:8000"}
    session = program.session(callbacks=["https://merchant.example/hook/secret/?a=b"])
    Api().do(session, "pay")
    assert state(session)["deliveries"][0]["to"] == "127.0.0.1:8000/hook/…"


def test_the_control_page_leads_to_the_log_of_its_session(session: Session) -> None:
    html = Client().get(f"/sessions/{session.key}/control/").content.decode()
    assert f'href="/log/?about={session.session_id}"' in html


def test_a_refusal_is_a_sentence(session: Session) -> None:
    text = body_of(Api().ask(session, "callback-fault", kind="before_answer"))["error"]
    assert text.startswith("kind must be another one here: before_answer waits for")


@pytest.mark.parametrize("path", ["state", "faults", "nothing"])
def test_a_host_that_django_refuses_is_refused_in_json_too(
    db: None, settings: Settings, path: str
) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
    response = Client().get(f"/control/{path}", headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert set(body_of(response)) == {"error"}


def test_a_control_call_that_fails_is_answered_in_json_too(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(control_api, "state_of")
    client = Client(raise_request_exception=False)
    response = client.get(f"/control/sessions/{session.session_id}")
    assert response.status_code == 500
    assert body_of(response) == {"error": "The sandbox failed. Its log says why."}
