"""A Redpin that does next to nothing, in a process of its own: `python -m benchmarks.stub`.

It keeps connections, answers a create call as Redpin's page shows it and any other post with a
token, and prints its port. What is raced against each other calls the same one, so that its time
is the same for all.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Final

_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length:"
_TOKEN: Final = {"access_token": "bench-token", "token_type": "bearer", "expires_in": 3600}


@contextmanager
def running() -> Iterator[str]:
    """Return, as a context, the URL of one that runs until the context ends."""
    command, pipe = [sys.executable, "-m", "benchmarks.stub"], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:  # noqa: S603
        try:
            port = process.stdout.readline() if process.stdout else ""
            yield f"http://127.0.0.1:{int(port)}"
        finally:
            process.kill()


class Stub(asyncio.Protocol):
    """One connection, over which one request follows the other."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._heard = b""

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while (request := taken(self._heard)) is not None:
            head, body, self._heard = request
            self._transport.write(answer(head, body))


def taken(heard: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Return the first request's head and body, and what follows it; None until it is whole."""
    head, end, rest = heard.partition(_END)
    if not end:
        return None
    _, _, told = head.lower().partition(_LENGTH)
    length = int(told.split(b"\r\n", 1)[0] or 0)
    return None if len(rest) < length else (head, rest[:length], rest[length:])


def answer(head: bytes, body: bytes) -> bytes:
    """Return what is answered: a session to what creates one, else a token."""
    is_create = head.split(b" ", 2)[1].endswith(b"/sessions")
    found = json.dumps(_created(json.loads(body)) if is_create else _TOKEN).encode()
    lines = (
        "HTTP/1.1 201 Created" if is_create else "HTTP/1.1 200 OK",
        "Content-Type: application/json",
        f"Content-Length: {len(found)}",
        f"Date: {formatdate(usegmt=True)}",
    )
    return "\r\n".join(lines).encode() + _END + found


def _created(asked: dict[str, str]) -> dict[str, str]:
    session_id = str(uuid.uuid4())
    return {
        "session_id": session_id,
        "client_reference_id": asked["client_reference_id"],
        "expires_at": "2099-01-01T00:00:00Z",
        "session_url": f"https://pay.example/{session_id}/",
    }


async def serve() -> None:
    """Serve on a free port, which is printed, until standard input ends: with who began it."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    server = await loop.create_server(Stub, "127.0.0.1", 0)
    loop.add_reader(sys.stdin.fileno(), ended.set)
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(serve())
