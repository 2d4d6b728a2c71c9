"""What a content security policy lets in, by the rules of CSP Level 3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_redpin.rules.content_security import allows_origin, directive_for, parsed

PAGE = "https://pay.redpin.test"


@pytest.mark.parametrize(
    "source",
    [
        *("*", "https:", "http:", "HTTPS:", PAGE, "HTTPS://PAY.redpin.test", "pay.redpin.test"),
        *(f"{PAGE}:443", f"{PAGE}:*", f"{PAGE}/", f"{PAGE}/s/", "*.redpin.test", "https://*"),
        *("https://*.redpin.test", "*.test", "http://pay.redpin.test"),
        *("pay.redpin.test:443", "*:443", "*:*", "https://*.redpin.test:*/x"),
    ],
)
def test_a_source_that_lets_the_page_in(source: str) -> None:
    assert allows_origin(["https://other.test", source], PAGE)


@pytest.mark.parametrize(
    "source",
    [
        *(
            "",
            "'none'",
            "'self'",
            "'nonce-abc'",
            "data:",
            "blob:",
            "wss:",
            "https",
            "'*'",
            "'https:'",
        ),
        *(
            "https://redpin.test",
            "redpin.test",
            "*.pay.redpin.test",
            "https://pay.redpin.test.evil",
        ),
        *(
            f"{PAGE}:8443",
            "pay.redpin.test:80",
            "http://pay.redpin.test:80",
            "wss://pay.redpin.test",
            "evil-pay.redpin.test",
        ),
        *("*redpin.test", "pay.*.test", "https://pay.redpin.test@evil.test", "'strict-dynamic'"),
        *("http:443", "https://", "://pay.redpin.test", "*:8443"),
    ],
)
def test_a_source_that_does_not(source: str) -> None:
    assert not allows_origin([source], PAGE)


@pytest.mark.parametrize(
    ("source", "origin", "is_let_in"),
    [
        ("http://127.0.0.1:8001", "http://127.0.0.1:8001", True),
        ("http://127.0.0.1:*", "http://127.0.0.1:8001", True),
        ("http://127.0.0.1", "http://127.0.0.1:8001", False),
        ("https:", "http://127.0.0.1:8001", False),
        ("http://localhost", "http://localhost", True),
        ("localhost:80", "http://localhost", True),
        ("https://localhost", "http://localhost", False),
        ("http://[::1]:9", "http://[::1]:9", True),
        ("http://[::1]", "http://[::1]", True),
        ("https://pay.test:8443", "https://pay.test:8443", True),
        ("http://pay.test:8443", "https://pay.test:8443", True),
    ],
)
def test_ports_and_schemes(source: str, origin: str, is_let_in: bool) -> None:
    assert allows_origin([source], origin) is is_let_in


def test_a_header_is_read_as_browsers_read_it() -> None:
    header = "Default-Src 'self' ; frame-src; ;frame-src *; upgrade-insecure-requests"

    assert parsed(header) == {
        "default-src": ["'self'"],
        "frame-src": [],
        "upgrade-insecure-requests": [],
    }


@pytest.mark.parametrize(
    ("directives", "name", "decides"),
    [
        ("default-src child-src frame-src", "frame-src", "frame-src"),
        ("default-src child-src", "frame-src", "child-src"),
        ("default-src", "frame-src", "default-src"),
        ("img-src", "frame-src", None),
        ("script-src script-src-elem", "script-src", "script-src-elem"),
        ("default-src script-src", "script-src", "script-src"),
        ("default-src style-src", "style-src", "style-src"),
        ("default-src child-src", "connect-src", "default-src"),
        ("default-src", "form-action", None),
        ("default-src", "frame-ancestors", None),
    ],
)
def test_which_directive_decides(directives: str, name: str, decides: str | None) -> None:
    assert directive_for(dict.fromkeys(directives.split()), name) == decides


@given(st.text())
def test_no_source_and_no_header_breaks_anything(text: str) -> None:
    parsed(text)
    allows_origin([text], PAGE)
