"""The API's two versions: what a reference may be, where events go, and in which envelope."""

from __future__ import annotations

from typing import Any

import pytest
import simplejson
from django.utils import timezone
from pytest_django import Settings

from django_redpin.sandbox import __main__ as command
from django_redpin.sandbox.conf import options
from django_redpin.sandbox.courier import deliver_due
from django_redpin.sandbox.flows import begin_payment
from django_redpin.sandbox.models import Delivery, Session, Subscription
from django_redpin.sandbox.rates import offers

from .conftest import CUSTOMER, OPTIONS, Program, Receiver, body_of

HOOK = "https://merchant.example/hook"


@pytest.fixture
def new(settings: Settings) -> None:
    settings.REDPIN_SANDBOX = OPTIONS | {"API": "new"}


def subscribe(program: Program, **values: Any) -> Any:
    given = {"endpoint": HOOK, "event_type": "PAYMENT STATUS"} | values
    return program.client.post(
        f"/v1/customers/{CUSTOMER}/webhooks",
        simplejson.dumps({name: value for name, value in given.items() if value is not None}),
        content_type="application/json",
        headers=program.headers,
    )


def pay(session: Session) -> None:
    begin_payment(session, offers(session.total)[0], timezone.now())
    deliver_due()


@pytest.mark.parametrize(("api", "most"), [("seed", 100), ("new", 36)])
def test_a_reference_has_its_greatest_length(
    program: Program, settings: Settings, api: str, most: int
) -> None:
    settings.REDPIN_SANDBOX = OPTIONS | {"API": api}
    assert program.create(client_reference_id="r" * most).status_code == 201
    response = program.create(client_reference_id="r" * (most + 1))
    assert response.status_code == 400
    assert body_of(response)["field"] == "client_reference_id"


def test_the_newer_api_names_the_end_as_its_list_does(program: Program, new: None) -> None:
    body = body_of(program.create())
    assert set(body) == {"session_id", "client_reference_id", "session_expires_at", "session_url"}


def test_the_newer_api_does_not_know_callbacks(
    program: Program, new: None, receiver: Receiver
) -> None:
    session = program.session(callbacks=[f"{receiver.url}/hook"])
    assert session.callbacks == []
    assert program.create(callbacks="nonsense").status_code == 201
    pay(session)
    assert receiver.posted == []
    assert not Delivery.objects.exists()


def test_a_subscription_gets_the_events_in_the_nested_envelope(
    program: Program, new: None, receiver: Receiver
) -> None:
    response = subscribe(program, endpoint=f"{receiver.url}/hook")
    assert response.status_code == 201
    assert body_of(response) == {"id": Subscription.objects.get().pk}
    session = program.session()
    pay(session)
    ((path, event),) = receiver.posted
    assert path == "/hook"
    assert event.pop("event_id")
    assert event.pop("event_timestamp")
    assert event == {
        "event_type": "PAYMENT STATUS",
        "version": "v1.0.0",
        "data": {
            "payment_id": session.payment.payment_id,
            "status": "PROCESSING",
            "customer_id": CUSTOMER,
            "client_customer_ref": session.client_customer_ref,
            "client_reference_id": session.client_reference_id,
            "session_id": str(session.session_id),
        },
    }


def test_a_later_subscription_takes_the_earlier_ones_place(
    program: Program, new: None, receiver: Receiver
) -> None:
    first = body_of(subscribe(program, endpoint=f"{receiver.url}/one"))
    assert body_of(subscribe(program, endpoint=f"{receiver.url}/two")) == first
    assert body_of(subscribe(program, event_type="VBAN STATUS")) != first
    pay(program.session())
    assert [path for path, _ in receiver.posted] == ["/two"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"endpoint": None}, "endpoint"),
        ({"endpoint": "http://merchant.example/hook"}, "endpoint"),
        ({"event_type": None}, "event_type"),
        ({"event_type": "payment status"}, "event_type"),
    ],
)
def test_a_subscription_that_makes_no_sense_is_refused(
    program: Program, new: None, values: dict[str, Any], field: str
) -> None:
    response = subscribe(program, **values)
    assert (response.status_code, body_of(response)["field"]) == (400, field)


def test_only_the_customer_subscribes_and_only_by_post(program: Program, new: None) -> None:
    path = f"/v1/customers/{CUSTOMER}/webhooks"
    assert program.client.post(path, "{}", content_type="application/json").status_code == 401
    assert program.client.get(path, headers=program.headers).status_code == 405
    assert (
        program.client.post(
            path, "{", content_type="application/json", headers=program.headers
        ).status_code
        == 400
    )


def test_the_older_api_has_no_subscriptions(program: Program) -> None:
    response = subscribe(program)
    assert response.status_code == 404
    assert "--api new" in body_of(response)["description"]


def test_references_are_unique_for_each_client_or_for_each_customer(
    program: Program, settings: Settings
) -> None:
    def create(api: str, client: str) -> int:
        settings.REDPIN_SANDBOX = OPTIONS | {"API": api, "CLIENT_ID": client}
        program.token = body_of(program.sign_in(client_id=client))["access_token"]
        return program.create(client_reference_id="same").status_code

    assert [create("seed", "a"), create("seed", "b"), create("seed", "a")] == [201, 201, 400]
    assert [create("new", "a"), create("new", "b")] == [201, 400]


def test_a_version_that_is_unknown_is_named(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.REDPIN_SANDBOX = OPTIONS | {"API": "old"}
    with pytest.raises(Exception, match="seed, new"):
        options()
    with pytest.raises(SystemExit):
        command.main(["--api", "old"])
    assert "seed" in capsys.readouterr().err


@pytest.mark.parametrize("site", ["nonsense", "http://127.0.0.1:8000/", "ftp://h", "http://h?x"])
def test_a_site_that_is_no_origin_is_named(
    settings: Settings, site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.REDPIN_SANDBOX = OPTIONS | {"SITE": site}
    with pytest.raises(Exception, match="origin"):
        options()
    with pytest.raises(SystemExit):
        command.main(["--site", site])
    assert "http://127.0.0.1:8000" in capsys.readouterr().err


def test_callbacks_go_to_the_site_on_this_machine_whatever_their_public_host(
    program: Program, settings: Settings, receiver: Receiver
) -> None:
    settings.REDPIN_SANDBOX = OPTIONS | {"SITE": receiver.url}
    pay(program.session(callbacks=["https://merchant.example/hook?a=1"]))
    assert [path for path, _ in receiver.posted] == ["/hook?a=1"]
