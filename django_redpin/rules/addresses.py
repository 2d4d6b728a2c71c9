"""Addresses in a request: the origins that may show the hosted page, and the callback URLs."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from .faults import Fault

URL_MAX_LENGTH: Final = 2048

_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
# Android's applicationId and Apple's CFBundleIdentifier; both need a dot.
_ANDROID_PACKAGE: Final = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)+", re.ASCII)
_IOS_BUNDLE_ID: Final = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
# Said again, because what urlsplit lets through differs from one Python to the next.
_AUTHORITY: Final = re.compile(
    r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\])(?::[0-9]{0,5})?"
)
_UNSAFE: Final = re.compile(r"[\s\\\x00-\x1f\x7f]")


def origin_faults(value: object, path: str) -> list[Fault]:
    """Return what keeps `value` from being an entry of `allowed_origins`.

    Redpin: an HTTPS origin, an Android package name or an iOS bundle identifier; wildcards and
    regular expressions are not supported.
    """
    if not isinstance(value, str) or not value:
        return [Fault(path, "required", "Give an origin or an app identifier.")]
    if "*" in value:
        return [Fault(path, "wildcard", "Wildcards are not supported; list each origin.")]
    if "://" in value:
        return _web_origin_faults(value, path)
    if len(value) <= 255 and (_ANDROID_PACKAGE.fullmatch(value) or _IOS_BUNDLE_ID.fullmatch(value)):
        return []
    message = (
        "Give an HTTPS origin (https://example.com), an Android package name or an iOS bundle"
        " identifier (com.example.app)."
    )
    return [Fault(path, "invalid_origin", message)]


def _web_origin_faults(value: str, path: str) -> list[Fault]:
    parts = _split(value)
    if parts is None or parts.username is not None or parts.password is not None:
        return [Fault(path, "invalid_origin", "This is not an origin such as https://example.com.")]
    if parts.scheme != "https":
        return [Fault(path, "not_https", "A web origin has to begin with https://.")]
    if parts.path or parts.query or parts.fragment or value.endswith(("?", "#")):
        message = "An origin ends after host and port: no path, not even a final slash."
        return [Fault(path, "has_path", message)]
    if value.endswith(":"):
        return [Fault(path, "invalid_origin", "Leave out the colon, or give a port after it.")]
    return []


def callback_faults(value: object, path: str, *, allow_loopback: bool = False) -> list[Fault]:
    """Return what keeps `value` from being an entry of `callbacks`.

    Redpin: the URLs must be publicly accessible from its servers. So they are absolute and HTTPS;
    with `allow_loopback`, for development, this machine is let through too, by plain HTTP as well.
    """
    faults = _url_faults(value, path, allow_loopback=allow_loopback)
    if faults or not isinstance(value, str):
        return faults
    if "#" in value:
        return [Fault(path, "invalid_url", "A callback has no #fragment.")]
    if not allow_loopback and is_loopback(urlsplit(value).hostname or ""):
        return [Fault(path, "not_public", "Redpin can't reach this machine by that name.")]
    return []


def own_callback_faults(value: object, path: str, *, allow_loopback: bool = False) -> list[Fault]:
    """Return what keeps `value` from being this project's own callback, or the address before it.

    That is what keeps it from being any callback, and a query, after which no path can follow.
    """
    faults = callback_faults(value, path, allow_loopback=allow_loopback)
    if not faults and isinstance(value, str) and "?" in value:
        return [Fault(path, "has_query", "Leave out what begins with '?': a path is added to it.")]
    return faults


def _url_faults(value: object, path: str, *, allow_loopback: bool) -> list[Fault]:
    if not isinstance(value, str) or not value:
        return [Fault(path, "required", "Give a URL.")]
    if len(value) > URL_MAX_LENGTH:
        return [Fault(path, "too_long", f"At most {URL_MAX_LENGTH} characters are allowed.")]
    parts = _split(value)
    if parts is None or parts.username is not None or parts.password is not None:
        message = "Give an absolute URL such as https://example.com/path, without credentials."
        return [Fault(path, "invalid_url", message)]
    if parts.scheme == "https" or (
        parts.scheme == "http" and allow_loopback and is_loopback(parts.hostname or "")
    ):
        return []
    return [Fault(path, "not_https", "It has to begin with https://.")]


def is_loopback(host: str) -> bool:
    """Tell whether `host` can only be this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_secure_url(value: object, *, allow_loopback: bool = False) -> bool:
    """Tell whether `value` is an absolute HTTPS URL, or (`allow_loopback`) one to this machine."""
    return not _url_faults(value, "", allow_loopback=allow_loopback)


def origin_of(url: str) -> str | None:
    """Return the origin of an absolute URL as browsers write it, or None if it has none."""
    parts = _split(url)
    if parts is None or parts.username is not None or parts.password is not None:
        return None
    host = (parts.hostname or "").lower()
    host = f"[{ipaddress.IPv6Address(host)}]" if ":" in host else host
    default_port = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in (None, default_port) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _split(value: str) -> SplitResult | None:
    """Return the parts of an absolute URL with a real host, or None for anything doubtful."""
    if _UNSAFE.search(value) or not value.isascii():
        return None
    try:
        parts = urlsplit(value)
        _ = parts.port  # Raises for a port that is no number.
        host = parts.hostname or ""
        if not _AUTHORITY.fullmatch(parts.netloc.rpartition("@")[2]):
            return None
        if ":" in host:
            ipaddress.IPv6Address(host)
        elif not _HOST_NAME.fullmatch(host):
            return None
    except ValueError:
        return None
    return parts if parts.scheme and parts.netloc else None
