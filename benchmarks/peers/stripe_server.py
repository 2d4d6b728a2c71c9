"""`python -m benchmarks.peers.stripe_server`: answers what dj-stripe asks Stripe for.

In a process of its own, as Stripe is elsewhere; it prints its port, and ends with its standard
input. Each answer is made before it is asked for: its time is the connection's.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

ACCOUNT: Final = {"id": "acct_bench", "object": "account", "livemode": False, "settings": {}}
INTENT: Final[dict[str, Any]] = {
    "id": "pi_bench",
    "object": "payment_intent",
    "amount": 25000000,
    "amount_received": 25000000,
    "capture_method": "automatic",
    "created": 1767225600,
    "currency": "aed",
    "customer": None,
    "livemode": False,
    "metadata": {"order": "ORDER-2026-000123"},
    "on_behalf_of": None,
    "payment_method": None,
    "status": "succeeded",
}
_ANSWERS: Final = {
    "/v1/account": json.dumps(ACCOUNT).encode(),
    "/v1/accounts/acct_bench": json.dumps(ACCOUNT).encode(),
    "/v1/payment_intents/pi_bench": json.dumps(INTENT).encode(),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # Head and body in one segment.

    def do_GET(self) -> None:
        answer = _ANSWERS.get(self.path.partition("?")[0])
        self.send_response(200 if answer else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer or b"{}")))
        self.end_headers()
        self.wfile.write(answer or b"{}")

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
