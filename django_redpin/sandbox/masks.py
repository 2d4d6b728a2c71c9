"""What the log of calls must not show, and how the rest of a body is written down.

Hidden are credentials and tokens; of accounts the last four characters are left, of addresses all
but what lets its holder in. A body that cannot be read is not shown: nobody knows what it holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import simplejson

from .logs import hide_keys
from .wire import MOST_DEPTH

MOST_CHARACTERS: Final = 16 * 1024
HIDDEN: Final = "••••"
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# A segment of a path that is as long as this may be a secret.
_LONG: Final = 20
# The first one is for bodies: servers make one up where there is none.
_SHOWN_HEADERS: Final = ("Content-Type", "User-Agent", "Retry-After", "WWW-Authenticate", "Allow")


def hide_token(url: str) -> str:
    """Return a callback's URL without what proves its caller: the path's end, and its query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    segments = parts.path.split("/")
    last = max((n for n, segment in enumerate(segments) if segment), default=-1)
    shown = [
        HIDDEN if n == last or (len(segment) >= _LONG and not _UUID.fullmatch(segment)) else segment
        for n, segment in enumerate(segments)
    ]
    host = parts.netloc.rpartition("@")[2]
    query = f"?{HIDDEN}" if parts.query else ""
    return f"{parts.scheme}://{host}{'/'.join(shown)}{query}"


def _hide(text: str) -> str:
    return HIDDEN


def _tail(text: str) -> str:
    account = "".join(text.split())
    return HIDDEN + account[-4:] if len(account) >= 8 else HIDDEN


# What is done to the texts under a name, however deep they stand; names in lower case.
_MASKS: Final[Mapping[str, Callable[[str], str]]] = {
    **dict.fromkeys(("client_secret", "access_token", "refresh_token", "authorization"), _hide),
    **dict.fromkeys(("apikey", "api_key", "password", "client_assertion"), _hide),
    **dict.fromkeys(("iban", "account_number", "account_no", "bban", "vban"), _tail),
    "session_url": hide_keys,
    "callbacks": hide_token,
    "endpoint": hide_token,
}


def masked(document: object, mask: Callable[[str], str] | None = None, depth: int = 0) -> object:
    """Return a parsed JSON document with its secrets hidden."""
    if depth > MOST_DEPTH:
        return HIDDEN
    if isinstance(document, dict):
        return {
            name: masked(value, mask or _MASKS.get(str(name).lower()), depth + 1)
            for name, value in document.items()
        }
    if isinstance(document, list):
        return [masked(value, mask, depth + 1) for value in document]
    if mask is None or document is None:
        return document
    return mask(str(document))


def parsed(body: bytes, content_type: str) -> object:
    """Return a body of JSON or of a form as a document; None where it is neither."""
    try:
        text = body.decode("utf-8")
        if content_type.startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=100))
        return simplejson.loads(text, use_decimal=True)
    except (ValueError, ArithmeticError, RecursionError):
        return None


def written(document: object, body: bytes, content_type: str) -> str:
    """Return what is kept of a body: its document with secrets hidden, at most 16 kB of it."""
    if not body:
        return ""
    if not isinstance(document, dict | list):
        kind = content_type.partition(";")[0] or "unknown type"
        return f"({len(body)} bytes of {kind}, which are not shown)"
    text = simplejson.dumps(masked(document), use_decimal=True, ensure_ascii=False, indent=2)
    if len(text) > MOST_CHARACTERS:
        return f"{text[:MOST_CHARACTERS]}\n… ({len(text) - MOST_CHARACTERS} characters more)"
    return text


def query_of(query: str) -> str:
    """Return the query of an address with its secrets hidden, and a question mark before it."""
    pairs = parsed(query.encode("utf-8", "replace"), "application/x-www-form-urlencoded")
    if not query or not isinstance(pairs, dict):
        return f"?{HIDDEN}" if query else ""
    shown = masked(pairs)
    assert isinstance(shown, dict)  # noqa: S101 - for the type alone
    return "?" + "&".join(f"{name}={value}" for name, value in shown.items())


def headers_of(headers: Mapping[str, str], *, has_body: bool = True) -> str:
    """Return the headers that say something about a call, one on each line, secrets hidden."""
    names = _SHOWN_HEADERS if has_body else _SHOWN_HEADERS[1:]
    lines = [f"{name}: {headers[name]}" for name in names if name in headers]
    if "Authorization" in headers:
        scheme = headers["Authorization"].partition(" ")[0]
        known = scheme if scheme.lower() in ("bearer", "basic") else ""
        lines.insert(0, f"Authorization: {known} {HIDDEN}")
    return "\n".join(lines)
