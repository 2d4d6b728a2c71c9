"""Who plays Redpin, behind one face: over HTTP or not, what is asked and answered is the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol

import requests
import simplejson

from django_redpin.client.adapter import open_session
from django_redpin.models import PaymentSession
from django_redpin.testing import FakeRedpin
from tests.redpin_server import FakeRedpin as ObedientRedpin
from tests.redpin_server import Server
from tests.test_sandbox_flow import SECRET

CUSTOMER = "0201001008132685"
CLIENT = "merchant"


class Play(Protocol):
    """What a player does besides answering."""

    def fail(self, call: str, fault: str, **options: Any) -> None:
        """Let the next such call go wrong."""

    def forgive(self) -> None:
        """Let nothing go wrong any more."""

    def pay(self, reference: str) -> None:
        """Let the session's payment begin."""

    def finish(self, reference: str) -> None:
        """Let a payment that has begun be completed."""


@dataclass
class Player:
    """One of them: where it is, the secret that it takes, and what it can be told."""

    name: str
    url: str
    secret: str = field(repr=False)
    play: Play
    token: str = field(default="", repr=False)
    count: int = 0

    def send(self, method: str, path: str, **how: Any) -> requests.Response:
        """Send by the client's own adapter, so that the fake is met as it is by the client."""
        with open_session() as session:
            return session.request(method, self.url + path, timeout=(5, 5, 10), **how)  # type: ignore[arg-type]

    def sign_in(self, **changes: str | None) -> requests.Response:
        """Ask for a token; a change to None leaves the field out."""
        form = {
            "grant_type": "client_credentials",
            "client_id": CLIENT,
            "client_secret": self.secret,
            **changes,
        }
        given = {name: value for name, value in form.items() if value is not None}
        return self.send("POST", "/auth/oauth/v2/token", data=given)

    @property
    def headers(self) -> dict[str, str]:
        if not self.token:
            self.token = self.sign_in().json()["access_token"]
        return {"Authorization": f"Bearer {self.token}"}

    def post(self, kind: str, document: Any, customer: str = CUSTOMER) -> requests.Response:
        """Post to the sessions or the recipients; bytes are sent as they are."""
        version = "v1" if kind == "sessions" else "v2"
        body = document
        if not isinstance(document, bytes):
            body = simplejson.dumps(document, use_decimal=True).encode()
        headers = {**self.headers, "Content-Type": "application/json"}
        return self.send(
            "POST", f"/{version}/customers/{customer}/{kind}", data=body, headers=headers
        )

    def create(self, **changes: Any) -> requests.Response:
        return self.post("sessions", self.request(**changes))

    def list(self, kind: str = "sessions", **query: Any) -> requests.Response:
        version = "v1" if kind == "sessions" else "v2"
        path = f"/{version}/customers/{CUSTOMER}/{kind}"
        return self.send("GET", path, params=query, headers=self.headers)

    def found(self, reference: str) -> Any:
        """Return the session that the list has for the reference."""
        (session,) = json(self.list(client_reference_id=reference))["sessions"]
        return session

    def request(self, **changes: Any) -> dict[str, Any]:
        """Return a request that breaks no rule, of a new reference; None takes a field out."""
        self.count += 1
        document = {
            "client_customer_ref": "CUST_001",
            "client_reference_id": new_reference(),
            "amount": amount(250000),
            "due_date": in_days(30),
            "purpose_of_transaction": "PROPERTY_PURCHASE",
            "recipient_details": [{"recipient_id": "12345", "amount": amount(250000)}],
            **changes,
        }
        return {name: value for name, value in document.items() if value is not None}


def json(response: requests.Response) -> Any:
    """Return what was answered, amounts as Decimal."""
    return simplejson.loads(response.content, use_decimal=True)


def amount(value: Any, currency: str = "AED") -> dict[str, Any]:
    return {"currency": currency, "value": value}


def in_days(days: int) -> str:
    return (datetime.now(timezone.utc).date() + timedelta(days=days)).isoformat()


_made = iter(range(10**9))
_run = datetime.now(timezone.utc).strftime("%H%M%S%f")


def new_reference() -> str:
    return f"contract-{_run}-{next(_made)}"


class OfTheFake:
    """The kit's fake, which is told by Python."""

    def __init__(self, fake: FakeRedpin) -> None:
        self.fake = fake

    def fail(self, call: str, fault: str, **options: Any) -> None:
        self.fake.fail(call, fault, **options)

    def forgive(self) -> None:
        self.fake.forgive()

    def pay(self, reference: str) -> None:
        self.fake.pay(session_of(reference))

    def finish(self, reference: str) -> None:
        self.fake.complete(session_of(reference))


class OfTheSandbox:
    """The sandbox, which is told by HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url

    def fail(self, call: str, fault: str, **options: Any) -> None:
        document = {"call": call, "fault": fault, **options}
        answer = requests.post(f"{self.url}/control/faults", json=document, timeout=10)
        assert answer.status_code == 201, answer.text

    def forgive(self) -> None:
        requests.delete(f"{self.url}/control/faults", timeout=10)

    def pay(self, reference: str) -> None:
        self._tell(reference, "pay")

    def finish(self, reference: str) -> None:
        self._tell(reference, "finish")

    def _tell(self, reference: str, control: str) -> None:
        state = requests.get(f"{self.url}/control/state", timeout=10).json()["sessions"]
        (found,) = (each for each in state if each["client_reference_id"] == reference)
        place = f"{self.url}/control/sessions/{found['session_id']}/{control}"
        answer = requests.post(place, json={}, timeout=10)
        assert answer.status_code == 200, answer.text


class OfTheServer:
    """The tests' own server, which does as it is told and validates nothing."""

    def __init__(self, redpin: ObedientRedpin) -> None:
        self.redpin = redpin

    def fail(self, call: str, fault: str, **options: Any) -> None:
        raise NotImplementedError

    def forgive(self) -> None:
        """Nothing goes wrong here by itself."""

    def pay(self, reference: str) -> None:
        self.redpin.pay(reference, "PROCESSING")

    def finish(self, reference: str) -> None:
        self.redpin.pay(reference, "PAYMENT_COMPLETED")


def session_of(reference: str) -> PaymentSession:
    """Return a row by which the fake knows the session; it need not be stored."""
    return PaymentSession(client_reference_id=reference)


@contextmanager
def the_fake() -> Iterator[Player]:
    with FakeRedpin() as fake:
        yield Player("fake", "https://api.redpin.test", SECRET, OfTheFake(fake))


@contextmanager
def the_server() -> Iterator[Player]:
    redpin = ObedientRedpin()
    server = Server(redpin)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    secret = "canary-client-secret-0123456789"
    yield Player("server", redpin.url, secret, OfTheServer(redpin))
    server.shutdown()
    server.server_close()
    thread.join()
