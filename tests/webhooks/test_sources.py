"""Where a post comes from, behind any number of proxies, honest or not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_redpin.rules.networks import parsed_address
from django_redpin.webhooks.sources import source_of
from tests.rules.samples import examples

PROXIES = ["10.0.0.0/8", "2001:db8:1::/48"]


def source(peer: str | None, forwarded: str | None = None, proxies: list[str] = PROXIES) -> str:
    meta = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}
    found = source_of({name: value for name, value in meta.items() if value is not None}, proxies)
    return str(found)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),  # No proxy of ours: it may write what it likes.
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "203.0.113.9, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "203.0.113.9,192.0.2.1,10.0.0.2", "192.0.2.1"),
        ("10.0.0.1", "10.0.0.9, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "192.0.2.1:50123", "192.0.2.1"),
        ("10.0.0.1", "[2001:db8::7]:50123", "2001:db8::7"),
        ("::ffff:10.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("2001:db8:1::1", "192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "192.0.2.1, unknown", "None"),
        ("10.0.0.1", "192.0.2.1, ", "None"),
        ("10.0.0.1", "unknown, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "é\x00\udcff", "None"),
        ("", "192.0.2.1", "None"),
        (None, None, "None"),
        ("10.0.0.1", "192.0.2.1, " * 1000 + "192.0.2.1", "None"),
        ("192.0.2.1", "203.0.113.9, " * 1000, "192.0.2.1"),
    ],
)
def test_a16_the_source_is_what_the_outermost_trusted_proxy_saw(
    peer: str | None, forwarded: str | None, expected: str
) -> None:
    assert source(peer, forwarded) == expected


def test_a16_without_trusted_proxies_it_is_the_peer() -> None:
    assert source("10.0.0.1", "192.0.2.1", []) == "10.0.0.1"


hops = st.one_of(st.ip_addresses().map(str), st.text(max_size=8), st.just("10.0.0.7"))


@pytest.mark.heavy
@given(st.lists(hops, max_size=6), st.sampled_from(["10.0.0.1", "192.0.2.1", "", "unix:"]))
@examples(300)
def test_a16_what_a_stranger_writes_to_the_left_changes_nothing(
    written: list[str], peer: str
) -> None:
    """The stranger is 198.51.100.7, and our proxies write whom they saw behind what came."""
    seen = ["198.51.100.7", "10.0.0.2"]
    forwarded = ",".join([*written, *seen])
    expected = "198.51.100.7" if peer == "10.0.0.1" else source(peer)

    assert source(peer, forwarded) == expected


@given(st.text(max_size=60), st.text(max_size=60))
@examples(200)
def test_a16_no_header_makes_it_crash(peer: str, forwarded: str) -> None:
    for given_peer in (peer, "10.0.0.1"):
        found = source(given_peer, forwarded)
        address = parsed_address(found)
        assert found == "None" or address is not None
