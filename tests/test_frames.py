"""What is raised takes no frames along in which a secret is, whichever Python it is."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import pytest

from django_redpin.exceptions.frames import frameless


class Below(Exception):
    pass


def sent(secret: str) -> Iterator[None]:
    """Fail as psycopg does: in a generator, whose frame is left without a caller by then."""
    try:
        int(secret)
    except ValueError as error:
        raise Below from error
    yield


@frameless
def write(secret: str) -> int:
    for _ in sent(secret):
        pass
    return len(secret)


@frameless
def well(number: int) -> int:
    return number + 1


def functions(error: BaseException | None) -> list[str]:
    assert error is not None
    return [frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)]


def test_neither_the_error_nor_its_cause_has_a_frame_of_what_was_called() -> None:
    with pytest.raises(Below) as caught:
        write("s" * 9)

    here = "test_neither_the_error_nor_its_cause_has_a_frame_of_what_was_called"
    assert functions(caught.value) == [here, "call"]
    assert isinstance(caught.value.__cause__, ValueError)
    assert functions(caught.value.__cause__) == []


def test_what_the_caller_handles_meanwhile_keeps_its_own() -> None:
    outer = KeyError("outer")
    try:
        raise outer
    except KeyError:
        with pytest.raises(Below) as caught:
            write("")

    assert caught.value.__cause__.__context__ is outer  # type: ignore[union-attr]
    assert functions(outer) == ["test_what_the_caller_handles_meanwhile_keeps_its_own"]


def test_what_is_returned_is_returned() -> None:
    assert well(1) == 2
