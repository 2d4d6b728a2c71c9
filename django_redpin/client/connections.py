"""Connections with hard bounds: one deadline for a call, one cap for the bytes that it reads.

A read time-out of urllib3 starts anew with every byte, so that a server which drips holds its
caller for ever, and nothing there bounds what is read. Here every wait of a call ends at the call's
deadline, from the first address that is tried to the last byte that is read.
"""

from __future__ import annotations

import io
import socket
import ssl
import threading
import time
from typing import Any, Final, cast

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util import connection

from ..exceptions import NoAnswer, NotSent

_TOO_LATE: Final = "The call to Redpin took longer than TOTAL_TIMEOUT."


class _Call(threading.local):
    """The call under way in this thread: what it has left, and whether it has sent anything."""

    _deadline: float = 0.0  # By the monotonic clock, in seconds.
    _bytes_left: int = 0
    _max_bytes: int = 0
    has_sent: bool = False

    def begin(self, seconds: float, max_bytes: int) -> None:
        self._deadline = time.monotonic() + seconds
        self._bytes_left = self._max_bytes = max_bytes
        self.has_sent = False

    def may_wait(self, longest: float | None) -> float:
        """Return how many seconds the next wait may take, or raise the failure."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self.failure(_TOO_LATE)
        return left if longest is None else min(left, longest)

    def count(self, received: int) -> None:
        """Count what was read, or raise the failure where it is too much."""
        self._bytes_left -= received
        if self._bytes_left < 0:
            raise self.too_large()

    def too_large(self) -> NoAnswer:
        return self.failure(f"Redpin's answer is larger than {self._max_bytes} bytes.")

    def failure(self, text: str) -> NoAnswer:
        """Return `NotSent` where nothing of the request has left, else `NoAnswer`."""
        if time.monotonic() >= self._deadline:  # Whatever else it looked like.
            text = _TOO_LATE
        return NoAnswer(text) if self.has_sent else NotSent(text)


current_call: Final = _Call()


class _BoundedSocket:
    """A connected socket (TLS or not) whose every wait ends at the deadline of its call."""

    def __init__(self, sock: socket.socket, *, carries_request: bool = True) -> None:
        self._sock: Any = sock  # Or urllib3's TLS within TLS, which is no socket of Python's.
        self._timeout = sock.gettimeout()
        self._carries_request = carries_request
        self._had_leftovers = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def settimeout(self, timeout: float | None) -> None:
        self._timeout = timeout

    def sendall(self, data: bytes) -> None:
        # A deadline that passed while the connection was made leaves the request unsent.
        self.prepare_to_wait()
        current_call.has_sent |= self._carries_request
        self._sock.sendall(data)

    def recv(self, size: int) -> bytes:
        self.prepare_to_wait()
        return cast("bytes", self._sock.recv(size))

    def makefile(self, *args: Any, **kwargs: Any) -> io.BufferedReader:
        return _Reader(self)

    @property
    def _io_refs(self) -> int:
        """How many files read from the socket; urllib3's TLS within TLS counts its own."""
        return cast("int", self._sock._io_refs)

    @_io_refs.setter
    def _io_refs(self, count: int) -> None:
        self._sock._io_refs = count

    def prepare_to_wait(self) -> None:
        """Let the socket's next wait take no longer than it may."""
        self._sock.settimeout(current_call.may_wait(self._timeout))

    def note_leftovers(self) -> None:
        self._had_leftovers = True

    @property
    def may_have_leftovers(self) -> bool:
        """Tell whether more may have come than the answer: the next one would begin with it."""
        if isinstance(self._sock, ssl.SSLSocket):
            return self._had_leftovers or self._sock.pending() > 0
        # TLS within TLS doesn't show what it has unpacked.
        return self._had_leftovers or not isinstance(self._sock, socket.socket)


class _Incoming(io.RawIOBase):
    """What comes in over a socket, within the call's deadline and its cap."""

    def __init__(self, sock: _BoundedSocket) -> None:
        self._sock = sock
        self._raw = cast("io.RawIOBase", sock._sock.makefile("rb", buffering=0))
        self._is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._is_over:
            return 0
        self._sock.prepare_to_wait()
        received = self._raw.readinto(buffer)
        current_call.count(received or 0)
        return received

    def end(self) -> None:
        """Read nothing more from the socket."""
        self._is_over = True

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Reader(io.BufferedReader):
    """Reads one answer. What it holds when it is closed belongs to no answer that was asked for."""

    def __init__(self, sock: _BoundedSocket) -> None:
        self._sock = sock
        self._incoming = _Incoming(sock)
        super().__init__(self._incoming)

    def close(self) -> None:
        if not self.closed:
            self._incoming.end()
            if self.peek():
                self._sock.note_leftovers()
        super().close()


class _BoundedConnection(HTTPConnection):
    _held: list[bytes] | None = None  # What is written of a request that is not yet whole.

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send the head and the body in one piece: one packet, where they are small."""
        held: list[bytes] = []
        self._held = held
        try:
            super().request(*args, **kwargs)
        finally:
            self._held = None
        self.send(b"".join(held))

    def send(self, data: Any) -> None:
        if self._held is None:
            super().send(data)
        else:
            self._held.append(data)

    def _new_conn(self) -> socket.socket:
        """Connect to the first address that answers: for all of them there is one deadline."""
        try:
            sock = self._first_that_answers()
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "No address answered in time.") from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error
        self.sock = sock  # Closed with the connection, if the time is over here.
        # The TLS handshake, which comes next, is bounded by it as a whole.
        sock.settimeout(current_call.may_wait(cast("float", self.timeout)))
        return sock

    def _first_that_answers(self) -> socket.socket:
        failure: OSError = OSError("The name has no address.")
        for *_, address in socket.getaddrinfo(
            self.host.strip("[]"), self.port, type=socket.SOCK_STREAM
        ):
            seconds = current_call.may_wait(cast("float", self.timeout))
            try:
                return connection.create_connection(
                    (str(address[0]), self.port), seconds, socket_options=self.socket_options
                )
            except OSError as error:
                failure = error
        raise failure

    def _tunnel(self) -> None:
        """Ask the proxy for a tunnel, within the bounds; that is not yet the request."""
        sock = self.sock
        if not isinstance(sock, _BoundedSocket):
            self.sock = cast("socket.socket", _BoundedSocket(sock, carries_request=False))
        super()._tunnel()
        sock.settimeout(current_call.may_wait(cast("float", self.timeout)))
        self.sock = sock

    def connect(self) -> None:
        super().connect()
        self.sock = cast("socket.socket", _BoundedSocket(self.sock))

    @property
    def is_connected(self) -> bool:
        """Tell whether the connection can carry another call."""
        return super().is_connected and not cast("_BoundedSocket", self.sock).may_have_leftovers


class _BoundedTLSConnection(_BoundedConnection, HTTPSConnection):
    def _connect_tls_proxy(self, hostname: str, sock: socket.socket) -> ssl.SSLSocket:
        proxy = super()._connect_tls_proxy(hostname, sock)
        return cast("ssl.SSLSocket", _BoundedSocket(proxy, carries_request=False))


class _Pool(HTTPConnectionPool):
    # urllib3's own protocol fits none of its connections: it would be written, too.
    ConnectionCls = _BoundedConnection  # pyright: ignore[reportAssignmentType]


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _BoundedTLSConnection  # pyright: ignore[reportAssignmentType]


POOLS: Final = {"http": _Pool, "https": _TLSPool}
