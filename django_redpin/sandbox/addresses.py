"""What may stand in ``allowed_origins`` and ``callbacks``, told by the text alone.

Nothing here looks a host up or opens a connection.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
# One pattern for an Android package (letters, digits, underscores) and one for an iOS bundle
# identifier (letters, digits, hyphens); both need two segments at least.
_ANDROID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)+", re.ASCII)
_IOS: Final = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)
_MOST_ORIGIN: Final = 255
_MOST_CALLBACK: Final = 2048
SITE_RULE: Final = "must be an origin such as http://127.0.0.1:8000, with nothing after its port."


def is_web_origin(text: str) -> bool:
    """Whether ``text`` is an HTTPS origin: scheme, host, perhaps a port, and nothing after."""
    parts = _split(text)
    return (
        parts is not None
        and text.startswith("https://")
        and text == f"https://{parts.netloc}"
        and len(text) <= _MOST_ORIGIN
        and _has_plain_host(parts)
    )


def is_allowed_origin(text: str) -> bool:
    """Whether ``text`` is an HTTPS origin, an Android package or an iOS bundle identifier.

    Redpin: wildcards and regular expressions are not supported.
    """
    if "://" in text:
        return is_web_origin(text)
    if len(text) > _MOST_ORIGIN:
        return False
    return bool(_ANDROID.fullmatch(text) or _IOS.fullmatch(text))


def is_callback(text: str) -> bool:
    """Whether ``text`` is an absolute HTTPS URL; plain HTTP is let through to this machine."""
    parts = _split(text)
    if parts is None or len(text) > _MOST_CALLBACK or parts.fragment:
        return False
    if not _has_plain_host(parts):
        return False
    scheme = parts.scheme.lower()
    return scheme == "https" or (scheme == "http" and is_loopback(parts.hostname or ""))


def is_site(text: str) -> bool:
    """Whether ``text`` is the origin of a site on this machine or in its network, HTTPS or not."""
    parts = _split(text)
    return (
        parts is not None
        and parts.scheme in ("http", "https")
        and text == f"{parts.scheme}://{parts.netloc}"
        and len(text) <= _MOST_ORIGIN
        and _has_plain_host(parts)
    )


def at_site(url: str, site: str) -> str:
    """Return ``url`` with ``site`` in the place of its origin; unchanged if ``site`` is empty."""
    if not site:
        return url
    local = urlsplit(site)
    return urlsplit(url)._replace(scheme=local.scheme, netloc=local.netloc).geturl()


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name or an address, without port) is this machine."""
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_fixed_host(host: str) -> bool:
    """Whether no stranger can point ``host`` at this machine: an address, or a name of no domain.

    A web page elsewhere can have its own name lead here, and is then the same origin (DNS
    rebinding); it cannot have an address or a name without dots for its own.
    """
    if is_loopback(host) or "." not in host.strip("."):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def shown_callback(url: str) -> str:
    """Return where a callback goes without its last segment and query, which may be secrets."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/").rpartition("/")[0]
    return f"{parts.netloc}{path}/…"


def _split(text: str) -> SplitResult | None:
    # urlsplit drops tabs and line ends, and lets much else through.
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _has_plain_host(parts: SplitResult) -> bool:
    if "@" in parts.netloc or not parts.hostname or parts.netloc.endswith(":"):
        return False
    if parts.port == 0:
        return False
    if parts.netloc.startswith("["):
        try:
            ipaddress.IPv6Address(parts.hostname)
        except ValueError:
            return False
        return True
    return bool(_HOST.fullmatch(parts.hostname))
