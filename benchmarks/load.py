"""Posts from many connections at once, as cheaply as they can be made: no two share one."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

# As many as keep four workers busy, while others are on their way.
CLIENTS: Final = 8
_PATIENCE: Final = 30.0  # Seconds.


class Refused(Exception):
    """A post was answered with something else than 200."""


class Load:
    """Posts to one server; as a context, which ends its threads."""

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)
        self._pool = ThreadPoolExecutor(CLIENTS)

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown()

    def post(self, requests: Iterable[bytes]) -> None:
        """Post all of them. Raises `Refused` for the first that is not answered 200."""
        for answer in self._pool.map(self._exchanged, requests):
            if b" 200 " not in answer[:16]:
                raise Refused(answer[:200].decode("latin-1"))

    def _exchanged(self, request: bytes) -> bytes:
        with socket.create_connection(self._address, timeout=_PATIENCE) as connection:
            connection.sendall(request)
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
        return b"".join(parts)


def request(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Return the bytes of a post."""
    lines = {
        "Host": "merchant.example",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body
