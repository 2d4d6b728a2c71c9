"""Whether the demo's ports are free, told before anything is started."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import closing
from typing import Final

HOST: Final = "127.0.0.1"


class PortProblem(Exception):
    """A port can't be had; the text says which one, and which option names another."""


def require_free(ports: Mapping[str, int]) -> None:
    """Return if each of the ports, by option, can be listened on; else raise `PortProblem`."""
    if len(set(ports.values())) < len(ports):
        raise PortProblem(f"{' and '.join(ports)} have to be two different ports.")
    for option, port in ports.items():
        if not 1 <= port <= 65535:
            raise PortProblem(f"{option} {port}: a port is a number from 1 to 65535.")
        _require_free(option, port)


def _require_free(option: str, port: int) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as listener:
        # As the servers do, so that a port which has just been closed counts as free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen(1)
        except PermissionError:
            raise PortProblem(
                f"Port {port} needs more rights than you have."
                f" Choose one above 1024 with {option} {port + 8000}."
            ) from None
        except OSError:
            raise PortProblem(
                f"Port {port} on {HOST} is taken by another program."
                f" Stop that program, or choose another port with {option} {_suggest(port)}."
            ) from None


def _suggest(port: int) -> int:
    return port + 100 if port + 100 <= 65535 else port - 100
