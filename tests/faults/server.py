"""A server on a raw socket, which does to each connection what it is told: no HTTP library helps
it, so that it can break every rule of HTTP, TLS and TCP.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import simplejson

Play = Callable[["Line"], None]

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def reference(self) -> str:
        """The client_reference_id that it is about."""
        if self.method == "POST":
            return str(simplejson.loads(self.body)["client_reference_id"])
        return parse_qs(urlsplit(self.target).query)["client_reference_id"][0]


class Line:
    """One accepted connection, and what can be done to it."""

    def __init__(self, sock: socket.socket, server: FaultServer) -> None:
        self.sock = sock
        self.server = server
        self._incoming = sock.makefile("rb")

    def request(self) -> Request | None:
        """Read the next request to its end; None where the client has hung up."""
        first = self._incoming.readline().decode("latin-1").split()
        if not first:
            return None
        headers: dict[str, str] = {}
        while line := self._incoming.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = self._incoming.read(int(headers.get("content-length", 0)))
        request = Request(first[0], first[1], headers, body)
        self.server.requests.append(request)
        return request

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def drip(self, pieces: Iterable[bytes], pause: float = 0.05) -> None:
        """Send one piece after another until the client or the test has had enough."""
        for piece in pieces:
            self.send(piece)
            if self.pause(pause):
                return

    def pause(self, seconds: float) -> bool:
        """Wait, and tell whether the test is over."""
        return self.server.is_over.wait(seconds)

    def stay_silent(self) -> None:
        self.server.is_over.wait()

    def reset(self) -> None:
        """End it with RST, whatever is still under way."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.close()

    def finish(self) -> None:
        """End it with FIN, and take what still comes, so that no RST follows."""
        self.sock.shutdown(socket.SHUT_WR)
        self._incoming.read()

    def close(self) -> None:
        self._incoming.close()
        self.sock.close()


class FaultServer:
    """Plays `play` on every connection, each in a thread; with `tls`, once the handshake is done.

    `connections` and `requests` are what it has seen so far.
    """

    def __init__(self, play: Play, tls: ssl.SSLContext | None = None) -> None:
        self.play = play
        self.is_over = threading.Event()
        self.connections = 0
        self.requests: list[Request] = []
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"

    def __enter__(self) -> FaultServer:
        self._threads[0].start()
        return self

    def __exit__(self, *error: object) -> None:
        self.is_over.set()
        for sock in (self._listener, *list(self._open)):
            with contextlib.suppress(OSError):
                # Beneath TLS, which another thread is in the midst of.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=5)
            assert not thread.is_alive()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # The end: the listener is closed.
            while True:
                sock, _ = self._listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                self._open.add(sock)
                thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, sock: socket.socket) -> None:
        plain = sock
        try:
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._open.add(sock)
            line = Line(sock, self)
            try:
                self.play(line)
            finally:
                line.close()
        except OSError:
            """The client has hung up, which is what many plays are about."""
        finally:
            sock.close()
            self._open.difference_update((plain, sock))


def answer(status: int, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """Return an answer as bytes; `length` is the Content-Length where that is to be a lie."""
    lines = [
        f"HTTP/1.1 {status} Whatever",
        f"Content-Length: {len(body) if length is None else length}",
    ]
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + body


def right_answer(request: Request) -> bytes:
    """Answer as Redpin does; the session_id tells which request it is for.

    Create's answer leaves client_reference_id out, so that a mix-up is for the test to find.
    """
    if request.target.endswith("/token"):
        return answer(200, b'{"access_token": "canary-token-1", "token_type": "bearer"}')
    session = {
        "session_id": f"s-{request.reference}",
        "session_url": "https://pay.redpin.test/s/",
        "expires_at": "2030-01-01T00:00:00Z",
    }
    if request.method == "POST":
        return answer(201, simplejson.dumps(session).encode())
    entry = {**session, "client_reference_id": request.reference}
    return answer(200, simplejson.dumps({"sessions": [entry]}).encode())


def serving(reply: Callable[[Request], bytes] = right_answer) -> Play:
    """Return the play that gives each request on a connection its reply."""

    def play(line: Line) -> None:
        while request := line.request():
            line.send(reply(request))

    return play


def in_turn(*plays: Play) -> Play:
    """Return the play that gives each connection the next of `plays`, and the last one for ever."""
    rest = list(plays)
    lock = threading.Lock()

    def play(line: Line) -> None:
        with lock:
            chosen = rest.pop(0) if len(rest) > 1 else rest[0]
        chosen(line)

    return play
