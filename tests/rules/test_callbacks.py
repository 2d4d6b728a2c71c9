"""Callbacks: absolute and HTTPS, or (in development) to this machine; and nothing crashes."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from django_redpin.rules.addresses import is_loopback, is_secure_url

from .addresses import URL, callback_codes, is_real, texts
from .samples import examples


@given(value=texts, loopback=st.booleans())
@examples(300)
@example(value="https://[::1]tail/hook", loopback=False)
def test_an_accepted_callback_is_an_absolute_https_url(value: str, *, loopback: bool) -> None:
    if not callback_codes(value, allow_loopback=loopback):
        assert is_real(URL.fullmatch(value))
        assert len(value) <= 2048
        assert value.lower().startswith("https://") or loopback


@pytest.mark.parametrize(
    "value",
    [
        "https://example.com",
        "https://example.com/",
        "https://example.com/hook?order=1&a=%20",
        "https://example.com:8443/hook",
        "https://[2001:db8::1]/hook",
        "https://xn--bcher-kva.example/hook",
        "https://example.com/" + "a" * 2028,
    ],
)
def test_an_absolute_https_url_is_a_callback(value: str) -> None:
    assert callback_codes(value) == []


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "required"),
        ("http://example.com/hook", "not_https"),
        ("ftp://example.com/hook", "not_https"),
        ("file://example.com/hook", "not_https"),
        ("javascript:alert(1)", "invalid_url"),
        ("/hook", "invalid_url"),
        ("//example.com/hook", "invalid_url"),
        ("example.com/hook", "invalid_url"),
        ("https:example.com", "invalid_url"),
        ("https:///hook", "invalid_url"),
        ("https://user:pass@example.com/hook", "invalid_url"),
        ("https://example.com@evil.example/hook", "invalid_url"),
        ("https://@example.com/hook", "invalid_url"),
        ("https://example.com/hook#part", "invalid_url"),
        ("https://example.com/hook#", "invalid_url"),
        ("https://example.com:99999/hook", "invalid_url"),
        ("https://example.com/a b", "invalid_url"),
        ("https://example.com/hook\r\nX: y", "invalid_url"),
        ("https://example.com/hook\n", "invalid_url"),
        ("\x01https://example.com/hook", "invalid_url"),
        ("https://example.com\\hook", "invalid_url"),
        ("https://example.com/höök", "invalid_url"),
        ("https://*.example.com/hook", "invalid_url"),
        ("https://example.com/\x7f", "invalid_url"),
        ("https://example.com/" + "a" * 2029, "too_long"),
        ("https://" + "a" * 1_000_000, "too_long"),
    ],
    ids=lambda value: ascii(value)[:40],
)
@pytest.mark.parametrize("allow_loopback", [False, True])
def test_any_other_text_is_no_callback(value: str, code: str, *, allow_loopback: bool) -> None:
    assert callback_codes(value, allow_loopback=allow_loopback) == [code]


@pytest.mark.parametrize(
    "value",
    ["http://localhost:8000/hook", "http://LOCALHOST/", "http://127.0.0.1/", "http://[::1]:80/"],
)
def test_plain_http_to_this_machine_is_for_development_only(value: str) -> None:
    assert callback_codes(value) == ["not_https"]
    assert callback_codes(value, allow_loopback=True) == []


@pytest.mark.parametrize(
    "value",
    [
        "http://localhost.example.com/",
        "http://127.0.0.1.example.com/",
        "http://example.com/?localhost",
        "http://0.0.0.0/",
        "http://10.0.0.1/",
        "http://[::2]/",
    ],
)
def test_plain_http_to_another_machine_never_is(value: str) -> None:
    assert callback_codes(value, allow_loopback=True) == ["not_https"]


def test_plain_http_is_not_let_through_by_credentials_that_look_like_this_machine() -> None:
    value = "http://localhost@example.com/"
    assert callback_codes(value, allow_loopback=True) == ["invalid_url"]


@pytest.mark.parametrize(
    "value", ["https://localhost/hook", "https://127.0.0.1/hook", "https://[::1]/hook"]
)
def test_a_callback_to_this_machine_is_out_of_redpins_reach_outside_development(value: str) -> None:
    assert callback_codes(value) != []
    assert callback_codes(value, allow_loopback=True) == []


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "127.0.0.1", "127.255.0.9", "::1"])
def test_a_loopback_host_is_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "localhost.evil.example", "128.0.0.1", "::2", "192.168.0.1", "x" * 10_000, "٣", "\ud800"],
)
def test_no_other_host_is(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("value", [None, 7, b"https://example.com", "", "http://example.com"])
def test_what_is_no_https_url_is_not_secure(value: object) -> None:
    assert not is_secure_url(value, allow_loopback=True)


def test_an_https_url_is_secure() -> None:
    assert is_secure_url("https://api.example.com/v1")
    assert not is_secure_url("http://localhost:8001")
    assert is_secure_url("http://localhost:8001", allow_loopback=True)
