"""Where calls go, and whom they trust, is for the settings to say: never for the environment."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Final

import pytest
from pytest_django import Settings

from django_redpin.exceptions import ConfigurationError, NotSent
from tests.redpin_server import FakeRedpin

from .calls import CALLS, Call, create
from .conftest import Aim, Authority
from .plays import body_of, finish_after, finish_unread, replying, reset_after, reset_unread
from .proxy import tunnelling
from .server import FaultServer, Line, Play, answer, serving

each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@each_call
@pytest.mark.parametrize("over_tls", [False, True], ids=["plain", "tls"])
def test_b12_the_environments_proxies_are_not_used(
    aim: Aim,
    authority: Authority,
    call: Call,
    over_tls: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        FaultServer(serving()) as proxy,
        FaultServer(serving(), authority.tls if over_tls else None) as server,
    ):
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.lower(), proxy.url)
        aim(server, CA_BUNDLE=authority.ca_bundle)

        assert call("ORDER-1") == "s-ORDER-1"
        assert proxy.connections == 0


@each_call
@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_b12_the_environments_certificates_are_not_trusted(
    aim: Aim, authority: Authority, call: Call, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, authority.ca_bundle)
    with FaultServer(serving(), authority.tls) as server:
        aim(server)

        with pytest.raises(NotSent):
            call("ORDER-1")
        assert server.requests == []


@each_call
@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_b12_ca_bundle_is_trusted_whatever_the_environment_says(
    aim: Aim, authority: Authority, call: Call, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "/nowhere/ca.pem")
    with FaultServer(serving(), authority.tls) as server:
        aim(server, CA_BUNDLE=authority.ca_bundle)

        assert call("ORDER-1") == "s-ORDER-1"


def test_b12_a_certificate_for_another_name_is_not_taken(aim: Aim, authority: Authority) -> None:
    with FaultServer(serving(), authority.tls) as server:
        aim(server.url.replace("127.0.0.1", "localhost"), CA_BUNDLE=authority.ca_bundle)

        with pytest.raises(NotSent):
            create("ORDER-1")
        assert server.requests == []


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ".netrc"
    path.write_text("machine 127.0.0.1 login somebody password else\n")
    path.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(path))


@pytest.mark.usefixtures("netrc")
@each_call
def test_b12_a_netrc_has_no_say_in_the_authorization(aim: Aim, call: Call) -> None:
    with FaultServer(serving()) as server:
        aim(server)
        call("ORDER-1")

        (request,) = server.requests
        assert request.headers["authorization"] == "Bearer canary-token-1"


@pytest.mark.usefixtures("netrc")
def test_b12_a_netrc_adds_no_authorization_to_the_token_request(
    redpin: FakeRedpin, settings: Settings
) -> None:
    with FaultServer(serving()) as server:
        settings.REDPIN = {**settings.REDPIN, "TOKEN_URL": f"{server.url}/token"}
        create("ORDER-1")

        (request,) = server.requests
        assert "authorization" not in request.headers


@each_call
def test_b12_the_settings_proxy_is_used_for_https(
    aim: Aim, authority: Authority, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with (
        FaultServer(serving(), authority.tls) as server,
        FaultServer(tunnelling(server.port)) as proxy,
    ):
        aim(server, CA_BUNDLE=authority.ca_bundle, PROXIES={"https": proxy.url})
        for number in range(5):
            assert call(f"ORDER-{number}") == f"s-ORDER-{number}"

        (connect,) = proxy.requests  # One tunnel serves them all.
        assert connect.target == f"127.0.0.1:{server.port}"
        assert "authorization" not in connect.headers  # The token is for Redpin alone.
        assert (server.connections, len(server.requests)) == (1, 5)


def test_b12_a_proxy_with_credentials_gets_them_and_redpin_does_not(
    aim: Aim, authority: Authority
) -> None:
    with (
        FaultServer(serving(), authority.tls) as server,
        FaultServer(tunnelling(server.port)) as proxy,
    ):
        url = proxy.url.replace("http://", "http://user:canary@")
        aim(server, CA_BUNDLE=authority.ca_bundle, PROXIES={"https": url})
        create("ORDER-1")

        basic = base64.b64encode(b"user:canary").decode()
        assert proxy.requests[0].headers["proxy-authorization"] == f"Basic {basic}"
        assert "proxy-authorization" not in server.requests[0].headers


def closing_before_the_body(line: Line) -> None:
    if request := line.request():
        head, gap, body = answer(200, body_of(request), "Connection: close").partition(b"\r\n\r\n")
        line.send(head + gap)
        line.pause(0.05)
        line.send(body)
        line.finish()


@pytest.mark.parametrize("play", [serving(), closing_before_the_body], ids=["kept", "closed"])
def test_b12_a_proxy_may_be_spoken_to_over_tls(aim: Aim, authority: Authority, play: Play) -> None:
    with (
        FaultServer(play, authority.tls) as server,
        FaultServer(tunnelling(server.port), authority.tls) as proxy,
    ):
        aim(server, CA_BUNDLE=authority.ca_bundle, PROXIES={"https": proxy.url})
        for number in range(3):
            assert create(f"ORDER-{number}") == f"s-ORDER-{number}"

        # Each call has a tunnel of its own: nobody can see what is left in one.
        assert (proxy.connections, server.connections) == (3, 3)


def test_b12_the_settings_proxy_is_used_for_the_token_too(
    redpin: FakeRedpin, settings: Settings, authority: Authority
) -> None:
    with (
        FaultServer(serving(), authority.tls) as server,
        FaultServer(tunnelling(server.port)) as proxy,
    ):
        settings.REDPIN = {
            **settings.REDPIN,
            "TOKEN_URL": f"{server.url}/token",
            "CA_BUNDLE": authority.ca_bundle,
            "PROXIES": {"https": proxy.url},
        }
        create("ORDER-1")

        assert proxy.connections == 1
        assert [request.target for request in server.requests] == ["/token"]


@each_call
def test_b12_the_settings_proxy_is_used_for_http(aim: Aim, call: Call) -> None:
    with FaultServer(serving()) as proxy:
        aim("http://127.0.0.1:9", PROXIES={"http": proxy.url})

        assert call("ORDER-1") == "s-ORDER-1"
        assert proxy.requests[0].target.startswith("http://127.0.0.1:9/v1/customers/")


def reset_in_the_tunnel(line: Line) -> None:
    line.request()
    line.send(b"HTTP/1.1 200 OK\r\n\r\n")
    reset_unread(line)


DEAD_PROXIES: Final[dict[str, Play]] = {
    "407": replying(answer(407, b"who are you?", "Proxy-Authenticate: Basic")),
    "502": replying(answer(502, b"no way")),
    "302": replying(answer(302, b"", "Location: http://evil.test/")),
    "garbage": finish_after(b"\x00\xff\x00\xff\r\n\r\n"),
    "reset before reading": reset_unread,
    "end before reading": finish_unread,
    "reset after CONNECT": reset_after(b""),
    "end after CONNECT": finish_after(b""),
    "reset in the answer": reset_after(b"HTTP/1.1 200 OK\r\nX-A: b\r\n"),
    "end in the answer": finish_after(b"HTTP/1.1 200 OK\r\nX-A"),
    "reset in the tunnel": reset_in_the_tunnel,
    "end in the tunnel": finish_after(b"HTTP/1.1 200 OK\r\n\r\n"),
    "garbage in the tunnel": finish_after(b"HTTP/1.1 200 OK\r\n\r\nhello"),
    "an answer beyond all bounds": replying(b"HTTP/1.1 200 OK\r\n" + b"X-Long: y\r\n" * 10**6),
    "a line beyond all bounds": replying(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 10**6),
}


@each_call
@pytest.mark.parametrize("play", DEAD_PROXIES.values(), ids=DEAD_PROXIES)
def test_b12_behind_a_proxy_that_fails_nothing_was_sent(
    aim: Aim, authority: Authority, call: Call, play: Play
) -> None:
    with FaultServer(play) as proxy:
        aim("https://redpin.test", PROXIES={"https": proxy.url})

        with pytest.raises(NotSent):
            call("ORDER-1")


@each_call
def test_b12_behind_a_proxy_that_is_away_nothing_was_sent(
    aim: Aim, call: Call, closed_port: int
) -> None:
    aim("https://redpin.test", PROXIES={"https": f"http://127.0.0.1:{closed_port}"})

    with pytest.raises(NotSent):
        call("ORDER-1")


@pytest.mark.parametrize(
    "url", ["socks5://127.0.0.1:1080", "proxy.example:3128", "ftp://proxy.example", ""]
)
def test_b12_a_proxy_of_another_kind_is_refused_by_name(aim: Aim, url: str) -> None:
    """Past a kind that is not understood, calls would go straight out."""
    aim("https://redpin.test", PROXIES={"https": url})

    with pytest.raises(ConfigurationError, match="PROXIES"):
        create("ORDER-1")
