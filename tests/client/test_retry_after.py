"""What an error answer says beside its envelope: how long to wait, and by which id it is known."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_redpin.client import RedpinClient
from django_redpin.client.transport import _retry_after
from django_redpin.conf import get_account
from django_redpin.exceptions import APIError
from tests.client.test_client import answering, request
from tests.redpin_server import FakeRedpin
from tests.rules.samples import examples


def refusal(redpin: FakeRedpin, status: int, *headers: tuple[str, str]) -> APIError:
    """Return the error that a create call meets."""
    redpin.create_script.append(answering(status, b"{}", *headers))
    with pytest.raises(APIError) as caught:
        RedpinClient(get_account()).create_session(request())
    return caught.value


@pytest.mark.parametrize("status", [400, 429, 500, 503])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("1", 1.0),
        ("  120  ", 120.0),
        ("3600", 3600.0),
        ("3601", 3600.0),
        ("1000000000", 3600.0),
        ("9" * 60_000, 3600.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2199 07:28:00 GMT", 3600.0),
        ("-1", None),
        ("1.5", None),
        ("1e3", None),
        ("soon", None),
        ("", None),
        ("Wed, 21 Oct 99999999999999999999 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_read_within_bounds(
    redpin: FakeRedpin, status: int, header: str, seconds: float | None
) -> None:
    error = refusal(redpin, status, ("Retry-After", header))

    assert error.retry_after == seconds
    assert type(error.retry_after) in (float, type(None))


def test_retry_after_may_be_a_time(redpin: FakeRedpin) -> None:
    moment = datetime.now(timezone.utc) + timedelta(seconds=100)

    error = refusal(redpin, 503, ("Retry-After", format_datetime(moment, usegmt=True)))

    assert error.retry_after == pytest.approx(100, abs=10)


def test_without_the_header_there_is_no_retry_after(redpin: FakeRedpin) -> None:
    assert refusal(redpin, 503).retry_after is None


numbers = st.integers(-(10**12), 10**12)


@examples(200)
@given(
    st.text()
    | numbers.map(str)
    | st.tuples(numbers, st.sampled_from(["Jan", "Foo", ""]), *[numbers] * 4, st.text()).map(
        lambda parts: "{} {} {} {}:{}:{} {}".format(*parts)
    )
)
def test_retry_after_is_none_or_at_most_an_hour_whatever_it_says(header: str) -> None:
    seconds = _retry_after(header)

    assert seconds is None or 0 <= seconds <= 3600


@pytest.mark.parametrize("name", ["X-Request-ID", "x-correlation-id", "Request-Id"])
def test_b13_redpins_id_of_the_call_is_on_the_error(redpin: FakeRedpin, name: str) -> None:
    assert refusal(redpin, 422, (name, "abc-123")).request_id == "abc-123"


def test_b13_the_first_id_is_taken(redpin: FakeRedpin) -> None:
    headers = [("Request-ID", "third"), ("X-Correlation-ID", "second"), ("X-Request-ID", "first")]

    assert refusal(redpin, 422, *headers).request_id == "first"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("a" * 100, "a" * 100), ("a" * 101, ""), ("a\tb", ""), ("a\x1b[31m", ""), ("caf\xe9", "")],
)
def test_b13_an_id_that_is_not_fit_for_a_log_is_dropped(
    redpin: FakeRedpin, sent: str, kept: str
) -> None:
    assert refusal(redpin, 422, ("X-Request-ID", sent)).request_id == kept


def test_b13_without_an_id_there_is_none(redpin: FakeRedpin) -> None:
    assert refusal(redpin, 422).request_id == ""
