"""One call meets every fault there is, and each becomes the one error that is true of it."""

from __future__ import annotations

from typing import Any, Final

import pytest
from pytest_django import Settings

from django_redpin.exceptions import AuthenticationError, NotSent, RedpinError
from tests.redpin_server import FakeRedpin

from .calls import CALLS, Call, create, find, outcome
from .conftest import Aim, Authority
from .plays import FAULTS, UNSENT, Fault, replying
from .server import FaultServer, answer, serving

# Long enough for a busy machine; where a fault only ends by them, there is no need to wait long.
PATIENT: Final[dict[str, Any]] = {"CONNECT_TIMEOUT": 5, "READ_TIMEOUT": 5, "TOTAL_TIMEOUT": 10}
HASTY: Final[dict[str, Any]] = {"CONNECT_TIMEOUT": 0.2, "READ_TIMEOUT": 0.15, "TOTAL_TIMEOUT": 0.25}
# What ends the connection is tried over TLS as well.
OVER_TLS: Final = [name for name in FAULTS if name.startswith(("reset", "end", "gzip", "until"))]

each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def patience(fault: Fault) -> dict[str, Any]:
    return HASTY if fault.waits else PATIENT


each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)


@each_fault
def test_e7_e8_each_fault_of_create_becomes_its_one_error(aim: Aim, fault: Fault) -> None:
    with FaultServer(fault.play) as server:
        aim(server, **patience(fault))

        assert outcome(create) is fault.error


@pytest.mark.slow
@each_fault
def test_e7_e8_each_fault_of_find_becomes_its_one_error(aim: Aim, fault: Fault) -> None:
    with FaultServer(fault.play) as server:
        aim(server, **patience(fault))

        assert outcome(find) is fault.error


@pytest.mark.parametrize("name", OVER_TLS)
def test_e7_it_is_the_same_over_tls(aim: Aim, authority: Authority, name: str) -> None:
    fault = FAULTS[name]
    with FaultServer(fault.play, authority.tls) as server:
        aim(server, CA_BUNDLE=authority.ca_bundle, **patience(fault))

        assert outcome(create) is fault.error


@pytest.mark.slow
@each_fault
def test_b5_a_fault_of_the_token_endpoint_means_that_nothing_was_sent(
    redpin: FakeRedpin, settings: Settings, fault: Fault
) -> None:
    with FaultServer(fault.play) as server:
        settings.REDPIN = {
            **settings.REDPIN,
            **patience(fault),
            "TOKEN_URL": f"{server.url}/token",
        }
        try:
            create("ORDER-1")
        except RedpinError as error:
            found = type(error)
            assert found in (NotSent, AuthenticationError)

    assert len(redpin.creates) == (fault.error is None)


@each_call
@pytest.mark.parametrize("fault", UNSENT.values(), ids=UNSENT)
def test_e7_without_tls_nothing_was_sent(aim: Aim, call: Call, fault: Fault) -> None:
    with FaultServer(fault.play) as server:
        aim(server.url.replace("http", "https"), **patience(fault))

        assert outcome(call) is NotSent


@each_call
def test_e7_a_refused_connection_was_not_sent(aim: Aim, call: Call, closed_port: int) -> None:
    aim(f"http://127.0.0.1:{closed_port}")

    assert outcome(call) is NotSent


@each_call
def test_e7_a_name_that_does_not_exist_was_not_sent(aim: Aim, call: Call) -> None:
    aim("https://does-not-exist.invalid")

    assert outcome(call) is NotSent


@each_call
def test_e7_a_connect_timeout_was_not_sent(aim: Aim, call: Call, unreachable: str) -> None:
    aim(unreachable, **HASTY)

    assert outcome(call) is NotSent


def test_e7_a_token_that_no_header_can_hold_was_not_sent(
    redpin: FakeRedpin, settings: Settings
) -> None:
    reply = answer(200, '{"access_token": "\u65e5\u672c", "token_type": "bearer"}'.encode())
    with FaultServer(replying(reply)) as server:
        settings.REDPIN = {**settings.REDPIN, "TOKEN_URL": f"{server.url}/token"}

        assert outcome(create) is NotSent

    assert redpin.calls == []


@each_call
@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 429, 500, 502, 503, 504, 200, 302])
def test_e6_one_call_is_one_request_whatever_it_is_answered(
    aim: Aim, call: Call, status: int
) -> None:
    with FaultServer(replying(answer(status, b"{}"))) as server:
        aim(server)

        assert outcome(call)
        assert len(server.requests) == 1


@each_call
def test_e6_after_401_the_call_is_sent_once_more_and_not_again(aim: Aim, call: Call) -> None:
    with FaultServer(replying(answer(401, b"{}"))) as server:
        aim(server)

        assert outcome(call) is AuthenticationError
        assert len(server.requests) == 2


@each_call
def test_b9_no_packing_is_asked_for_but_the_one_that_is_unpacked(aim: Aim, call: Call) -> None:
    with FaultServer(serving()) as server:
        aim(server)
        call("ORDER-1")

        assert server.requests[0].headers["accept-encoding"] == "gzip"
