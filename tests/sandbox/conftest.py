"""What the sandbox's tests share: a program that calls its API, and a receiver of its callbacks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from datetime import timezone as tz
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import simplejson
from django.test import Client

from django_redpin.sandbox.models import Session

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response
    from pytest_django import Settings

CUSTOMER = "0201001008132685"
OPTIONS = {
    "CLIENT_ID": "merchant",
    "CLIENT_SECRET": "a-secret",
    "CUSTOMER_ID": CUSTOMER,
    "STEP_SECONDS": 10,
}


def body_of(response: Response) -> Any:
    return simplejson.loads(response.content, use_decimal=True)


def in_days(days: int) -> str:
    today = datetime.now(tz.utc).date()
    return (today + timedelta(days=days)).isoformat()


def amount(value: Any, currency: str = "AED") -> dict[str, Any]:
    return {"currency": currency, "value": value}


@dataclass
class Program:
    """A merchant's program that speaks HTTP with the sandbox."""

    client: Client
    token: str = ""
    count: int = 0

    def sign_in(self, **changes: str) -> Response:
        form = {
            "grant_type": "client_credentials",
            "client_id": "merchant",
            "client_secret": "a-secret",
        } | changes
        data = "&".join(f"{name}={value}" for name, value in form.items())
        return self.client.post(
            "/auth/oauth/v2/token", data, content_type="application/x-www-form-urlencoded"
        )

    @property
    def headers(self) -> dict[str, str]:
        if not self.token:
            self.token = body_of(self.sign_in())["access_token"]
        return {"Authorization": f"Bearer {self.token}"}

    def request(self, **changes: Any) -> dict[str, Any]:
        """Return a valid request; a change to None takes the field out."""
        self.count += 1
        document: dict[str, Any] = {
            "client_customer_ref": "CUST_001",
            "client_reference_id": f"order-{self.count}",
            "amount": amount(250000),
            "due_date": in_days(30),
            "purpose_of_transaction": "PROPERTY_PURCHASE",
            "recipient_details": [{"recipient_id": "12345", "amount": amount(250000)}],
        }
        document |= changes
        return {name: value for name, value in document.items() if value is not None}

    def create(self, customer: str = CUSTOMER, **changes: Any) -> Response:
        return self.post(simplejson.dumps(self.request(**changes), use_decimal=True), customer)

    def post(self, body: str | bytes, customer: str = CUSTOMER) -> Response:
        return self.client.post(
            f"/v1/customers/{customer}/sessions",
            body,
            content_type="application/json",
            headers=self.headers,
        )

    def list(self, customer: str = CUSTOMER, **query: str | int) -> Response:
        return self.client.get(
            f"/v1/customers/{customer}/sessions", data=query, headers=self.headers
        )

    def session(self, **changes: Any) -> Session:
        """Create a session that has to be accepted; return the sandbox's row of it."""
        response = self.create(**changes)
        assert response.status_code == 201, response.content
        return Session.objects.get(session_id=body_of(response)["session_id"])


@dataclass
class Receiver:
    """A real HTTP server that notes what is posted to it and answers as it is told."""

    url: str
    posted: list[tuple[str, Any]] = field(default_factory=list)
    # Each body as it came, with its content type; what is no JSON is None among the posted.
    raw: list[tuple[str, bytes]] = field(default_factory=list)
    # Path: statuses of the answers to come; 200 once they are used up.
    answers: dict[str, list[int]] = field(default_factory=dict)
    on_post: Callable[[str, Any], None] | None = None
    hold: threading.Event = field(default_factory=threading.Event)

    @property
    def statuses(self) -> list[str]:
        return [body["status"] for _, body in self.posted]


@pytest.fixture(autouse=True)
def _sandbox(settings: Settings) -> None:
    settings.ROOT_URLCONF = "django_redpin.sandbox.urls"
    settings.REDPIN_SANDBOX = OPTIONS


@pytest.fixture
def program(db: None) -> Program:
    return Program(Client())


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            content = self.rfile.read(length)
            try:
                body = simplejson.loads(content, use_decimal=True)
            except ValueError:
                body = None
            noted.raw.append((self.headers["Content-Type"], content))
            if self.path == "/slow":
                noted.hold.wait(10)
            noted.posted.append((self.path, body))
            if noted.on_post is not None:
                noted.on_post(self.path, body)
            status = (noted.answers.get(self.path) or [200]).pop(0)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    noted = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield noted
    noted.hold.set()
    server.shutdown()
    thread.join()
    server.server_close()
