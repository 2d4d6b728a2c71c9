"""Addresses and networks, in every spelling that proxies have for them."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from django_redpin.rules.networks import (
    neighbourhood,
    network_of,
    parsed_address,
    parsed_networks,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:443", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:1", "192.0.2.1"),
    ],
)
def test_an_address_in_any_spelling(text: str, expected: str) -> None:
    assert parsed_address(text) == ipaddress.ip_address(expected)


@pytest.mark.parametrize(
    "text",
    ["", "unknown", "_hidden", "192.0.2.256", "010.0.0.1", "1", "a:b", "[", "é", "1.2.3.4,5"],
)
def test_what_is_no_address(text: str) -> None:
    assert parsed_address(text) is None


@pytest.mark.parametrize(
    "names",
    [None, "10.0.0.0/8", [1], ["10.0.0.1/8"], ["no"], ["0.0.0.0/0"], ["::/0"], {"10.0.0.0/8"}],
)
def test_what_is_no_list_of_networks(names: Any) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parsed_networks(names)


def test_an_address_is_in_its_network_and_in_no_other() -> None:
    found = parsed_networks(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"])

    for text, place in [("10.9.8.7", 0), ("192.0.2.7", 1), ("2001:db8:1::1", 2)]:
        address = parsed_address(text)
        assert address is not None
        assert network_of(address, found) == found[place]
    for text in ("11.0.0.1", "192.0.2.8", "2001:db9::1"):
        address = parsed_address(text)
        assert address is not None
        assert network_of(address, found) is None


def test_a_neighbourhood_is_what_one_subscriber_has() -> None:
    names = [neighbourhood(ipaddress.ip_address(f"2001:db8:0:7::{n}")) for n in (1, 2)]

    assert names == ["2001:db8:0:7::/64"] * 2
    assert neighbourhood(ipaddress.ip_address("192.0.2.1")) == "192.0.2.1"
