"""Origins: an HTTPS origin or an app identifier is accepted, and nothing else; nothing crashes."""

from __future__ import annotations

import pytest
from hypothesis import example, given

from django_redpin.rules.addresses import origin_of

from .addresses import APP, ORIGIN, callback_codes, is_real, origin_codes, texts
from .samples import examples


@pytest.mark.heavy
@given(texts)
@examples(300)
@example("https://[::1]tail")
@example("https://[v1.abc]")
@example("https://[fe80::1%25eth0]")
@example("https://example.com:" + "0" * 4000 + "443")
def test_an_accepted_origin_is_an_https_origin_or_an_app_identifier(value: str) -> None:
    if not origin_codes(value):
        assert is_real(ORIGIN.fullmatch(value)) or APP.fullmatch(value)
        assert len(value) <= 300


@given(texts)
@examples(150)
def test_the_origin_of_an_origin_is_itself(value: str) -> None:
    origin = origin_of(value)
    if origin is not None:
        assert origin_of(origin) == origin
        assert not set(origin) & set("/@?#\\ \r\n") - {"/"}
        assert origin.count("/") == 2


@pytest.mark.parametrize(
    "value",
    [
        "https://example.com",
        "https://www.pay.example.com",
        "https://example.com:8443",
        "https://example.com:65535",
        "https://xn--bcher-kva.example",
        "https://[2001:db8::1]",
        "https://[2001:db8::1]:8443",
        "https://192.0.2.1",
        "https://" + ".".join(["a" * 63] * 3),
        "com.example.app",
        "com.example.my_app2",  # Android allows the underscore.
        "com.example.ios-app",  # iOS allows the hyphen.
    ],
)
def test_a_web_origin_or_an_app_identifier_is_accepted(value: str) -> None:
    assert origin_codes(value) == []


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "required"),
        ("*", "wildcard"),
        ("https://*", "wildcard"),
        ("https://*.example.com", "wildcard"),
        ("com.example.*", "wildcard"),
        ("https://.*", "wildcard"),
        ("http://example.com", "not_https"),
        ("http://localhost", "not_https"),
        ("ftp://example.com", "not_https"),
        ("javascript://example.com", "not_https"),
        ("https://example.com/", "has_path"),
        ("https://example.com//", "has_path"),
        ("https://example.com/pay", "has_path"),
        ("https://example.com?", "has_path"),
        ("https://example.com?a=b", "has_path"),
        ("https://example.com#", "has_path"),
        ("https://example.com#top", "has_path"),
        ("https://", "invalid_origin"),
        ("https:///", "invalid_origin"),
        ("https://:443", "invalid_origin"),
        ("https://user@example.com", "invalid_origin"),
        ("https://user:pass@example.com", "invalid_origin"),
        ("https://@example.com", "invalid_origin"),
        ("https://example.com@", "invalid_origin"),
        ("https://example.com:", "invalid_origin"),
        ("https://example.com:65536", "invalid_origin"),
        ("https://example.com:-1", "invalid_origin"),
        ("https://example.com:https", "invalid_origin"),
        ("https://example.com:٤٤٣", "invalid_origin"),
        ("https://example.com:" + "9" * 5000, "invalid_origin"),
        ("https://[::1", "invalid_origin"),
        ("https://::1", "invalid_origin"),
        ("https://[:::1]", "invalid_origin"),
        ("https://[]", "invalid_origin"),
        ("https://bücher.example", "invalid_origin"),
        ("https://example。com", "invalid_origin"),
        ("https://exam\u200bple.com", "invalid_origin"),
        ("https://example..com", "invalid_origin"),
        ("https://.example.com", "invalid_origin"),
        ("https://-example.com", "invalid_origin"),
        ("https://ex_ample.com", "invalid_origin"),
        ("https://" + "a" * 64 + ".com", "invalid_origin"),
        ("https://" + ".".join(["a" * 49] * 6), "invalid_origin"),
        ("https://example.com\\@evil.example", "invalid_origin"),
        ("https:\\\\example.com", "invalid_origin"),
        ("https://example.com\r\nX: y", "invalid_origin"),
        ("https://example.com\n", "invalid_origin"),
        (" https://example.com", "invalid_origin"),
        ("https://exam\tple.com", "invalid_origin"),
        ("https://example.com\x00", "invalid_origin"),
        ("https://(www|pay).example.com", "invalid_origin"),
        ("^https://example\\.com$", "invalid_origin"),
        ("https://example.com,https://example.org", "invalid_origin"),
        ("//example.com", "invalid_origin"),
        ("https:example.com", "invalid_origin"),
        ("null", "invalid_origin"),
        ("localhost", "invalid_origin"),
        ("example", "invalid_origin"),
        ("com.example.app\n", "invalid_origin"),
        ("com..app", "invalid_origin"),
        (".com.app", "invalid_origin"),
        ("com.app.", "invalid_origin"),
        ("com.example/app", "invalid_origin"),
        ("com.éxample.app", "invalid_origin"),
        ("com.example.app٣", "invalid_origin"),
        ("com." + "a" * 300, "invalid_origin"),
        ("https://\ud800.com", "invalid_origin"),
        ("https://" + "a" * 1_000_000, "invalid_origin"),
        ("a." * 500_000, "invalid_origin"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_any_other_text_is_refused_with_its_reason(value: str, code: str) -> None:
    assert origin_codes(value) == [code]


@pytest.mark.parametrize(
    "host",
    [
        "[::1]tail",
        "head[::1]tail",
        "[::1]tail:443",
        "[v1.abc]",
        "[fe80::1%25eth0]",
        "[example.com]",
        "[127.0.0.1]",
    ],
)
def test_brackets_hold_an_ipv6_address_and_nothing_stands_beside_them(host: str) -> None:
    assert origin_codes(f"https://{host}") == ["invalid_origin"]
    assert callback_codes(f"https://{host}/hook") == ["invalid_url"]
    assert origin_of(f"https://{host}/") is None


def test_a_port_is_not_padded_with_zeros_without_end() -> None:
    assert origin_codes("https://example.com:" + "0" * 4000 + "443") == ["invalid_origin"]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Example.COM/pay/1?a#b", "https://example.com"),
        ("https://example.com:443/", "https://example.com"),
        ("https://example.com:8443/", "https://example.com:8443"),
        ("http://localhost:80/pay", "http://localhost"),
        ("http://localhost:443/pay", "http://localhost:443"),
        ("HTTPS://[2001:DB8::1]:443/", "https://[2001:db8::1]"),
        ("https://example.com:0443/", "https://example.com"),
    ],
)
def test_the_origin_of_a_url_is_written_as_browsers_do(url: str, origin: str) -> None:
    assert origin_of(url) == origin


def test_an_ipv6_origin_is_written_in_its_short_form_as_browsers_do() -> None:
    assert origin_of("https://[0:0:0:0:0:0:0:1]/") == "https://[::1]"


@pytest.mark.parametrize(
    "url",
    ["", "/pay", "example.com", "https://", "https://user@example.com", "https://a b", "data:,x"],
)
def test_what_is_no_absolute_url_has_no_origin(url: str) -> None:
    assert origin_of(url) is None
