"""What a content security policy lets in, by the rules of CSP Level 3; pure, of text alone."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final, TypeVar

NONE: Final = "'none'"
SELF: Final = "'self'"
STRICT_DYNAMIC: Final = "'strict-dynamic'"

T = TypeVar("T")

# Which directive speaks in the place of one that a policy lacks; `form-action` and
# `frame-ancestors` have none.
FALLBACKS: Final[dict[str, tuple[str, ...]]] = {
    "frame-src": ("frame-src", "child-src", "default-src"),
    "script-src": ("script-src-elem", "script-src", "default-src"),
    "style-src": ("style-src-elem", "style-src", "default-src"),
    "connect-src": ("connect-src", "default-src"),
}

_HOST_SOURCE: Final = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<host>\*|(?:\*\.)?[^\s/:*]+|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>\*|\d+))?(?:/.*)?"
)
_PORTS: Final = {"https": "443", "http": "80"}


def parsed(header: str) -> dict[str, list[str]]:
    """Return the sources of a policy by their directives; of two alike, browsers read the first."""
    policy: dict[str, list[str]] = {}
    for part in header.split(";"):
        name, *sources = part.split() or [""]
        if name:
            policy.setdefault(name.lower(), sources)
    return policy


def directive_for(policy: Mapping[str, T], name: str) -> str | None:
    """Return which directive of the policy decides for `name`, or None where none does."""
    return next((each for each in FALLBACKS.get(name, (name,)) if each in policy), None)


def allows_origin(sources: Collection[str], origin: str) -> bool:
    """Tell whether some page of `origin` is let in. Of paths in sources, any will do."""
    return any(_matches(source.lower(), origin) for source in sources)


def _matches(source: str, origin: str) -> bool:
    scheme, _, authority = origin.partition("://")
    host, _, port = authority.rpartition(":") if _has_port(authority) else (authority, "", "")
    if source == "*":
        return True
    if source.endswith(":"):
        return _is_scheme(source[:-1], scheme)
    found = _HOST_SOURCE.fullmatch(source)
    if found is None:
        return False
    # A source without a scheme has the page's own: that of a page which may show the other.
    if found["scheme"] and not _is_scheme(found["scheme"], scheme):
        return False
    return _is_host(found["host"], host) and _is_port(found["port"], port, scheme)


def _has_port(authority: str) -> bool:
    return ":" in authority.rpartition("]")[2]


def _is_scheme(given: str, scheme: str) -> bool:
    return given == scheme or (given == "http" and scheme == "https")


def _is_host(given: str, host: str) -> bool:
    if given == "*":
        return True
    if given.startswith("*."):  # Names below it, not the name itself.
        return host.endswith(given[1:])
    return given == host


def _is_port(given: str | None, port: str, scheme: str) -> bool:
    usual = _PORTS.get(scheme, "")
    return given == "*" or (given or usual) == (port or usual)
