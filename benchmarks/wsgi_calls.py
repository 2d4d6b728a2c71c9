"""Calls of Django's WSGI handler in this process, as a web server makes them.

No test client: that encodes, copies and unpacks on its own account, and takes longer than a view.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

_ENVIRON: Final[dict[str, Any]] = {
    "REQUEST_METHOD": "POST",
    "SCRIPT_NAME": "",
    "QUERY_STRING": "",
    "SERVER_NAME": "merchant.example",
    "SERVER_PORT": "443",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "203.0.113.7",
    "HTTP_HOST": "merchant.example",
    "HTTP_USER_AGENT": "Redpin",
    "HTTP_ACCEPT": "*/*",
    "CONTENT_TYPE": "application/json",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "https",
    "wsgi.multithread": False,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}


class UnexpectedAnswer(Exception):
    """What was called answered with another status than it has to."""


class Caller:
    """Posts to this process's Django, and reads each answer to its end."""

    def __init__(self) -> None:
        from django.core.signals import got_request_exception
        from django.core.wsgi import get_wsgi_application

        self._application: Callable[..., Any] = get_wsgi_application()
        self._raised: BaseException | None = None
        got_request_exception.connect(self._note_exception)

    def get(self, path: str, query: str = "", cookie: str = "") -> bytes:
        """Get a page, and return it. Raises `UnexpectedAnswer` where it is none."""
        given = {"REQUEST_METHOD": "GET", "QUERY_STRING": query, "HTTP_COOKIE": cookie}
        return self.post(path, b"", given)

    def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        expected: int = HTTPStatus.OK,
        **environ: str,
    ) -> bytes:
        """Post the body, and return the answer's. `headers` are named as WSGI names them.

        Raises `UnexpectedAnswer` for any other status than the one that is expected.
        """
        given = {
            **_ENVIRON,
            **headers,
            **environ,
            "PATH_INFO": path,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
        }
        told: list[str] = []
        response = self._application(given, lambda status, headers: told.append(status))
        try:
            answered = b"".join(response)
        finally:
            response.close()  # It tells Django that the request is over.
        if not told[0].startswith(str(int(expected))):
            raise UnexpectedAnswer(f"{told[0]} instead of {int(expected)}.") from self._raised
        return answered

    def _note_exception(self, **kwargs: object) -> None:
        """Keep what a view raised: Django answers 500, and the log goes nowhere."""
        self._raised = sys.exc_info()[1]
