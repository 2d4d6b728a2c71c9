"""Text that looks like an address or nearly so, and what an accepted one looks like."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from hypothesis import strategies as st

from django_redpin.rules.addresses import callback_faults, origin_faults

# Written apart from the code under test: what an accepted entry looks like at its loosest.
HOST: Final = r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[(?P<ipv6>[0-9a-f:.]+)\])"
ORIGIN: Final = re.compile(rf"https://{HOST}(?::(?P<port>[0-9]{{1,5}}))?", re.IGNORECASE)
URL: Final = re.compile(
    rf"https?://{HOST}(?::(?P<port>[0-9]{{0,5}}))?(?:[/?][!-~]*)?", re.IGNORECASE
)
APP: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")

PIECES: Final = (
    *("https://", "http://", "HTTPS://", "//", "://", ":", "/", "\\", "@", "user:pass@", "?", "#"),
    *("*", "*.", ".", "..", "-", "_", "%", "%00", "%2e", ",", ";", "^", "$", "(", ")", "|", "+"),
    *(":443", ":0443", ":0", ":65535", ":65536", ":-1", ":+1", ":\u0668", "[", "]", "[::1]"),
    *("[fe80::1%25eth0]", "[v1.a]", "127.0.0.1", "localhost", "example", "example.com"),
    *("EXAMPLE.com", "xn--bcher-kva", "b\u00fccher", "\u3002", "com", "app", "a" * 64, "a."),
    *(" ", "\t", "\r\n", "\x00", "\u200b", "\ud800"),
)
pieces = st.lists(st.sampled_from(PIECES), max_size=7).map("".join)
any_text = st.text(st.characters(exclude_categories=())) | pieces
with_scheme = st.builds("https://{}".format, any_text)
right_start = st.builds("https://{}{}".format, st.sampled_from(("example.com", "[::1]")), pieces)
texts = any_text | with_scheme | right_start


def origin_codes(value: object) -> list[str]:
    return [fault.code for fault in origin_faults(value, "allowed_origins[0]")]


def callback_codes(value: object, *, allow_loopback: bool = False) -> list[str]:
    faults = callback_faults(value, "callbacks[0]", allow_loopback=allow_loopback)
    return [fault.code for fault in faults]


def is_real(match: re.Match[str] | None) -> bool:
    if match is None or int(match["port"] or 0) > 65535:
        return False
    if match["ipv6"]:
        ipaddress.IPv6Address(match["ipv6"])
    return True
