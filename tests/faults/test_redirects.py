"""What an answer says leads the next request nowhere: no redirect, no link, no cookie."""

from __future__ import annotations

import pytest
import simplejson
from pytest_django import Settings

from django_redpin.exceptions import NoAnswer, NotSent
from tests.redpin_server import FakeRedpin

from .calls import CALLS, Call, create, outcome
from .conftest import Aim
from .plays import body_of, replying
from .server import FaultServer, Request, answer, serving

each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@each_call
@pytest.mark.parametrize("status", [307, 308])
def test_b10_no_redirect_is_followed_to_anywhere(aim: Aim, call: Call, status: int) -> None:
    with FaultServer(serving()) as elsewhere:
        location = f"Location: {elsewhere.url}/v1/customers/x/sessions"
        with FaultServer(replying(answer(status, b"", location))) as server:
            aim(server)

            assert outcome(call) is NoAnswer
            assert len(server.requests) == 1
        assert elsewhere.connections == 0


def test_b10_no_redirect_takes_the_credentials_elsewhere(
    redpin: FakeRedpin, settings: Settings
) -> None:
    with FaultServer(serving()) as elsewhere:
        redirect = answer(307, b"", f"Location: {elsewhere.url}/token")
        with FaultServer(replying(redirect)) as server:
            settings.REDPIN = {**settings.REDPIN, "TOKEN_URL": f"{server.url}/token"}

            assert outcome(create) is NotSent
            assert len(server.requests) == 1
        assert elsewhere.connections == 0
    assert redpin.calls == []


@each_call
def test_b10_no_address_in_an_answer_is_asked_for_anything(aim: Aim, call: Call) -> None:
    with FaultServer(serving()) as elsewhere:
        url = f"{elsewhere.url}/v1"
        hints = [
            f'Link: <{url}>; rel="next", <{url}>; rel=preload',
            f"Refresh: 0; url={url}",
            f"Location: {url}",
            f"Content-Location: {url}",
            f'Alt-Svc: http/1.1="127.0.0.1:{elsewhere.port}"',
        ]

        def reply(request: Request) -> bytes:
            entry = {
                "session_id": f"s-{request.reference}",
                "session_url": url,
                "expires_at": "2030-01-01T00:00:00Z",
                "client_reference_id": request.reference,
                "next": url,
            }
            body = entry if request.method == "POST" else {"sessions": [entry], "next": url}
            return answer(200, simplejson.dumps(body).encode(), *hints)

        with FaultServer(serving(reply)) as server:
            aim(server)

            assert outcome(call) is None
        assert elsewhere.connections == 0


@each_call
def test_b12_cookies_are_not_kept(aim: Aim, call: Call) -> None:
    def reply(request: Request) -> bytes:
        return answer(200, body_of(request), "Set-Cookie: who=you; Path=/", "Set-Cookie: b=c")

    with FaultServer(serving(reply)) as server:
        aim(server)
        call("ORDER-1")
        call("ORDER-2")

        assert server.connections == 1
        assert not any("cookie" in request.headers for request in server.requests)
