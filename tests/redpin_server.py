"""A real HTTP server that speaks as Redpin does, and misbehaves when it is told to.

Smaller and more obedient than the sandbox: tests script its answers and read what it was sent.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import simplejson

Script = Callable[["Handler"], None]


@dataclass
class Call:
    """One request that arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return simplejson.loads(self.body, use_decimal=True)


@dataclass
class FakeRedpin:
    """What the server knows, was sent, and will say next."""

    calls: list[Call] = field(default_factory=list)
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    token_script: deque[Script] = field(default_factory=deque)
    create_script: deque[Script] = field(default_factory=deque)
    list_script: deque[Script] = field(default_factory=deque)
    recipients: list[dict[str, Any]] = field(default_factory=list)
    recipient_script: deque[Script] = field(default_factory=deque)
    recipient_list_script: deque[Script] = field(default_factory=deque)
    list_tells_pages: bool = True
    list_shows_url: bool = False
    expires_in: int = 3600
    lifetime: timedelta = timedelta(minutes=30)
    clock: timedelta = timedelta()
    revoked: set[str] = field(default_factory=set)
    tokens: int = 0
    url: str = ""
    connections: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, method: str, ending: str) -> int:
        """Return how many such requests arrived."""
        return sum(
            call.method == method and call.path.endswith(ending) for call in list(self.calls)
        )

    @property
    def creates(self) -> list[Call]:
        """The create calls that arrived."""
        return [c for c in self.calls if c.method == "POST" and c.path.endswith("/sessions")]

    @property
    def adds(self) -> list[Call]:
        """The calls to add a recipient that arrived."""
        return [c for c in self.calls if c.method == "POST" and c.path.endswith("/recipients")]

    def add(self, body: dict[str, Any]) -> dict[str, Any]:
        """Add the recipient, and return the answer. A reference is taken any number of times."""
        with self.lock:
            known = {
                "recipient_id": str(1668758 + len(self.recipients)),
                "client_reference_id": body["client_reference_id"],
            }
            self.recipients.append(known)
        return known

    def pay(self, reference: str, status: str, payment_id: str = "9001") -> None:
        """Let the session's payment be in `status`."""
        self.sessions[reference].update(
            latest_status=status, has_payment=True, payment_id=payment_id
        )

    def store(self, body: dict[str, Any], customer_id: str) -> dict[str, Any]:
        """Create the session, as Redpin does."""
        now = datetime.now(timezone.utc)
        record = {
            "session_id": str(uuid.uuid4()),
            "client_reference_id": body["client_reference_id"],
            "client_customer_ref": body["client_customer_ref"],
            "customer_id": customer_id,
            "created_at": iso(now),
            "session_expires_at": iso(now + self.lifetime),
            "latest_status": None,
            "has_payment": False,
            "payment_id": None,
        }
        self.sessions[body["client_reference_id"]] = record
        return record

    def created(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to create."""
        return {
            "session_id": record["session_id"],
            "client_reference_id": record["client_reference_id"],
            "expires_at": record["session_expires_at"],
            "session_url": f"{self.url}/pay/{record['session_id']}/",
        }


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    @property
    def redpin(self) -> FakeRedpin:
        return self.server.redpin

    def setup(self) -> None:
        super().setup()
        with self.redpin.lock:
            self.redpin.connections += 1

    def finish(self) -> None:
        super().finish()
        with self.redpin.lock:
            self.redpin.connections -= 1

    def do_POST(self) -> None:
        call = self._record()
        if call is None:
            self.hang_up()
        elif call.path.endswith("/token"):
            self._scripted(self.redpin.token_script, self.answer_token)
        elif call.path.endswith("/recipients"):
            self._scripted(self.redpin.recipient_script, self.answer_add)
        else:
            self._scripted(self.redpin.create_script, self.answer_create)

    def do_GET(self) -> None:
        if self.path == "/ping":
            self.json(200, {})
            return
        call = self._record()
        if call and call.path.endswith("/recipients"):
            self._scripted(self.redpin.recipient_list_script, self.answer_recipients)
        else:
            self._scripted(self.redpin.list_script, self.answer_list)

    def _record(self) -> Call | None:
        """Note the call; whoever sent a part of one died in the middle of it."""
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.call = Call(
            self.command,
            parts.path,
            {name: values[0] for name, values in parse_qs(parts.query).items()},
            {name.lower(): value for name, value in self.headers.items()},
            body,
        )
        if len(body) < length:
            return None
        self.redpin.calls.append(self.call)
        return self.call

    def _scripted(self, script: deque[Script], default: Callable[[], None]) -> None:
        with self.redpin.lock:
            step = script.popleft() if script else None
        if step is None:
            default()
        else:
            step(self)

    def answer_token(self) -> None:
        form = {name: values[0] for name, values in parse_qs(self.call.body.decode()).items()}
        if form.get("client_secret") != "canary-client-secret-0123456789":
            self.json(401, {"error": "invalid_client"})
            return
        with self.redpin.lock:
            self.redpin.tokens += 1
            token = f"canary-token-{self.redpin.tokens}"
        self.json(
            200,
            {"access_token": token, "token_type": "bearer", "expires_in": self.redpin.expires_in},
        )

    def is_authorized(self) -> bool:
        scheme, _, token = self.call.headers.get("authorization", "").partition(" ")
        if (
            scheme == "Bearer"
            and token.startswith("canary-token-")
            and token not in self.redpin.revoked
        ):
            return True
        self.error(401, "UNAUTHORIZED", "The token is missing or expired.")
        return False

    def answer_create(self) -> None:
        if not self.is_authorized():
            return
        body = self.call.json
        if body["client_reference_id"] in self.redpin.sessions:
            self.error(400, "INVALID_PARAMETER", "duplicate", field="client_reference_id")
            return
        record = self.redpin.store(body, self.call.path.split("/")[-2])
        self.json(201, self.redpin.created(record))

    def answer_list(self) -> None:
        """Answer with one page of what the filters let through, the newest first."""
        if not self.is_authorized():
            return
        filters = dict(self.call.query)
        page, limit = int(filters.pop("page", 1)), int(filters.pop("limit", 20))
        found = [
            record
            for record in reversed(list(self.redpin.sessions.values()))
            if all(record.get(name) == value for name, value in filters.items())
        ]
        shown = [dict(record) for record in found[(page - 1) * limit : page * limit]]
        if self.redpin.list_shows_url:
            for record in shown:
                record["session_url"] = f"{self.redpin.url}/pay/{record['session_id']}/"
        total = len(found)
        meta = {
            "page": page,
            "limit": limit,
            "total_records": total,
            "total_pages": -(-total // limit),
        }
        self.json(200, {"sessions": shown, "meta": meta})

    def answer_add(self) -> None:
        if self.is_authorized():
            self.json(201, self.redpin.add(self.call.json))

    def answer_recipients(self) -> None:
        if not self.is_authorized():
            return
        page, limit = int(self.call.query["page"]), int(self.call.query["limit"])
        known = self.redpin.recipients
        shown = known[(page - 1) * limit : page * limit]
        meta = {"page": page, "limit": limit, "total_pages": -(-len(known) // limit)}
        told = {"meta_data": meta} if self.redpin.list_tells_pages else {}
        self.json(200, {"recipients": shown, **told})

    def error(self, status: int, code: str, description: str, field: str = "") -> None:
        envelope = {"code": code, "description": description, "type": "Validation Error"}
        self.json(status, {**envelope, "field": field} if field else envelope)

    def json(self, status: int, body: object) -> None:
        self.raw(status, simplejson.dumps(body, use_decimal=True).encode())

    def raw(self, status: int, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the time for the Date header, by this Redpin's own clock."""
        return super().date_time_string(time.time() + self.redpin.clock.total_seconds())

    def hang_up(self) -> None:
        """Close the connection without an answer."""
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Keep the tests' output quiet."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, redpin: FakeRedpin) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.redpin = redpin
        redpin.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *args: object) -> None:
        """A client that hung up is what some tests are about."""


def iso(moment: datetime) -> str:
    """Return the time as Redpin writes it."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
