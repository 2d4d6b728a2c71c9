"""A small proxy for the tests: it opens the tunnels that CONNECT asks for."""

from __future__ import annotations

import contextlib
import select
import socket

from .server import Line, Play


def tunnelling(to_port: int) -> Play:
    """Return the play of a proxy whose every tunnel ends at a port of this machine."""

    def play(line: Line) -> None:
        request = line.request()
        assert request
        assert request.method == "CONNECT"
        line.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", to_port)) as far:
            _carry(line.sock, far)

    return play


def _carry(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until one side hangs up."""
    across = {one: other, other: one}
    with contextlib.suppress(OSError):
        while True:
            ready = [one] if _has_unpacked(one) else select.select([one, other], [], [])[0]
            for sock in ready:
                data = sock.recv(65536)
                if not data:
                    return
                across[sock].sendall(data)


def _has_unpacked(sock: socket.socket) -> bool:
    """Tell whether TLS holds bytes that no look at the socket itself would show."""
    pending = getattr(sock, "pending", None)
    return bool(pending and pending())
