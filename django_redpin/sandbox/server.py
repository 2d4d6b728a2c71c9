"""Serving the sandbox over HTTP: threads, static files, the courier, and a clean end.

Settings are in place when this is imported; reading the command line is ``__main__``'s work.
"""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError, connection

from .courier import Courier
from .faults import HANG_UP
from .models import ApiFault, CallbackFault
from .subscriptions import subscribe

if TYPE_CHECKING:
    from types import FrameType
    from typing import Any


class CannotServe(Exception):
    """The sandbox cannot start. The text names the cause and the cure."""


class Server(ThreadedWSGIServer):
    # Two servers on one port would share the calls between them at random.
    allow_reuse_port = False

    def handle_error(self, request: object, client_address: object) -> None:
        # A browser that went away is no fault; anything else shows itself as usual.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(WSGIRequestHandler):
    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), HANG_UP: self.hang_up}

    def hang_up(self) -> None:
        """Let no other request come over this connection: it ends with this one."""
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep no access log: addresses of hosted pages are secrets."""


def serve(bind: str, port: int, subscription: str = "") -> None:
    """Serve until SIGINT or SIGTERM, with ``subscription`` as the endpoint of payments' events.

    Raises CannotServe: port taken, or database out of reach.
    """
    server = _listen(bind, port)
    try:
        _migrate()
        if subscription:
            subscribe(subscription)
        server.set_app(StaticFilesHandler(get_wsgi_application()))
        stop = threading.Event()

        def on_signal(number: int, frame: FrameType | None) -> None:
            stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, on_signal)
        courier = Courier()
        courier.start()
        listener = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
        listener.start()
        address = _address(bind, server.server_port)
        _say(f"Redpin sandbox: {address} (Ctrl-C stops it)")
        if waiting := _faults():
            see = f"see {address}faults/ and {address}callbacks/"
            _say(f"Faults of an earlier run that still wait: {waiting}; {see}")
        stop.wait()
        server.shutdown()
        listener.join()
        courier.stop()
        _say("Redpin sandbox: stopped")
    finally:
        server.server_close()
        connection.close()


def _listen(bind: str, port: int) -> Server:
    try:
        return Server((bind, port), Handler, ipv6=":" in bind)
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise CannotServe(
            f"Cannot listen on {bind} port {port}: {reason}. "
            "Stop what uses the port, or choose another with --port."
        ) from None


def _migrate() -> None:
    try:
        call_command("migrate", verbosity=0, interactive=False)
    except DatabaseError as problem:
        name = connection.settings_dict["NAME"]
        raise CannotServe(
            f"Cannot use the database {name}: {problem}. "
            "Choose a file in a writable directory with --database."
        ) from None


def _faults() -> int:
    """Return how many faults wait in the database: one that was forgotten looks like a mistake."""
    return ApiFault.objects.exclude(left=0).count() + CallbackFault.objects.count()


def _address(bind: str, port: int) -> str:
    return f"http://[{bind}]:{port}/" if ":" in bind else f"http://{bind}:{port}/"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
