"""One HTTP call, as OpenTelemetry's conventions name it, but for `url.full` and all it may tell.

The address of a call names the customer, its query a payer: the template and the host do.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from .metrics import Metric, measure
from .spans import PREFIX, annotate, open_span

if TYPE_CHECKING:
    from collections.abc import Mapping

_PORTS: Final = {"http": 80, "https": 443}
_SERVERS_KEPT: Final = 256  # By the URLs that lead there.


def client_span(method: str, template: str, url: str) -> AbstractContextManager[None]:
    """Make one call inside a span of the kind that calls have."""
    host, port = _server(url)
    attributes = {
        "http.request.method": method,
        "url.template": template,
        "server.address": host,
        "server.port": port,
    }
    return open_span(f"{method} {template}", attributes, is_client=True)


@lru_cache(maxsize=_SERVERS_KEPT)
def _server(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def note_call(
    method: str,
    template: str,
    *,
    seconds: float,
    status: int | None = None,
    failure: str = "",
    attempt: int = 1,
    ids: Mapping[str, str] | None = None,
) -> None:
    """Say in the call's span what it met, and count it by the template's last word."""
    facts: dict[str, str | int] = {PREFIX + name: id_ for name, id_ in (ids or {}).items() if id_}
    if status is not None:
        facts["http.response.status_code"] = status
    if attempt > 1:
        facts["http.request.resend_count"] = attempt - 1
    annotate(facts)
    labels = {
        "http.request.method": method,
        "redpin.resource": template.rpartition("/")[2],
        "http.response.status_code": "" if status is None else status,
        "error.type": failure,
    }
    measure(Metric.CALLS, seconds, labels)
