"""Whatever the answer says, the call returns what was asked for or raises a typed error.

Nothing that is wrong with a 2xx answer makes a session refused: it may exist all the same.
"""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_redpin.exceptions import APIError, NoAnswer, NotSent
from django_redpin.rules import exact_json

from .calls import CALLS, Call, create, find
from .conftest import Aim
from .server import FaultServer, Line, answer, serving

each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
# One server serves all examples of a test.
examples = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
many_examples = settings(examples, max_examples=1000)

SESSION: Final[dict[str, Any]] = {
    "session_id": "s-ORDER-1",
    "client_reference_id": "ORDER-1",
    "session_url": "https://pay.redpin.test/s/",
    "expires_at": "2030-01-01T00:00:00Z",
}
WRONG: Final = [None, True, 0, -1.5, "", "\x00", [], {}, ["s"], {"s": 1}, "s" * 5000]
REQUIRED: Final = ["session_id", "session_url", "expires_at"]


def as_created(session: Any) -> Any:
    return session


def as_list(session: Any) -> Any:
    return {"sessions": [session]}


def answering(body: object) -> FaultServer:
    reply = answer(200, json.dumps(body).encode())
    return FaultServer(serving(lambda request: reply))


@pytest.mark.parametrize("name", REQUIRED)
def test_e8_a_created_session_without_one_of_its_fields_is_no_answer(aim: Aim, name: str) -> None:
    with answering({key: value for key, value in SESSION.items() if key != name}) as server:
        aim(server)

        with pytest.raises(NoAnswer) as caught:
            create("ORDER-1")
    assert caught.type is NoAnswer


@pytest.mark.parametrize("name", REQUIRED)
def test_e8_a_created_session_with_a_renamed_field_is_no_answer(aim: Aim, name: str) -> None:
    session = {f"{key}_v2" if key == name else key: value for key, value in SESSION.items()}
    with answering(session) as server:
        aim(server)

        with pytest.raises(NoAnswer) as caught:
            create("ORDER-1")
    assert caught.type is NoAnswer


@pytest.mark.parametrize("wrong", WRONG, ids=[repr(wrong)[:20] for wrong in WRONG])
@pytest.mark.parametrize("name", SESSION)
def test_e8_a_created_session_with_a_wrong_field_is_no_answer(
    aim: Aim, name: str, wrong: object
) -> None:
    with answering({**SESSION, name: wrong}) as server:
        aim(server)

        with pytest.raises(NoAnswer) as caught:
            create("ORDER-1")
    assert caught.type is NoAnswer


@pytest.mark.parametrize("wrong", WRONG, ids=[repr(wrong)[:20] for wrong in WRONG])
def test_e8_a_listed_session_with_a_wrong_id_is_no_answer(aim: Aim, wrong: object) -> None:
    with answering(as_list({**SESSION, "session_id": wrong})) as server:
        aim(server)

        with pytest.raises(NoAnswer) as caught:
            find("ORDER-1")
    assert caught.type is NoAnswer


@each_call
def test_e8_fields_that_are_new_are_no_fault(aim: Aim, call: Call) -> None:
    session = {**SESSION, "brand_new": {"a": [1, 2.5, None]}, "session_url_v2": 7}
    shape = as_created if call is create else as_list
    with answering(shape(session)) as server:
        aim(server)

        assert call("ORDER-1") == "s-ORDER-1"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
# Close to right, so that every reader is reached.
sessions = st.fixed_dictionaries(
    {},
    optional={
        name: st.just(value) | anything
        for name, value in {
            **SESSION,
            "session_expires_at": "2030-01-01T00:00:00Z",
            "latest_status": "RECEIVED_FUNDS",
            "customer_id": "0201001008132685",
            "has_payment": True,
            "payment_id": 9001,
        }.items()
    },
)
bodies = (
    anything
    | sessions
    | st.lists(sessions | anything, max_size=3).map(lambda entries: {"sessions": entries})
)


def fuzz(aim: Aim, call: Call, replies: st.SearchStrategy[bytes], how: settings) -> None:
    """Let the server give each of `replies`, and require that the call ends as it may.

    The server hangs up after each, so that the call never waits for more.
    """
    reply = b""

    def play(line: Line) -> None:
        line.request()
        line.send(reply)
        line.finish()

    with FaultServer(play) as server:
        aim(server)

        @how
        @given(replies)
        def run(said: bytes) -> None:
            nonlocal reply
            reply = said
            try:
                call("ORDER-1")
            except (NoAnswer, APIError) as error:
                unsent = isinstance(error, NotSent)
            except AssertionError:
                unsent = False  # It found nothing.
            else:
                unsent = False
            assert not unsent

        run()


@pytest.mark.heavy
@each_call
def test_e8_any_json_is_read_or_becomes_a_typed_error(aim: Aim, call: Call) -> None:
    fuzz(aim, call, bodies.map(lambda body: answer(200, json.dumps(body).encode())), examples)


@pytest.mark.slow
@each_call
def test_e8_any_json_under_any_status_becomes_a_typed_error(aim: Aim, call: Call) -> None:
    replies = st.builds(
        lambda status, body: answer(status, json.dumps(body).encode()),
        st.integers(200, 999),
        bodies,
    )
    fuzz(aim, call, replies, many_examples)


# What stands in a header is read as latin-1, and ends with its line.
header_values = st.text(
    st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=60
) | st.from_regex(r"\A(Mon, )?[0-9]{1,4} [JFM][a-z]{2} -?[0-9]{1,6} [0-9:]{0,12} [+-][0-9]{1,6}\Z")
header_names = st.sampled_from(
    [
        "Alt-Svc",
        "Connection",
        "Content-Encoding",
        "Content-Length",
        "Content-Type",
        "Date",
        "Keep-Alive",
        "Location",
        "Proxy-Connection",
        "Retry-After",
        "Set-Cookie",
        "Set-Cookie2",
        "Trailer",
        "Transfer-Encoding",
        "X-Request-ID",
    ]
)


@pytest.mark.slow
@each_call
def test_e7_any_header_becomes_a_typed_error(aim: Aim, call: Call) -> None:
    replies = st.builds(
        lambda status, headers, body: (
            f"HTTP/1.1 {status} OK\r\n".encode()
            + b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in headers)
            + b"\r\n"
            + body
        ),
        st.sampled_from([200, 201, 204, 301, 304, 307, 400, 401, 409, 429, 500, 503]),
        st.lists(st.tuples(header_names, header_values), max_size=4),
        st.binary(max_size=40) | st.just(json.dumps(SESSION).encode()),
    )
    fuzz(aim, call, replies, many_examples)


@pytest.mark.slow
@each_call
def test_e7_any_bytes_become_a_typed_error(aim: Aim, call: Call) -> None:
    starts = st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
    replies = st.builds(lambda start, rest: start + rest, starts, st.binary(max_size=200))
    fuzz(aim, call, replies, many_examples)


@pytest.mark.heavy
@given(st.binary() | anything.map(lambda value: json.dumps(value).encode()))
def test_e8_reading_json_raises_nothing_but_valueerror(body: bytes) -> None:
    try:
        exact_json.loads(body)
    except ValueError:
        """That is what it says."""
