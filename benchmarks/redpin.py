"""A Redpin in this process, over TLS, as production asks for it."""

from __future__ import annotations

import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import trustme

from tests.redpin_server import FakeRedpin, Handler, Server

AUTHORITY: Final = "authority.pem"


class QuickHandler(Handler):
    """Answers in one segment, and finds the session that is asked for at once."""

    wbufsize = -1  # Else the body would wait for the head to be acknowledged.

    def answer_list(self) -> None:
        if not self.is_authorized():
            return
        found = self.redpin.sessions.get(self.call.query.get("client_reference_id", ""))
        shown = [found] if found else []
        total = len(shown)
        meta = {"page": 1, "limit": 20, "total_records": total, "total_pages": total}
        self.json(200, {"sessions": shown, "meta": meta})


@contextmanager
def redpin_over_tls(folder: Path) -> Iterator[FakeRedpin]:
    """Return a Redpin that serves; who calls it trusts `AUTHORITY`, which is in the folder."""
    certificate = folder / "redpin.pem"
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / AUTHORITY))
    ca.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(str(certificate))
    server = Server(FakeRedpin())
    server.RequestHandlerClass = QuickHandler
    # The handshake is for the connection's own thread.
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.redpin.url = server.redpin.url.replace("http:", "https:")
    server.redpin.calls = deque(maxlen=1)  # type: ignore[assignment]  # They would only grow.
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.redpin
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
