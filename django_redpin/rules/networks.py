"""Addresses of the network, and the networks that they are in."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LONGEST: Final = 100  # In characters; an address with a zone has fewer.


def parsed_networks(names: object) -> tuple[Network, ...]:
    """Return the networks that a list of text names, such as `["10.0.0.0/8", "192.0.2.1"]`.

    Raises `ValueError`, without the values, for anything else: for host bits, too, and for all
    addresses there are, which is no network that could be told from another.
    """
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise ValueError("Give a list of networks.")
    return _parsed(tuple(names))


@lru_cache(maxsize=64)
def _parsed(names: tuple[str, ...]) -> tuple[Network, ...]:
    try:
        found = tuple(ipaddress.ip_network(name) for name in names)
    except ValueError:
        raise ValueError("Write networks as 192.0.2.0/24, without host bits.") from None
    if any(network.prefixlen == 0 for network in found):
        raise ValueError("A network of all addresses is none.")
    return found


def parsed_address(text: str) -> Address | None:
    """Return the address of `192.0.2.1` or `2001:db8::1`, with or without a port; else None.

    With a port an IPv6 address stands in brackets. One that wraps an IPv4 address is that address.
    """
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    return _known_address(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=1024)
def _known_address(text: str) -> Address | None:
    """Return the address, or None. The same few come again: those of proxies, and of who floods."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address
    return address


def network_of(address: Address, among: Sequence[Network]) -> Network | None:
    """Return the first of the networks that has the address, or None."""
    return next((network for network in among if address in network), None)


@lru_cache(maxsize=1024)
def neighbourhood(address: Address) -> str:
    """Return what one subscriber has: an IPv4 address, or the /64 of an IPv6 address."""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
