"""A pooled HTTP adapter with hard bounds: one deadline for a call, one cap for its answer.

A read time-out of requests starts anew with every byte, so that a server which drips holds its
caller for ever; and nothing there bounds what an answer unpacks to. Here every wait of a call ends
at the call's deadline, and whether anything was sent before it failed is known for sure.
"""

from __future__ import annotations

import io
import socket
import threading
import time
import zlib
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final, TypeVar, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ..exceptions import NoAnswer, NotSent

_Session = TypeVar("_Session", bound=requests.Session)

MAX_ANSWER_BYTES: Final = 1024 * 1024
_CHUNK: Final = 64 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS


class _Call(threading.local):
    """What the call under way in this thread has left, and whether it has sent anything."""

    deadline: float = 0.0  # By the monotonic clock, in seconds.
    has_sent: bool = False


_call: Final = _Call()


class BoundedAdapter(HTTPAdapter):
    """Sends one request within `timeout=(connect, read, total)`, all in seconds.

    The answer's body is read to its end here, so that what comes back waits for nothing more.
    Raises `NotSent` where the request surely never left, `NoAnswer` for every other failure.
    """

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        connect, read, total = timeout
        _call.deadline = time.monotonic() + total
        _call.has_sent = False
        try:
            response = super().send(
                request,
                stream=True,
                timeout=(min(connect, total), min(read, total)),
                verify=verify,
                cert=cert,
                proxies=proxies,
            )
            response._content = _body(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            # The library's own text may hold the URL with its query; its kind is enough.
            kind = NoAnswer if _call.has_sent else NotSent
            raise kind(f"Redpin could not be reached ({type(error).__name__}).") from None
        response._content_consumed = True  # type: ignore[attr-defined]  # By us, to its end.
        return response


def open_session() -> requests.Session:
    """Return a session for calls to Redpin: bounded, without cookies, deaf to the environment.

    Cookies would carry something of one account into another's calls; proxies and certificates of
    the environment, and a ~/.netrc, would have a say in where our secrets go.
    """
    return bind(requests.Session())


def bind(session: _Session) -> _Session:
    """Make a session of requests one of ours, and return it."""
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # One coding, which we unpack ourselves, within the cap.
    session.headers["Accept-Encoding"] = "gzip"
    for scheme in ("https://", "http://"):
        session.mount(scheme, BoundedAdapter())
    return session


def _body(response: requests.Response) -> bytes:
    """Read the body, and unpack it; neither may be larger than the cap."""
    content = bytearray()
    try:
        while chunk := response.raw.read(_CHUNK, decode_content=False):
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                raise _too_large()
    except BaseException:
        response.raw.close()  # What is left of the answer must not be taken for the next one.
        raise
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding == "identity" or not content:
        return bytes(content)
    if coding not in ("gzip", "x-gzip"):
        raise NoAnswer("Redpin's answer is packed in a way that was not asked for.")
    unpacker = zlib.decompressobj(_GZIP)
    try:
        unpacked = unpacker.decompress(content, MAX_ANSWER_BYTES + 1)
    except zlib.error:
        raise NoAnswer("Redpin's answer can't be unpacked.") from None
    if len(unpacked) > MAX_ANSWER_BYTES:
        raise _too_large()
    if not unpacker.eof:
        raise NoAnswer("Redpin's answer is cut off.")
    return unpacked


def _too_large() -> NoAnswer:
    return NoAnswer(f"Redpin's answer is larger than {MAX_ANSWER_BYTES} bytes.")


def _left(longest: float | None) -> float:
    """Return how many seconds this wait may take. Raises `TimeoutError` after the deadline."""
    left = _call.deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("The call's time is over.")
    return left if longest is None else min(left, longest)


class _BoundedSocket:
    """A connected socket (TLS or not) whose every wait ends at the deadline of its call."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._timeout = sock.gettimeout()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def settimeout(self, timeout: float | None) -> None:
        self._timeout = timeout

    def sendall(self, data: Any, *flags: int) -> None:
        # A deadline that passed while the connection was made leaves the request unsent.
        self._sock.settimeout(_left(self._timeout))
        _call.has_sent = True
        self._sock.sendall(data, *flags)

    def makefile(self, *args: Any, **kwargs: Any) -> io.BufferedReader:
        return io.BufferedReader(_BoundedReader(self))

    def wait(self) -> None:
        """Let the next read wait no longer than it may."""
        self._sock.settimeout(_left(self._timeout))


class _BoundedReader(io.RawIOBase):
    def __init__(self, sock: _BoundedSocket) -> None:
        self._sock = sock
        self._raw = cast("io.RawIOBase", sock._sock.makefile("rb", buffering=0))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.wait()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _HTTPConnection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = cast("socket.socket", _BoundedSocket(self.sock))


class _HTTPSConnection(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = cast("socket.socket", _BoundedSocket(self.sock))


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


_POOLS: Final = {"http": _HTTPPool, "https": _HTTPSPool}
